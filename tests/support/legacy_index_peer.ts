import { type LegacyCipher, packAsLegacy, unpackAsLegacy } from "./legacy_archive.ts";
import {
  formatGroupsAsLegacy,
  formatIndexAsLegacy,
  type LegacyIndex,
  readIndexAsLegacy,
} from "./legacy_index.ts";
import { isModified, placeholderText, readAsLegacy, stands, write } from "./legacy_peer.ts";
import { treeOf } from "./engine.ts";
import { runTool } from "./tools.ts";

/** The update that stands on a page, if one does. */
interface Update {
  readonly ts: number;
  readonly index: LegacyIndex;
}

/**
 * A model of a 0.7 client on a relay directory in the index layout, in shared mode with one puller expected. It is not
 * that program: it is made from the golden tables (`indices.json`, `pages.json`, `file_modified.json`), the golden relays
 * and the known order of its steps; bzip2, tar and ciphers are Python's.
 */
export class LegacyIndexPeer {
  readonly #name: string;
  readonly #local: string;
  readonly #relay: string;
  readonly #depth: number;
  readonly #cipher: LegacyCipher;
  readonly #passesTimes: boolean;
  readonly #nowS: () => number;
  readonly #userId: number | undefined;
  /** Pages whose persistent index it has gone through since it started. */
  readonly #known = new Set<string>();

  constructor(
    name: string,
    options: {
      readonly local: string;
      readonly relay: string;
      /** 0: one page; else so many levels of folders make one. */
      readonly depth: number;
      readonly cipher: LegacyCipher;
      /** Whether its callers pass the recorded time along; the table has both. */
      readonly passesTimes: boolean;
      readonly nowS: () => number;
      /** The user who is to own what it writes to the relay. */
      readonly userId?: number;
    },
  ) {
    this.#name = name;
    this.#local = options.local;
    this.#relay = options.relay;
    this.#depth = options.depth;
    this.#cipher = options.cipher;
    this.#passesTimes = options.passesTimes;
    this.#nowS = options.nowS;
    this.#userId = options.userId;
  }

