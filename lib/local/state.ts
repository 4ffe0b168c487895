import { DatabaseSync, type StatementSync } from "node:sqlite";
import { EscaleError, messageOf } from "../errors.ts";
import { sqliteFailureOf } from "./_sqlite.ts";
import type { KeptMark } from "./quiet_marks.ts";
import { parseRelativePath, type RelativePath } from "../path.ts";
import { rowReader } from "./_row_reader.ts";
import { columnOf, columnsOf, flagOf, resourceOf, upsert } from "./_state_rows.ts";
import {
  type AccessModifiers,
  type ResourceChange,
  type ResourceState,
  UNKNOWN_RESOURCE,
} from "./remembered.ts";

export type {
  AccessModifiers,
  Agreed,
  FileStamp,
  ResourceChange,
  ResourceState,
} from "./remembered.ts";
export { UNKNOWN_RESOURCE } from "./remembered.ts";

const SCHEMA_VERSION = 2;
const SCHEMA = `
  CREATE TABLE resource (
    name TEXT PRIMARY KEY,
    size INTEGER, modified REAL, changed REAL, inode INTEGER, digest TEXT,
    agreed TEXT, intended TEXT, refused TEXT, record_sign TEXT, record TEXT
  ) WITHOUT ROWID;
  CREATE INDEX refused ON resource (name) WHERE refused IS NOT NULL;
  CREATE TABLE access (name TEXT PRIMARY KEY, r INTEGER, w INTEGER) WITHOUT ROWID;
  CREATE TABLE lock (name TEXT PRIMARY KEY, nonce TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE sighting (name TEXT PRIMARY KEY, text TEXT NOT NULL, uptime REAL NOT NULL) WITHOUT ROWID;
  CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE misfit (resource TEXT PRIMARY KEY, place TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE quiet (name TEXT PRIMARY KEY, relay REAL NOT NULL, local REAL NOT NULL) WITHOUT ROWID;
`;
const QUIET_FACT = "settings of quiet marks";
const REST_FACT = "rest";

/** How to open a state database. */
export interface StateOptions {
  /** Nothing is written, and every change is forgotten at once; a database that is not there counts as empty. */
  readonly isReadOnly?: boolean;
  readonly warn?: (message: string) => void;
}

/**
 * What a client remembers between runs, in one SQLite database. Losing it is safe: everything is then compared by
 * content, and nothing is deleted or overwritten for lack of it.
 */
export class State implements Disposable {
  readonly #db: DatabaseSync;
  readonly #file: string;
  readonly #get: StatementSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #isReadOnly: boolean;
  #depth = 0;

  /**
   * Opens or makes the database at `file`. One that is damaged, or of a later version, is moved aside and begun anew.
   *
   * @throws {EscaleError} `denied` if it can be neither opened nor made
   */
  static open(file: string, options: StateOptions = {}): State {
    if (options.isReadOnly) return State.#openReadOnly(file, options);
    try {
      return new State(file);
    } catch (cause) {
      if (!isDamage(cause)) throw cannotOpen(file, cause);
      const aside = `${file}.damaged`;
      try {
        for (const suffix of ["-wal", "-shm"]) removeIfThere(file + suffix);
        Deno.renameSync(file, aside);
        options.warn?.(
          `Began a new state database: the one at "${file}" cannot be read (${
            messageOf(cause)
          }) and was moved to "${aside}"`,
        );
        return new State(file);
      } catch (again) {
        throw cannotOpen(file, again);
      }
    }
  }

