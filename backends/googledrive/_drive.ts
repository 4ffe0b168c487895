import { BackendError, type FolderName, type ObjectName, type SpaceInfo } from "../backend.ts";
import { oneLine } from "./_errors.ts";
import {
  type Entry,
  type Listed,
  OddLine,
  parseIds,
  parseList,
  parseQuota,
  parseStat,
  parseUsage,
} from "./_output.ts";
import type { Ended, Program, Running, RunOptions } from "./_program.ts";

/** What `drive id` says of what is not there, and nothing else. */
const ABSENT = /^(".*" (does not exist remotely|not matched)\s*)+$/;
/** What `drive list` says of a folder that is not there: now, and in older versions. */
const NO_FOLDER = /^(".*" cannot be found remotely|remote: ".*" is nil)$/;
/** What a run of drive writes where others write errors, and means none. */
const HARMLESS = /^(serializeIndex .*|)$/;
/** What an error of Google's, or on the way there, has in it. */
const ERROR_WORDS = /\bError \d{3}\b|oauth2: |dial tcp|net\/http/;
/** Entries of a page, the most that Google gives. */
const PAGE = "-pagesize=1000";
/** What a `.driverc` could set otherwise. */
const LISTING: readonly string[] = [
  ...["-hidden=true", "-no-prompt=true", "-quiet=false", "-directories=false", PAGE],
  ...["-recursive=false", "-exact-title=", "-skip-owner="],
];

/** How a folder is listed. */
export interface ListOptions extends RunOptions {
  readonly recursive: boolean;
}

/** How much longer what drive encrypts is: its format, rounds, salt, start value and authenticator. */
const OVERHEAD_BYTES = 4 + 4 + 32 + 16 + 64;

/** The commands of drive that a relay needs. Names are relative to the relay's folder. */
export class Drive {
  readonly #program: Program;
  /** From the top of the drive, without slashes at its ends. */
  readonly #folder: string;
  readonly #passphrase: string | undefined;

  constructor(
    program: Program,
    { folder, passphrase }: {
      readonly folder: string;
      readonly passphrase: string | undefined;
    },
  ) {
    this.#program = program;
    this.#folder = folder;
    this.#passphrase = passphrase;
  }

  /** Whether drive encrypts the contents. */
  get isEncrypted(): boolean {
    return this.#passphrase !== undefined;
  }

  /** How long a content is of which so much is stored. */
  plainBytes(storedBytes: number): number {
    return this.isEncrypted ? Math.max(0, storedBytes - OVERHEAD_BYTES) : storedBytes;
  }

  /** The path of `name` from the top of the drive, as drive shows it. */
  pathOf(name: FolderName): string {
    return `/${[this.#folder, name].filter((part) => part !== "").join("/")}`;
  }

  /**
   * All that stands under a name, which Google does not keep to one, and without regard to the case of letters, as
   * Google looks for names.
   */
  async find(name: FolderName, options: RunOptions): Promise<readonly Entry[]> {
    const ids = await this.ids(name, options);
    return ids.length === 0 ? [] : await this.stat(ids, options);
  }