  /** Starts anew: forgets what it knew, and undoes what its own locks show as interrupted. */
  start(): void {
    this.#known.clear();
    for (const page of this.#pages()) {
      const lock = this.#read(`.${page}.lock`);
      if (lock === undefined || /^owner: (.*)$/m.exec(lock)?.[1] !== this.#name) continue;
      if (/^mode: w$/m.test(lock)) {
        for (const ts of this.#updatesOn(page)) this.#removeUpdate(page, ts);
      }
      this.#remove(`.${page}.lock`);
    }
  }

  /** Pulls on every page what counts as newer, and requests what is nowhere. Returns what it pulled. */
  async pull(): Promise<string[]> {
    const pulled: string[] = [];
    for (const page of this.#pages()) {
      if (this.#stands(`.${page}.lock`)) continue;
      const update = this.#updateOn(page);
      const isFirst = !this.#known.has(page);
      if (!isFirst && (update === undefined || this.#isOwn(update.index))) continue;
      this.#lock(page, "r");
      const persistent = await this.#persistent(page);
      const { entries } = isFirst || update === undefined ? persistent : update.index;
      const isOwed = update !== undefined && !this.#isOwn(update.index);
      const members = isOwed ? await this.#membersOf(page, update.ts) : new Map();
      const requested: string[] = [];
      for (const [path, text] of entries) {
        const record = readAsLegacy(text ?? "");
        const place = `${this.#local}/${path}`;
        const content = members.get(path);
        if (content === undefined) {
          if (!stands(place) && update?.index.entries.has(path) !== true) requested.push(path);
        } else if (record.pusher !== this.#name && this.#isNewer(path, text, "remote is newer?")) {
          write(place, content);
          Deno.utimeSync(place, record.timeS, record.timeS);
          pulled.push(path);
        }
      }
      await this.#request(page, persistent, requested);
      if (isOwed) this.#removeUpdate(page, update.ts);
      this.#known.add(page);
      this.#remove(`.${page}.lock`);
    }
    return pulled;
  }

  /** Pushes, on every page without an update, what is not in its index or counts as newer. Returns what it pushed. */
  async push(): Promise<string[]> {
    const pushed: string[] = [];
    const files = Object.keys(treeOf(this.#local, (name) => !name.startsWith(".")));
    for (const [page, paths] of Map.groupBy(files, (path) => pageAsLegacy(path, this.#depth))) {
      if (this.#stands(`.${page}.lock`) || this.#updateOn(page) !== undefined) continue;
      const persistent = await this.#persistent(page);
      const wanted = paths.filter((path) => {
        const text = persistent.entries.get(path);
        return text === undefined || this.#isNewer(path, text, "local is newer?");
      });
      if (wanted.length === 0) continue;
      this.#lock(page, "w");
      await this.#publish(page, persistent, wanted);
      this.#remove(`.${page}.lock`);
      this.#known.add(page);
      pushed.push(...wanted);
    }
    return pushed;
  }

  async #publish(page: string, { entries }: LegacyIndex, paths: readonly string[]): Promise<void> {
    const ts = this.#nowS();
    const texts = new Map(paths.map((path) => {
      return [path, `${placeholderText(`${this.#local}/${path}`, this.#name)}\n`];
    }));
    const members = paths.map((path) => ({
      path,
      timeS: readAsLegacy(texts.get(path) ?? "").timeS,
      content: Deno.readFileSync(`${this.#local}/${path}`),
    }));
    this.#write(`.${page}.${ts}.data`, await packAsLegacy(members, this.#cipher));
    await this.#writePersistent(page, new Map([...entries, ...texts]));
    this.#write(`.${page}.${ts}.index`, new TextEncoder().encode(formatIndexAsLegacy(texts)));
  }

  async #request(page: string, { entries }: LegacyIndex, paths: readonly string[]): Promise<void> {
    // Without "allow page deletion" it empties no page.
    if (paths.length === 0 || paths.length === entries.size) return;
    const left = [...entries].filter(([path]) => !paths.includes(path));
    await this.#writePersistent(page, new Map(left));
  }

  #isNewer(
    path: string,
    text: string | undefined,
    direction: "remote is newer?" | "local is newer?",
  ): boolean {
    const options = { direction, passesTimes: this.#passesTimes };
    return isModified(`${this.#local}/${path}`, readAsLegacy(text ?? ""), options);
  }

  #isOwn({ entries, pullers }: LegacyIndex): boolean {
    if (pullers.includes(this.#name)) return true;
    return [...entries.values()].every((text) => readAsLegacy(text ?? "").pusher === this.#name);
  }

  async #membersOf(page: string, ts: number): Promise<Map<string, Uint8Array>> {
    const data = Deno.readFileSync(`${this.#relay}/.${page}.${ts}.data`);
    const members = await unpackAsLegacy(data, this.#cipher);
    return new Map(members.map(({ path, content }) => [path, content]));
  }

  async #persistent(page: string): Promise<LegacyIndex> {
    if (!this.#stands(`.${page}.index`)) return { entries: new Map(), pullers: [] };
    const packed = Deno.readFileSync(`${this.#relay}/.${page}.index`);
    return readIndexAsLegacy(await runTool(["bzip2", "-dc"], { input: packed }), {
      isGrouped: true,
    });
  }

  async #writePersistent(
    page: string,
    entries: ReadonlyMap<string, string | undefined>,
  ): Promise<void> {
    const input = new TextEncoder().encode(formatGroupsAsLegacy(entries));
    this.#write(`.${page}.index`, await runTool(["bzip2", "-c"], { input }));
  }

  #updateOn(page: string): Update | undefined {
    const all = this.#updatesOn(page);
    // Two updates it takes for corrupt.
    if (all.length > 1) { for (const ts of all) this.#removeUpdate(page, ts); }
    const [ts] = this.#updatesOn(page);
    if (ts === undefined) return undefined;
    const bytes = Deno.readFileSync(`${this.#relay}/.${page}.${ts}.index`);
    return { ts, index: readIndexAsLegacy(bytes, { isGrouped: false }) };
  }

  #updatesOn(page: string): number[] {
    return this.#names().flatMap((name) => {
      const [, of, ts] = /^\.([^.]+)\.(\d+)\.index$/.exec(name) ?? [];
      return of === page ? [Number(ts)] : [];
    });
  }

  #removeUpdate(page: string, ts: number): void {
    this.#remove(`.${page}.${ts}.index`);
    this.#remove(`.${page}.${ts}.data`);
  }

  #pages(): string[] {
    const pages = this.#names().flatMap((name) =>
      /^\.([^.]+)\.(index|lock)$/.exec(name)?.[1] ?? []
    );
    return [...new Set(pages)].sort();
  }

  #lock(page: string, mode: "r" | "w"): void {
    const text = `lock%1.0\nowner: ${this.#name}\nmode: ${mode}`;
    this.#write(`.${page}.lock`, new TextEncoder().encode(text));
  }

  #names(): string[] {
    return [...Deno.readDirSync(this.#relay)].map(({ name }) => name);
  }

  #stands(name: string): boolean {
    return stands(`${this.#relay}/${name}`);
  }

  #read(name: string): string | undefined {
    return this.#stands(name) ? Deno.readTextFileSync(`${this.#relay}/${name}`) : undefined;
  }

  #write(name: string, bytes: Uint8Array): void {
    const place = `${this.#relay}/${name}`;
    write(place, bytes);
    if (this.#userId !== undefined) Deno.chownSync(place, this.#userId, null);
  }

  #remove(name: string): void {
    if (this.#stands(name)) Deno.removeSync(`${this.#relay}/${name}`);
  }
}

/** The page of a path, as 0.7 has it (`pages.json`); 0 levels: one page for all. */
export function pageAsLegacy(path: string, depth: number): string {
  const folders = path.split("/").slice(0, -1).filter((part) => part !== "");
  if (depth === 0 || folders.length < depth) return "0";
  return folders.slice(0, depth).join("_").replaceAll(".", "_");
}
