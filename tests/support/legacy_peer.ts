import { createHash } from "node:crypto";
import { readGolden } from "./golden.ts";
import { treeOf } from "./engine.ts";

interface ModifiedCase {
  readonly local_exists: boolean;
  readonly local_mtime_is: "older" | "same" | "newer";
  readonly content_same: boolean;
  readonly checksums: "both" | "remote only" | "local only" | "none";
  readonly mtime_argument_given: boolean;
  readonly direction: "remote is newer?" | "local is newer?" | "differs?";
  readonly modified: boolean | null;
}

/** A record as 0.7 reads it. */
export interface LegacyRecord {
  readonly pusher: string | undefined;
  readonly timeS: number;
  readonly checksum: string | undefined;
  readonly pullers: readonly string[];
}

const { cases } = readGolden<{ readonly cases: readonly ModifiedCase[] }>("file_modified.json");

/**
 * A model of 0.7's decisions on a relay directory in the placeholder layout, in shared mode with one puller expected.
 * It is not that program: it is made from the golden tables (`file_modified.json` for what counts as modified,
 * `listings.json` for what is ready, the placeholders and locks) and from the known order of its steps. Where the
 * tables say nothing it does nothing.
 */
export class LegacyPeer {
  readonly #name: string;
  readonly #local: string;
  readonly #relay: string;
  readonly #passesTimes: boolean;

  constructor(
    name: string,
    options: {
      readonly local: string;
      readonly relay: string;
      /** Whether its callers pass the recorded time along; the table has both. */
      readonly passesTimes: boolean;
    },
  ) {
    this.#name = name;
    this.#local = options.local;
    this.#relay = options.relay;
    this.#passesTimes = options.passesTimes;
  }