  /** The files under a name, by id. */
  async ids(name: FolderName, options: RunOptions): Promise<string[]> {
    const path = this.pathOf(name);
    const args = ["id", "-depth=1", "-hidden=true", "--", this.#local(name)];
    const ended = await this.#program.run(args, options);
    if (!ended.isSuccess && ended.text === "" && ABSENT.test(ended.words)) return [];
    return this.#parsed(ended, options, () => parseIds(ended.text, path));
  }

  /** What stands under ids; what is gone by now is left out. */
  async stat(ids: readonly string[], options: RunOptions): Promise<readonly Entry[]> {
    const flags = ["-id=true", "-depth=1", "-recursive=false", "-quiet=false", "-md5sum=false"];
    const ended = await this.#program.run(["stat", ...flags, "--", ...ids], options);
    const words = ended.isSuccess ? "" : ended.words;
    const entries = this.#parsed({ ...ended, words }, options, () => parseStat(ended.text));
    const found = entries.filter(({ id }) => ids.includes(id));
    if (found.length < ids.length && ended.words.trim() !== "") {
      const error = this.#program.failure(options.action, ended.words);
      if (error.code !== "not-found") throw error;
    }
    return found;
  }

  /** What stands in a folder; `undefined` if there is no such folder. */
  async list(
    folder: FolderName,
    { recursive, ...options }: ListOptions,
  ): Promise<{ listed: readonly Listed[]; sizes: ReadonlyMap<string, number> } | undefined> {
    const depth = `-depth=${recursive ? -1 : 1}`;
    const rest = [...LISTING, depth, "--", this.#local(folder)];
    const long = await this.#program.run(
      ["list", "-long=true", "-version=true", "-files=false", ...rest],
      options,
    );
    if (NO_FOLDER.test(long.words.trim())) return undefined;
    const listed = this.#parsed(long, options, () => parseList(long.text));
    // After the versions: a size may be newer than the version beside it, never older.
    const usage = await this.#program.run(
      ["du", "-long=false", "-version=false", "-files=true", ...rest],
      options,
    );
    if (NO_FOLDER.test(usage.words.trim())) return undefined;
    return { listed, sizes: this.#parsed(usage, options, () => parseUsage(usage.text)) };
  }

  /** Whether nothing stands in the folder with that id. */
  async isEmpty(id: string, options: RunOptions): Promise<boolean> {
    const args = ["list", "-id=true", "-long=true", "-files=false", ...LISTING, "-depth=1"];
    const ended = await this.#program.run([...args, "--", id], options);
    this.check(ended, options);
    return ended.text.trim() === "";
  }

  /** Starts to send a new file. It stands when the run's input was ended and the run has succeeded. */
  push(name: ObjectName, options: RunOptions): Running {
    const secret = this.#passphrase === undefined
      ? []
      : [`-encryption-password=${this.#passphrase}`];
    const flags = [
      ...["-piped=true", "-force=true", "-hidden=true", "-no-prompt=true", "-quiet=false"],
      ...["-no-clobber=false", "-exclude-ops=", ...secret],
    ];
    return this.#program.start(["push", ...flags, "--", this.#local(name)], options);
  }

  /** Starts to fetch the content of a file. */
  pull(id: string, options: RunOptions): Running {
    const secret = this.#passphrase === undefined
      ? []
      : [`-decryption-password=${this.#passphrase}`];
    const flags = ["-piped=true", "-id=true", "-quiet=false", "-exclude-ops=", ...secret];
    return this.#program.start(["pull", ...flags, "--", id], options);
  }

  /** Gives a file another name in its folder, whatever stands under that name. */
  async rename(name: ObjectName, base: string, options: RunOptions): Promise<void> {
    const flags = ["-local=false", "-remote=true", "-force=true", "-quiet=true"];
    const args = ["rename", ...flags, "--", this.#local(name), base];
    this.check(await this.#program.run(args, options), options);
  }

  /** Removes files for good. What is gone already is no error. */
  async delete(ids: readonly string[], options: RunOptions): Promise<void> {
    await this.#remove("delete", ids, options);
  }

  /** Puts a folder with all that may be in it by now into the trash. */
  async trash(id: string, options: RunOptions): Promise<void> {
    await this.#remove("trash", [id], options);
  }

  /** Makes a folder in one that is there, also beside one of the same name. */
  async makeFolder(name: FolderName, options: RunOptions): Promise<void> {
    const args = ["new", "-folder=true", "--", this.#local(name)];
    this.check(await this.#program.run(args, options), options);
  }

  /** The space of the account, as far as it has a limit. */
  async space(options: RunOptions): Promise<SpaceInfo> {
    const ended = await this.#program.run(["quota", "--", this.#program.mount], options);
    this.check(ended, options);
    return parseQuota(ended.text);
  }

  /** @throws {BackendError} if a run failed, or says that it did */
  check({ isSuccess, words }: Ended, { action }: RunOptions): void {
    const bad = words.split("\n").filter((line) => !HARMLESS.test(line.trim()));
    if (!isSuccess || bad.length > 0) throw this.#program.failure(action, bad.join("\n"));
  }

  async #remove(
    command: "delete" | "trash",
    ids: readonly string[],
    options: RunOptions,
  ): Promise<void> {
    const args = [command, "-id=true", "-matches=false", "-quiet=true", "--", ...ids];
    const ended = await this.#program.run(args, options);
    if (ended.isSuccess && ended.words.trim() === "") return;
    const error = this.#program.failure(options.action, ended.words);
    if (error.code !== "not-found") throw error;
    // One of them is gone; whether the others are is not said.
    const left = await this.stat(ids, options);
    if (left.length === 0) return;
    if (left.length === ids.length) throw error;
    await this.#remove(command, left.map(({ id }) => id), options);
  }

  #parsed<T>(ended: Ended, options: RunOptions, parse: () => T): T {
    this.check(ended, options);
    try {
      return parse();
    } catch (thrown) {
      if (!(thrown instanceof OddLine)) throw thrown;
      // Older versions print an error of Google's where the listing goes, and end as if it were whole.
      if (ERROR_WORDS.test(thrown.message)) {
        throw this.#program.failure(options.action, thrown.message);
      }
      const message = `Cannot ${options.action}: drive prints "${oneLine(thrown.message)}"`;
      throw new BackendError("protocol", message, { retryable: true });
    }
  }

  /** Whole, so that it begins with a slash; drive finds the mount point by it. */
  #local(name: FolderName): string {
    return this.#program.mount + this.pathOf(name);
  }
}
