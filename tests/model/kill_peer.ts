import { Program } from "../support/program.ts";
import type { Place } from "./kill_places.ts";
import { User } from "./kill_user.ts";
import type { Oracle } from "./kill_world.ts";

/** What kind of relay clients share. */
export interface Setup {
  readonly isEncrypted: boolean;
  readonly hasLegacyPeers: boolean;
  readonly pullerCount: number;
}

/** Why a client may end by itself, with an error that its user then reads. */
export interface Excuse {
  readonly status: number;
  readonly error: RegExp;
  /** Only a client that has not ended a round yet: what cannot be opened is an error, what goes away is waited for. */
  readonly onlyAtStart: boolean;
}

/** One client: a process that comes and goes, its folder, and a user who works in it. */
export class Peer implements AsyncDisposable {
  readonly name: string;
  readonly place: Place;
  readonly user: User;
  readonly #config: string;
  readonly #excuses: Set<Excuse> = new Set();
  #program: Program | undefined;
  #wasKilled = true;
  #past = "";

  constructor(
    name: string,
    { root, setup, oracle, place }: {
      readonly root: string;
      readonly setup: Setup;
      readonly oracle: Oracle;
      readonly place: Place;
    },
  ) {
    this.name = name;
    this.place = place;
    this.#config = configOf(name, root);
    this.user = new User(name, { folder: place.inside, oracle });
    Deno.writeTextFileSync(this.#config, configText(name, root, setup));
  }

  get isRunning(): boolean {
    return this.#program?.isRunning === true;
  }

  /** It has not ended by itself: it was not started yet, or is killed. */
  get wasKilled(): boolean {
    return this.#wasKilled;
  }

  /** It has ended a round since it was started. */
  get isAtWork(): boolean {
    return this.output().includes("round of ");
  }

  /** It has ended a round at some time, so that it knows its repository. */
  get hasWorked(): boolean {
    return this.isAtWork || this.#past.includes("round of ");
  }

  start(): void {
    this.#past += this.output();
    this.#excuses.clear();
    this.#wasKilled = false;
    this.#program = Program.start("escale", ["-c", this.#config, "-v"], { label: this.name });
  }

  /** Ends the process at once, and with it its worker. */
  async kill(): Promise<void> {
    this.#wasKilled = true;
    await this.#program?.[Symbol.asyncDispose]();
  }

  /** Asks it to end and returns its exit status. */
  async stop(): Promise<number> {
    return await this.#program?.stop() ?? 0;
  }

  signal(name: "SIGSTOP" | "SIGCONT"): void {
    this.#program?.signal(name);
  }

  /** Says that the process which runs now may end for this reason. */
  excuse(excuse: Excuse): void {
    if (!excuse.onlyAtStart || !this.isAtWork) this.#excuses.add(excuse);
  }

  /** @throws {Error} if it has ended for another reason than it may */
  async checkEnd(): Promise<void> {
    const status = await this.#program?.status();
    const fits = (excuse: Excuse) =>
      excuse.status === status && excuse.error.test(this.output()) &&
      !(excuse.onlyAtStart && this.isAtWork);
    if (![...this.#excuses].some(fits)) {
      throw new Error(`${this.name} ended by itself with status ${status}`);
    }
  }

  /** What it has said since it was started last. */
  output(): string {
    return this.#program?.output() ?? "";
  }

  /** What it has ever said. */
  allOutput(): string {
    return this.#past + this.output();
  }

  /** Runs the client until nothing is left to do, and returns its exit status. */
  async once(): Promise<number> {
    await using program = Program.start("escale", ["-c", this.#config, "--once"]);
    return await program.status();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGCONT");
    await this.kill();
  }
}

/** Where a client keeps its state. */
export function stateFolderOf(name: string, root: string): string {
  return `${root}/of-${name}`;
}

function configOf(name: string, root: string): string {
  return `${stateFolderOf(name, root)}.conf`;
}

function configText(name: string, root: string, setup: Setup): string {
  return [
    "[kill]",
    `client = ${name}`,
    `path = ${root}/${name}`,
    "protocol = file",
    `relay path = ${root}/relay`,
    "refresh = 1",
    `puller count = ${setup.pullerCount}`,
    `legacy peers = ${setup.hasLegacyPeers ? "yes" : "no"}`,
    ...setup.isEncrypted
      ? ["encryption = fernet", `passphrase = ${btoa("k".repeat(32))}`]
      : ["encryption = off"],
    "",
  ].join("\n");
}
