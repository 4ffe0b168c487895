import assert from "node:assert/strict";
import type { OpenBackend } from "../../backends/backend.ts";
import { openFile } from "../../backends/file/mod.ts";
import { type MemoryStore, openMemory } from "../../backends/memory.ts";
import type { Section } from "../../lib/config/section.ts";
import { State } from "../../lib/local/state.ts";
import { logTo } from "../../lib/log.ts";
import { type ClientOptions, runClient } from "../../lib/sync/client.ts";
import type { ClientEvent, ClientResult } from "../../lib/sync/events.ts";
import type { Tally } from "../../lib/sync/round.ts";
import { runRound } from "../../lib/sync/run_round.ts";
import { type OpenedWorkshop, openWorkshop } from "../../lib/sync/workshop.ts";
import { makeSection } from "./sections.ts";

/** The key of the golden repositories. */
export const GOLDEN_KEY: Uint8Array = new TextEncoder().encode(
  "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
);

/** What a client did and told. */
export interface Told {
  readonly events: readonly ClientEvent[];
  /** The actions taken or planned, as `push a.txt`, in order. */
  readonly actions: readonly string[];
  /** Messages of the problems told. */
  readonly problems: readonly string[];
}

/** What one run of a client did. */
export interface Run extends Told {
  readonly result: ClientResult;
}

/** A clock that goes on when a test says so. */
export interface Clock {
  uptimeS: number;
}

/** A temporary world: one relay and any number of clients with folders of their own. */
export class World implements Disposable {
  readonly root: string = Deno.realPathSync(makeTempFolder());
  /** The relay's folder; without use if the relay is in memory. */
  readonly relay: string = `${this.root}/relay`;
  /** What all clients take for the time since their machine started. */
  readonly clock: Clock = { uptimeS: 1_000_000 };
  readonly #store: MemoryStore | undefined;
  readonly #openBackend: OpenBackend;

  /** The relay is a folder, unless `store` is given. */
  constructor(
    options: { readonly openBackend?: OpenBackend; readonly store?: MemoryStore } = {},
  ) {
    const { store } = options;
    this.#store = store;
    this.#openBackend = options.openBackend ??
      (store === undefined ? openFile : () => Promise.resolve(openMemory(store)));
    for (const folder of ["relay", "state"]) Deno.mkdirSync(`${this.root}/${folder}`);
  }

  /** A client named `name`, with an empty folder of that name unless it is there. */
  client(name: string, changes: Partial<Section> = {}): TestClient {
    const localPath = `${this.root}/${name}`;
    Deno.mkdirSync(localPath, { recursive: true });
    const section = makeSection({
      name,
      clientName: name,
      localPath,
      statePath: `${this.root}/state/${name}.db`,
      relay: { ...makeSection().relay, folder: this.relay },
      ...changes,
    });
    return new TestClient(section, { openBackend: this.#openBackend, clock: this.clock });
  }

  /** All objects on the relay, by name, with their content as text. */
  relayTree(): Record<string, string> {
    const store = this.#store;
    if (store === undefined) return treeOf(this.relay);
    const decoder = new TextDecoder();
    return Object.fromEntries(
      store.names().sort().flatMap((name) => {
        const bytes = store.latest(name);
        return bytes === undefined ? [] : [[name, decoder.decode(bytes)]];
      }),
    );
  }

  /** Names of the objects on the relay. */
  relayNames(): string[] {
    return Object.keys(this.relayTree());
  }

  pathOnRelay(name: string): string {
    return `${this.relay}/${name}`;
  }

  /** Runs the clients in turn until a whole turn changes nothing anywhere. */
  async settle(clients: readonly TestClient[]): Promise<void> {
    const look = () =>
      JSON.stringify([this.relayTree(), ...clients.map((client) => client.tree())]);
    let before = look();
    for (let turn = 0; turn < 12; turn++) {
      for (const client of clients) {
        const { result } = await client.once();
        assert.notEqual(result.outcome, "failed", result.error?.message);
      }
      const after = look();
      if (after === before) return;
      before = after;
    }
    assert.fail("the clients do not come to rest");
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.root, { recursive: true });
  }
}

/** A new folder, in memory where the system has such a place: clients sync files and databases all the time. */
function makeTempFolder(): string {
  const prefix = "escale-";
  try {
    return Deno.makeTempDirSync({ dir: "/dev/shm", prefix });
  } catch {
    return Deno.makeTempDirSync({ prefix });
  }
}

/** One client of a {@linkcode World}. */
export class TestClient {
  readonly section: Section;
  readonly #openBackend: OpenBackend;
  readonly #clock: Clock;