  /** One that is not there, is being made at this moment, or is damaged counts as empty. */
  static #openReadOnly(file: string, { warn }: StateOptions): State {
    if (!isThere(file)) return new State(":memory:", true);
    try {
      return new State(file, true);
    } catch (cause) {
      if (cause instanceof UnfinishedError) return new State(":memory:", true);
      if (!isDamage(cause)) throw cannotOpen(file, cause);
      warn?.(`Took the state database for empty: the one at "${file}" cannot be read`);
      return new State(":memory:", true);
    }
  }

  private constructor(file: string, isReadOnly = false) {
    this.#file = file;
    this.#db = new DatabaseSync(file, {
      timeout: 5_000,
      readOnly: isReadOnly && file !== ":memory:",
    });
    this.#isReadOnly = isReadOnly;
    try {
      if (!isReadOnly) this.#db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
      this.#prepareSchema();
      this.#get = this.#db.prepare("SELECT * FROM resource WHERE name = ?");
    } catch (cause) {
      this.#db.close();
      throw cause;
    }
  }

  #prepareSchema(): void {
    const version = this.#db.prepare("PRAGMA user_version").get()?.["user_version"];
    if (version === SCHEMA_VERSION) {
      const check = this.#db.prepare("PRAGMA quick_check(1)").get();
      if (check?.["quick_check"] !== "ok") throw new DamageError("its check fails");
      return;
    }
    if (version !== 0) throw new DamageError(`its version is ${version}, not ${SCHEMA_VERSION}`);
    if (this.#isReadOnly && this.#file !== ":memory:") throw new UnfinishedError();
    this.#db.exec(`BEGIN; ${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT;`);
  }

  /**
   * Runs `work` in one transaction: all of its changes are durable when this returns, or none is made.
   *
   * @throws {EscaleError} as every change does: `full` or `denied` if the disk does not take it
   */
  transaction<T>(work: () => T): T {
    if (this.#depth > 0 || this.#isReadOnly) return work();
    this.#run("BEGIN IMMEDIATE");
    this.#depth++;
    try {
      const result = work();
      this.#run("COMMIT");
      return result;
    } catch (cause) {
      // Some failures of the disk have ended the transaction already.
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw cause;
    } finally {
      this.#depth--;
    }
  }

  /** What is remembered of a resource. */
  resource(name: string): ResourceState {
    const row = this.#get.get(name);
    return row === undefined ? UNKNOWN_RESOURCE : resourceOf(row);
  }

  /** As {@linkcode resource}, but faster for names in ascending order. For one run through many of them. */
  reader(): (name: string) => ResourceState {
    const some = this.#prepared("SELECT * FROM resource WHERE name >= ? ORDER BY name LIMIT ?");
    const read = rowReader({
      one: (name) => this.#get.get(name),
      from: (name, count) => some.all(name, count),
    });
    return (name) => {
      const row = read(name);
      return row === undefined ? UNKNOWN_RESOURCE : resourceOf(row);
    };
  }

  /** Changes what is remembered of a resource. */
  change(name: string, change: ResourceChange): void {
    if (this.#isReadOnly) return;
    const columns = columnsOf(change);
    const names = Object.keys(columns);
    if (names.length === 0) return;
    this.#forgetRest();
    this.#run("DELETE FROM quiet WHERE name = ?", name);
    this.#run(upsert(names), name, ...Object.values(columns));
  }

  /** What was noted of a round in which nothing needed anything, if nothing that is remembered has changed since. */
  rest(): string | undefined {
    return this.fact(REST_FACT);
  }

  /** Notes that nothing needed anything. Any change of a resource, its place or its access modifiers forgets it. */
  noteRest(text: string): void {
    this.setFact(REST_FACT, text);
  }

  #forgetRest(): void {
    this.#run("DELETE FROM fact WHERE name = ?", REST_FACT);
  }

  /** The quiet marks that are kept, if they were made under these settings; else none, and they are forgotten. */
  *quietMarks(settings: string): Generator<KeptMark> {
    if (this.fact(QUIET_FACT) !== settings) {
      this.transaction(() => {
        this.#run("DELETE FROM quiet");
        this.setFact(QUIET_FACT, settings);
      });
      return;
    }
    for (const row of this.#db.prepare("SELECT name, relay, local FROM quiet").iterate()) {
      yield {
        name: String(row["name"]),
        relay: Number(row["relay"]),
        local: Number(row["local"]),
      };
    }
  }

  /** Keeps quiet marks. A change of a resource forgets its mark. */
  keepQuietMarks(marks: Iterable<KeptMark>): void {
    this.transaction(() => {
      for (const { name, relay, local } of marks) {
        this.#run("INSERT OR REPLACE INTO quiet VALUES (?, ?, ?)", name, relay, local);
      }
    });
  }

  /** Where resources stand whose names this file system cannot hold. */
  misfits(): ReadonlyMap<RelativePath, RelativePath> {
    const rows = this.#db.prepare("SELECT resource, place FROM misfit").all();
    return new Map(
      rows.map((row) => [
        parseRelativePath(String(row["resource"])),
        parseRelativePath(String(row["place"])),
      ]),
    );
  }

  /** Notes where such a resource stands, or forgets it. */
  noteMisfit(resource: RelativePath, place: RelativePath | undefined): void {
    this.#forgetRest();
    if (place === undefined) this.#run("DELETE FROM misfit WHERE resource = ?", resource);
    else this.#run("INSERT OR REPLACE INTO misfit VALUES (?, ?)", resource, place);
  }

  /** The names of all resources on which this client agreed with the relay. */
  *agreedNames(): Generator<string> {
    const rows = this.#db.prepare("SELECT name FROM resource WHERE agreed IS NOT NULL").iterate();
    for (const row of rows) yield String(row["name"]);
  }

  /** The versions that were refused, by resource, as noted when that happened. */
  refused(): ReadonlyMap<RelativePath, string> {
    const rows = this.#prepared("SELECT name, refused FROM resource WHERE refused IS NOT NULL");
    return new Map(
      rows.all().map((row) => [parseRelativePath(String(row["name"])), String(row["refused"])]),
    );
  }

  /** Whether `name` has access modifiers, and which. */
  access(name: string): AccessModifiers {
    const row = this.#prepared("SELECT r, w FROM access WHERE name = ?").get(name);
    return { read: flagOf(row?.["r"]), write: flagOf(row?.["w"]) };
  }

  /** All access modifiers that are set, by resource. */
  allAccess(): ReadonlyMap<string, AccessModifiers> {
    const rows = this.#db.prepare("SELECT name, r, w FROM access").all();
    return new Map(
      rows.map((row) => [String(row["name"]), { read: flagOf(row["r"]), write: flagOf(row["w"]) }]),
    );
  }

  /** Sets the access modifiers of a resource; with neither set it is forgotten. */
  setAccess(name: string, access: AccessModifiers): void {
    const { read, write } = access;
    this.#forgetRest();
    if (read === undefined && write === undefined) {
      this.#run("DELETE FROM access WHERE name = ?", name);
    } else {
      const columns = [name, columnOf(read), columnOf(write)];
      this.#run("INSERT OR REPLACE INTO access VALUES (?, ?, ?)", ...columns);
    }
  }

  /** The locks that this client has written and not seen removed, with their nonces. */
  ownLocks(): ReadonlyMap<string, string> {
    const rows = this.#db.prepare("SELECT name, nonce FROM lock").all();
    return new Map(rows.map((row) => [String(row["name"]), String(row["nonce"])]));
  }

  /** Notes that a lock is about to be written. */
  noteLock(name: string, nonce: string): void {
    this.#run("INSERT OR REPLACE INTO lock VALUES (?, ?)", name, nonce);
  }

  /** Forgets a lock that is removed. */
  forgetLock(name: string): void {
    this.#run("DELETE FROM lock WHERE name = ?", name);
  }

  /** The names of all locks that have a sighting. */
  sightingNames(): string[] {
    return this.#db.prepare("SELECT name FROM sighting").all().map((row) => String(row["name"]));
  }

  /** When another's lock was first seen with this very text, in seconds of this machine's uptime. */
  sighting(name: string): { readonly text: string; readonly uptimeS: number } | undefined {
    const row = this.#prepared("SELECT text, uptime FROM sighting WHERE name = ?").get(name);
    return row && { text: String(row["text"]), uptimeS: Number(row["uptime"]) };
  }

  /** Notes a lock of another client, or forgets it. */
  noteSighting(name: string, seen: { text: string; uptimeS: number } | undefined): void {
    if (seen === undefined) this.#run("DELETE FROM sighting WHERE name = ?", name);
    else {this.#run(
        "INSERT OR REPLACE INTO sighting VALUES (?, ?, ?)",
        name,
        seen.text,
        seen.uptimeS,
      );}
  }

  /** A fact about the client as a whole. */
  fact(name: string): string | undefined {
    const value = this.#prepared("SELECT value FROM fact WHERE name = ?").get(name)?.["value"];
    return value === undefined ? undefined : String(value);
  }

  setFact(name: string, value: string): void {
    this.#run("INSERT OR REPLACE INTO fact VALUES (?, ?)", name, value);
  }

  #run(sql: string, ...columns: (string | number | null)[]): void {
    if (this.#isReadOnly) return;
    this.#write(() => this.#prepared(sql).run(...columns));
  }

  #prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, statement = this.#db.prepare(sql));
    return statement;
  }

  /** Calls `write`, a prepared statement, as others do not tell the code; a disk that does not take it is named. */
  #write(write: () => void): void {
    try {
      write();
    } catch (cause) {
      throw diskError(this.#file, cause) ?? cause;
    }
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

class DamageError extends Error {}
/** Another process is making the database. */
class UnfinishedError extends Error {}

function isDamage(cause: unknown): boolean {
  return cause instanceof DamageError || sqliteFailureOf(cause) === "damaged";
}

/** The error for SQLite's result codes 13 (full), 8 (read-only) and 10 (input/output); `undefined` for others. */
function diskError(file: string, cause: unknown): EscaleError | undefined {
  if (!(cause instanceof Error && "errcode" in cause && typeof cause.errcode === "number")) {
    return undefined;
  }
  // An extended code has more in its upper bits.
  const code = cause.errcode & 0xff;
  if (code !== 13 && code !== 8 && code !== 10) return undefined;
  const why = code === 13 ? "no space is left on its disk" : messageOf(cause);
  return new EscaleError(
    code === 13 ? "full" : "denied",
    `Cannot write the state database "${file}": ${why}`,
    { hint: "Make space, or its disk writable: the client then goes on by itself", cause },
  );
}

function cannotOpen(file: string, cause: unknown): EscaleError {
  return new EscaleError(
    "denied",
    `Cannot open the state database "${file}": ${messageOf(cause)}`,
    { hint: "Make its folder writable, and see that no other program holds it", cause },
  );
}

function isThere(file: string): boolean {
  try {
    return Deno.statSync(file).isFile;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return false;
    throw cannotOpen(file, cause);
  }
}

function removeIfThere(file: string): void {
  try {
    Deno.removeSync(file);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
  }
}
