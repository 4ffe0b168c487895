/** What stands under a path, as `drive stat` tells it. */
export interface Entry {
  readonly id: string;
  readonly title: string;
  readonly isFolder: boolean;
  readonly sizeBytes: number;
  /** Changes with each version of the file. */
  readonly version: string;
  /** Of the content as it is stored; empty of folders. */
  readonly md5: string;
}

/** One line of `drive list -long -version`. */
export interface Listed {
  readonly id: string;
  readonly isFolder: boolean;
  readonly version: string;
  /** When its content was last sent, by the sender's clock; NaN if drive writes that in another way. */
  readonly modifiedMs: number;
  /** From the top of the drive, with a leading slash. */
  readonly path: string;
}

/** A line that is not what was asked for; the words of an error, mostly. */
export class OddLine extends Error {
  constructor(line: string) {
    super(line);
  }
}

const ID = /^[\w-]+$/;
/** How wide `drive stat` writes what a value is. */
const KEY_COLUMNS = 25;
const HEADER = /^FileId +Relative Path$/;

/** The files that `drive id` finds under `path`. @throws {OddLine} */
export function parseIds(text: string, path: string): string[] {
  const ids: string[] = [];
  const quoted = quote(path);
  for (const line of linesOf(text)) {
    if (HEADER.test(line)) continue;
    const [, id = "", shown] = /^"([^"]+)" +(".*")$/.exec(line) ?? [];
    if (shown !== quoted || !ID.test(id)) throw new OddLine(line);
    ids.push(id);
  }
  return ids;
}

/** What `drive stat` tells of each file. @throws {OddLine} if a file comes without what belongs to it */
export function parseStat(text: string): Entry[] {
  const blocks: Map<string, string>[] = [];
  for (const line of linesOf(text)) {
    const key = line.slice(0, KEY_COLUMNS).trimEnd();
    if (key === "Filename") blocks.push(new Map());
    const block = blocks.at(-1);
    const value = line.slice(KEY_COLUMNS + 1).replace(/ +$/, "");
    if (block?.has(key) === false) block.set(key, value);
  }
  return blocks.map((block) => {
    const id = block.get("FileId") ?? "";
    const sizeBytes = Number(block.get("Bytes") ?? NaN);
    const title = block.get("Filename") ?? "";
    const isWhole = ID.test(id) && Number.isSafeInteger(sizeBytes) && block.has("DirType");
    if (!isWhole) throw new OddLine(`a file "${title}" without id, size or kind`);
    return {
      id,
      title,
      sizeBytes,
      isFolder: block.get("DirType") === "folder",
      version: block.get("VersionNumber") ?? "",
      md5: block.get("Md5Checksum") ?? "",
    };
  });
}

/** What `drive list -long -version` shows. @throws {OddLine} */
export function parseList(text: string): Listed[] {
  return linesOf(text).map((line) => {
    const found = /^([-d])[-s](?: \S+ +)? v(\d+) \S+ *\t(\S+) *\t\t([^\t]*)\t(.*?) *$/.exec(line);
    const [, kind, version = "", id = "", time = "", path = ""] = found ?? [];
    if (!ID.test(id) || !path.startsWith("/")) throw new OddLine(line);
    const [, day = "", clock = ""] = /^(\S+) (\S+) \+0000 UTC *$/.exec(time) ?? [];
    const modifiedMs = Date.parse(`${day}T${clock}Z`);
    return { id, isFolder: kind === "d", version, modifiedMs, path };
  });
}

/** The sizes of files by path that `drive du` shows; of several of one path the first. @throws {OddLine} */
export function parseUsage(text: string): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const line of linesOf(text)) {
    const [, size = "", path = ""] = /^(\d+) +(\/.*)$/.exec(line) ?? [];
    if (path === "") throw new OddLine(line);
    if (!sizes.has(path)) sizes.set(path, Number(size));
  }
  return sizes;
}

/** Used and free bytes that `drive quota` tells. */
export function parseQuota(text: string): { usedBytes?: number; freeBytes?: number } {
  const bytes = (label: string) => {
    const value = Number(new RegExp(`^Bytes ${label}:\\s+(-?\\d+) `, "m").exec(text)?.[1] ?? NaN);
    return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  };
  const [usedBytes, freeBytes] = [bytes("Used"), bytes("Free")];
  return {
    ...(usedBytes === undefined ? {} : { usedBytes }),
    ...(freeBytes === undefined ? {} : { freeBytes }),
  };
}

/** As drive quotes paths. */
function quote(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line.trim() !== "");
}
