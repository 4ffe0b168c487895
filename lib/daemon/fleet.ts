import type { Configuration, Section } from "../config/section.ts";
import { EscaleError } from "../errors.ts";
import { printable } from "../path.ts";
import { failedBy } from "./messages.ts";
import type { ControlAnswer, ControlRequest } from "./control.ts";
import type { Supervisor } from "./supervisor.ts";

/** What a fleet works with. */
export interface FleetContext {
  readonly supervisor: Supervisor;
  /** Reads the configuration anew. @throws {EscaleError} if it is wrong */
  readonly load: () => Configuration;
  /** Is told of a configuration that is in force from now on. */
  readonly loaded: (configuration: Configuration) => void;
  /** Is told of a client that is no longer configured. */
  readonly removed: (name: string) => void;
}

/** The clients of one configuration file, which come and go as their user says. One command is done after another. */
export class Fleet {
  readonly #context: FleetContext;
  /** The only ones to run; without: all that are configured. */
  readonly #chosen: Set<string> | undefined;
  /** Stopped by a command; these do not run until another one says so. */
  readonly #halted = new Set<string>();
  #last: Promise<unknown> = Promise.resolve();

  /** `names` of the clients to run, all if empty. */
  constructor(context: FleetContext, names: readonly string[]) {
    this.#context = context;
    this.#chosen = names.length === 0 ? undefined : new Set(names);
  }

  /** Starts the clients. */
  begin(configuration: Configuration): void {
    for (const section of this.#wanted(configuration)) this.#context.supervisor.start(section);
  }

  /** Does what is asked for, and says so. Never throws. */
  async answer(request: ControlRequest): Promise<ControlAnswer> {
    const turn = this.#last.then(() => this.#context.supervisor.during(() => this.#do(request)));
    this.#last = turn.catch(() => {});
    try {
      return { ok: true, names: await turn };
    } catch (thrown) {
      const { error } = failedBy(thrown);
      return { ok: false, code: "internal", message: "it failed", ...error };
    }
  }

  async #do({ command, names }: ControlRequest): Promise<readonly string[]> {
    switch (command) {
      case "start":
        return this.#start(names);
      case "stop":
        return await this.#stop(names);
      case "restart":
        return await this.#restart(names);
      case "reload":
        return await this.#reload();
      default:
        return command satisfies never;
    }
  }

  #start(names: readonly string[]): readonly string[] {
    const configuration = this.#load(names);
    const started = names.length === 0 ? configuration.sections.map(({ name }) => name) : names;
    for (const name of started) {
      this.#halted.delete(name);
      this.#chosen?.add(name);
    }
    const running = this.#runningNames();
    this.#startAll(started, configuration);
    return started.filter((name) => !running.has(name));
  }

  async #stop(names: readonly string[]): Promise<readonly string[]> {
    const { supervisor } = this.#context;
    const running = this.#runningNames();
    if (names.some((name) => !running.has(name))) this.#load(names);
    const stopped = names.length === 0 ? [...running] : names.filter((name) => running.has(name));
    for (const name of names) this.#halted.add(name);
    await Promise.all(stopped.map((name) => supervisor.stop(name)));
    return stopped;
  }

  async #restart(names: readonly string[]): Promise<readonly string[]> {
    const configuration = this.#load(names);
    const { supervisor } = this.#context;
    const all = names.length === 0 ? [...this.#runningNames()] : names;
    await Promise.all(all.map((name) => supervisor.stop(name)));
    for (const name of all) {
      this.#halted.delete(name);
      this.#chosen?.add(name);
    }
    this.#startAll(all, configuration);
    return all;
  }

  /** Stops what is no longer wanted or has changed, and starts what is wanted and does not run. */
  async #reload(): Promise<readonly string[]> {
    const configuration = this.#load([]);
    const { supervisor, loaded, removed } = this.#context;
    const wanted = new Map(this.#wanted(configuration).map((section) => [section.name, section]));
    const changed = supervisor.running().filter((section) => {
      const next = wanted.get(section.name);
      return next === undefined || !isSame(section, next);
    });
    await Promise.all(changed.map(({ name }) => supervisor.stop(name)));
    for (const { name } of changed) {
      if (configuration.sections.every((section) => section.name !== name)) removed(name);
    }
    loaded(configuration);
    const running = this.#runningNames();
    this.begin(configuration);
    const started = [...wanted.keys()].filter((name) => !running.has(name));
    return [...new Set([...changed.map(({ name }) => name), ...started])];
  }

  #startAll(names: readonly string[], { sections }: Configuration): void {
    for (const section of sections) {
      if (names.includes(section.name)) this.#context.supervisor.start(section);
    }
  }

  #load(names: readonly string[]): Configuration {
    const configuration = this.#context.load();
    const { sections } = configuration;
    const unknown = names.find((name) => sections.every((section) => section.name !== name));
    if (unknown === undefined) return configuration;
    const file = printable(configuration.file);
    const known = sections.map(({ name }) => `"${printable(name)}"`).join(", ");
    throw new EscaleError("usage", `There is no section "${printable(unknown)}" in "${file}"`, {
      hint: `Choose from ${known}`,
    });
  }

  #wanted({ sections }: Configuration): readonly Section[] {
    return sections.filter(({ name }) =>
      !this.#halted.has(name) && (this.#chosen?.has(name) ?? true)
    );
  }

  #runningNames(): ReadonlySet<string> {
    return new Set(this.#context.supervisor.running().map(({ name }) => name));
  }
}

/** Whether two sections ask for the same. Passphrases are bytes, which JSON writes as an object of numbers. */
function isSame(a: Section, b: Section): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