  constructor(
    section: Section,
    options: { readonly openBackend: OpenBackend; readonly clock: Clock },
  ) {
    this.section = section;
    this.#openBackend = options.openBackend;
    this.#clock = options.clock;
  }

  /** The same client with other options, or another way to the relay. */
  with(changes: Partial<Section>, openBackend: OpenBackend = this.#openBackend): TestClient {
    return new TestClient({ ...this.section, ...changes }, { openBackend, clock: this.#clock });
  }

  /** Runs rounds until nothing is left to do now. */
  async once(
    options: Partial<ClientOptions> & { readonly signal?: AbortSignal } = {},
  ): Promise<Run> {
    const events: ClientEvent[] = [];
    const result = await runClient(this.section, {
      openBackend: this.#openBackend,
      emit: (event) => events.push(event),
      signal: options.signal ?? new AbortController().signal,
      uptimeS: () => this.#clock.uptimeS,
    }, { once: true, dryRun: options.dryRun ?? false });
    return { result, ...toldBy(events) };
  }

  /** Starts the client without running a round. */
  async open(): Promise<Session> {
    const events: ClientEvent[] = [];
    const emit = (event: ClientEvent) => events.push(event);
    const opened = await openWorkshop(this.section, {
      openBackend: this.#openBackend,
      emit,
      signal: new AbortController().signal,
      log: logTo((level, event, fields) => emit({ kind: "log", level, event, fields })),
      isDryRun: false,
      uptimeS: () => this.#clock.uptimeS,
    });
    return new Session(opened, events);
  }

  /** Runs a single round, which waits for nobody. */
  async round(): Promise<Round> {
    await using session = await this.open();
    return await session.round();
  }

  /** Sets the access modifiers of a file, as the control program does. */
  setAccess(path: string, access: { read?: boolean; write?: boolean }): void {
    using state = State.open(this.section.statePath);
    state.setAccess(path, { read: access.read, write: access.write });
  }

  /** Writes a file, with this modification time if one is given, in seconds since 1970. */
  write(path: string, content: string | Uint8Array, timeS?: number): void {
    const file = this.pathOf(path);
    Deno.mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    Deno.writeFileSync(
      file,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
    if (timeS !== undefined) Deno.utimeSync(file, timeS, timeS);
  }

  read(path: string): string {
    return Deno.readTextFileSync(this.pathOf(path));
  }

  remove(path: string): void {
    Deno.removeSync(this.pathOf(path));
  }

  /** Modification time in seconds. */
  timeOf(path: string): number {
    return Math.floor((Deno.statSync(this.pathOf(path)).mtime?.getTime() ?? 0) / 1000);
  }

  pathOf(path: string): string {
    return `${this.section.localPath}/${path}`;
  }

  /** All files that are not hidden, by path, with their content as text. */
  tree(): Record<string, string> {
    return treeOf(this.section.localPath, (name) => !name.startsWith("."));
  }

  /** Forgets what the client remembers. */
  loseState(): void {
    for (const suffix of ["", "-wal", "-shm"]) {
      try {
        Deno.removeSync(this.section.statePath + suffix);
      } catch (cause) {
        if (!(cause instanceof Deno.errors.NotFound)) throw cause;
      }
    }
  }
}

/** What one round did. */
export interface Round extends Told {
  readonly tally: Tally;
}

/** A client that runs, round by round. */
export class Session implements AsyncDisposable {
  readonly opened: OpenedWorkshop;
  readonly #events: ClientEvent[];

  constructor(opened: OpenedWorkshop, events: ClientEvent[]) {
    this.opened = opened;
    this.#events = events;
  }

  async round(): Promise<Round> {
    const from = this.#events.length;
    const tally = await runRound(this.opened);
    return { tally, ...toldBy(this.#events.slice(from)) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.opened[Symbol.asyncDispose]();
  }
}

function toldBy(events: readonly ClientEvent[]): Told {
  return {
    events,
    actions: events.flatMap((event) =>
      event.kind === "action" ? [`${event.action} ${event.path}`] : []
    ),
    problems: events.flatMap((event) => event.kind === "problem" ? [event.message] : []),
  };
}

/** All files below a folder, by path, with their content as text. */
export function treeOf(
  root: string,
  accepts: (name: string) => boolean = () => true,
): Record<string, string> {
  const found: [string, string][] = [];
  const visit = (folder: string) => {
    for (const entry of Deno.readDirSync(`${root}/${folder}`)) {
      if (!accepts(entry.name)) continue;
      if (entry.isDirectory) visit(`${folder}${entry.name}/`);
      else {found.push([
          folder + entry.name,
          Deno.readTextFileSync(`${root}/${folder}${entry.name}`),
        ]);}
    }
  };
  visit("");
  return Object.fromEntries(found.sort(([a], [b]) => a < b ? -1 : 1));
}