  /** Undoes what its own locks show as interrupted, as it does when it starts. */
  start(): void {
    for (const name of this.#listing()) {
      const resource = resourceOf(name, "lock");
      if (resource === undefined) continue;
      const text = Deno.readTextFileSync(`${this.#relay}/${name}`);
      const owner = /^owner: (.*)$/m.exec(text)?.[1] ?? text.trim();
      if (owner !== this.#name) continue;
      const hasContent = this.#stands(resource);
      if (/^mode: w$/m.test(text)) {
        this.#remove(resource);
        this.#remove(beside(resource, "placeholder"));
      } else if (!hasContent) this.#remove(beside(resource, "placeholder"));
      this.#remove(name);
    }
  }

  /** Pulls what is ready and counts as newer. Returns what it pulled. */
  pull(): string[] {
    const pulled: string[] = [];
    for (const resource of readyForDownload(this.#listing())) {
      const record = this.#record(resource);
      if (record === undefined) {
        // Watched: without a record it deletes the relay's copy.
        this.#remove(resource);
        continue;
      }
      if (record.pusher === this.#name) continue;
      if (!this.#isModified(resource, record, "remote is newer?")) continue;
      this.#lock(resource, "r");
      const content = Deno.readFileSync(`${this.#relay}/${resource}`);
      this.#remove(resource);
      const placeholder = `${this.#relay}/${beside(resource, "placeholder")}`;
      Deno.writeTextFileSync(placeholder, `\n${this.#name}`, { append: true });
      write(`${this.#local}/${resource}`, content);
      Deno.utimeSync(`${this.#local}/${resource}`, record.timeS, record.timeS);
      this.#remove(beside(resource, "lock"));
      pulled.push(resource);
    }
    return pulled;
  }

  /** Pushes what has no record, or counts as newer than it. Returns what it pushed. */
  push(): string[] {
    const pushed: string[] = [];
    const listing = this.#listing();
    for (const resource of Object.keys(treeOf(this.#local, (name) => !name.startsWith(".")))) {
      if (listing.includes(beside(resource, "lock"))) continue;
      const isKnown = transferred(listing).includes(resource);
      const record = isKnown ? this.#record(resource) : undefined;
      if (record !== undefined && !this.#isModified(resource, record, "local is newer?")) continue;
      this.#lock(resource, "w");
      const content = Deno.readFileSync(`${this.#local}/${resource}`);
      const text = placeholderText(`${this.#local}/${resource}`, this.#name);
      write(`${this.#relay}/${beside(resource, "placeholder")}`, new TextEncoder().encode(text));
      write(`${this.#relay}/${resource}`, content);
      this.#remove(beside(resource, "lock"));
      pushed.push(resource);
    }
    return pushed;
  }

  #isModified(
    resource: string,
    record: LegacyRecord,
    direction: ModifiedCase["direction"],
  ): boolean {
    const passesTimes = this.#passesTimes;
    return isModified(`${this.#local}/${resource}`, record, { direction, passesTimes });
  }

  #record(resource: string): LegacyRecord | undefined {
    try {
      return readAsLegacy(
        Deno.readTextFileSync(`${this.#relay}/${beside(resource, "placeholder")}`),
      );
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) return undefined;
      throw cause;
    }
  }

  #lock(resource: string, mode: "r" | "w"): void {
    const text = `lock%1.0\nowner: ${this.#name}\nmode: ${mode}`;
    write(`${this.#relay}/${beside(resource, "lock")}`, new TextEncoder().encode(text));
  }

  #listing(): string[] {
    return Object.keys(treeOf(this.#relay));
  }

  #stands(name: string): boolean {
    return stands(`${this.#relay}/${name}`);
  }

  #remove(name: string): void {
    if (this.#stands(name)) Deno.removeSync(`${this.#relay}/${name}`);
  }
}

/** Whether 0.7 takes one side for newer, by its table. */
export function isModified(
  place: string,
  record: LegacyRecord,
  options: {
    readonly direction: ModifiedCase["direction"];
    /** Whether the recorded time is passed along; the table has both. */
    readonly passesTimes: boolean;
  },
): boolean {
  const exists = stands(place);
  const localS = exists ? timeOf(place) : 0;
  const digest = exists ? sha512(Deno.readFileSync(place)) : undefined;
  const row = cases.find((it) =>
    it.local_exists === exists &&
    it.local_mtime_is ===
      (localS === record.timeS ? "same" : localS < record.timeS ? "older" : "newer") &&
    it.content_same === (digest !== undefined && digest === record.checksum) &&
    it.checksums === checksumsKnown(record, digest) &&
    it.mtime_argument_given === options.passesTimes && it.direction === options.direction
  );
  if (row === undefined) throw new Error(`The table has no row for "${place}"`);
  return row.modified === true;
}

/** The text of a placeholder that 0.7 writes for a local file. */
export function placeholderText(place: string, pusher: string): string {
  return [
    "placeholder%1.0",
    `pusher: ${pusher}`,
    `timestamp: ${timeOf(place)}`,
    `checksum: ${sha512(Deno.readFileSync(place))}`,
    "---pullers---",
  ].join("\n");
}

/** Modification time of a file in whole seconds. */
function timeOf(place: string): number {
  return Math.floor((Deno.statSync(place).mtime?.getTime() ?? 0) / 1000);
}

/** Reads a placeholder as 0.7 does: a value with a colon is an error, keys that it does not know are skipped. */
export function readAsLegacy(text: string): LegacyRecord {
  const [header, ...lines] = text.split("\n");
  if (header !== "placeholder%1.0") throw new Error(`Not a placeholder: "${text}"`);
  const end = lines.findIndex((line) => /^[-=+#%]/.test(line));
  const fields = new Map(
    lines.slice(0, end).map((line) => {
      const [key, value, ...more] = line.split(":");
      if (key === undefined || value === undefined || more.length > 0) {
        throw new Error(`0.7 cannot read the line "${line}"`);
      }
      return [key.trim(), value.trim()];
    }),
  );
  return {
    pusher: fields.get("pusher"),
    timeS: Number(fields.get("timestamp")),
    checksum: fields.get("checksum"),
    pullers: lines.slice(end + 1),
  };
}

/** What 0.7 takes for ready: every visible file beside which no lock stands. */
export function readyForDownload(listing: readonly string[]): string[] {
  return listing.filter((name) =>
    !baseOf(name).startsWith(".") && !listing.includes(beside(name, "lock"))
  );
}

/** What 0.7 takes for transferred: every file with a placeholder, also where its content still stands. */
export function transferred(listing: readonly string[]): string[] {
  return listing.flatMap((name) => {
    const resource = resourceOf(name, "placeholder");
    return resource === undefined ? [] : [resource];
  });
}

function checksumsKnown(
  record: LegacyRecord,
  digest: string | undefined,
): ModifiedCase["checksums"] {
  if (record.checksum === undefined) return digest === undefined ? "none" : "local only";
  return digest === undefined ? "remote only" : "both";
}

function resourceOf(name: string, extension: string): string | undefined {
  const base = baseOf(name);
  if (!base.startsWith(".") || !base.endsWith(`.${extension}`)) return undefined;
  return name.slice(0, name.length - base.length) + base.slice(1, -extension.length - 1);
}

function beside(resource: string, extension: string): string {
  const base = baseOf(resource);
  return `${resource.slice(0, resource.length - base.length)}.${base}.${extension}`;
}

function baseOf(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

/** Writes a file and makes its folders. */
export function write(place: string, bytes: Uint8Array): void {
  Deno.mkdirSync(place.slice(0, place.lastIndexOf("/")), { recursive: true });
  Deno.writeFileSync(place, bytes);
}

/** Whether a file stands there. */
export function stands(place: string): boolean {
  try {
    return Deno.lstatSync(place).isFile;
  } catch {
    return false;
  }
}

function sha512(bytes: Uint8Array): string {
  return createHash("sha512").update(bytes).digest("hex");
}
