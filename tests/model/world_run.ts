import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { type Backend, BackendError } from "../../backends/backend.ts";
import { MemoryStore, openMemory } from "../../backends/memory.ts";
import { EscaleError, messageOf } from "../../lib/errors.ts";
import { firstFailure } from "../../lib/relay/failure.ts";
import { GOLDEN_KEY, type Session, type TestClient, World } from "../support/engine.ts";
import { type Call, Crash, type Fault, FaultyBackend } from "../support/faulty_backend.ts";
import { type Loss, MortalDisk, type When } from "../support/mortal_disk.ts";
import { VirtualTime } from "../support/virtual_time.ts";
import type { History, Step } from "./world_history.ts";
import { assertConverged } from "./world_oracle.ts";
import { faultOf, pathOf, shown, TYPED } from "./world_things.ts";
import { Users } from "./world_users.ts";

const START_MS = 1_600_000_000_000;
/** How much of an object is looked at to see whether it has changed. */
const SIGN_BYTES = 1000;
/** Longer than any lock needs to grow stale. */
const STALE_S = 400;
const DONE = { locked: 0, problems: 0, waiting: 0 };

/**
 * Plays a history.
 *
 * @returns how many of its deaths and faults came about; others named a call that was not made
 * @throws {Error} if a content is lost, or the clients do not come to rest in agreement
 */
export async function run(
  history: History,
  options: { readonly trace?: (line: string) => void } = {},
): Promise<number> {
  using time = new VirtualTime(START_MS);
  const store = new MemoryStore({
    hasTags: history.storage !== "without tags",
    now: () => time.nowMs,
    traits: {
      atomicReplace: history.storage !== "replacing in two steps",
      exclusiveCreate: history.storage !== "exclusive folders only",
    },
  });
  using world = new World({ store });
  await using crowd = new Crowd(history, { world, store, time, trace: options.trace });
  for (const step of history.steps) await crowd.take(step);
  await crowd.rest();
  crowd.verify();
  return crowd.mishaps;
}

/** A history that fails as JSON, and what its clients did. */
export async function narrate(history: History): Promise<string> {
  const lines: string[] = [];
  try {
    await run(history, { trace: (line) => lines.push(line) });
  } catch (cause) {
    lines.push(cause instanceof Error ? cause.stack ?? cause.message : String(cause));
  }
  return [JSON.stringify(history), ...lines].join("\n");
}

interface Surroundings {
  readonly world: World;
  readonly store: MemoryStore;
  readonly time: VirtualTime;
  readonly trace: ((line: string) => void) | undefined;
}

/** The clients, those of them that run, and what their users made. */
class Crowd implements AsyncDisposable {
  readonly #clients: readonly TestClient[];
  readonly #users: Users;
  readonly #running = new Map<TestClient, Session>();
  readonly #history: History;
  readonly #around: Surroundings;
  #vaults = 0;
  #hasLateCalls = false;
  /** How many clients have died, and calls gone wrong. */
  mishaps = 0;

  constructor(history: History, around: Surroundings) {
    this.#history = history;
    this.#around = around;
    const { modes, layout, isEncrypted, hasLegacyPeers } = history;
    this.#clients = modes.map((mode, at) =>
      around.world.client("ABCD".charAt(at), {
        mode,
        ...(layout === "placeholders"
          ? {}
          : { index: { kind: "pages", depth: layout === "one page" ? 0 : 1 } }),
        compression: "none",
        allowPageDeletion: true,
        legacyPeers: hasLegacyPeers,
        ...(isEncrypted ? { cipher: "fernet", passphrase: GOLDEN_KEY } : {}),
        lockTimeoutS: STALE_S - 50,
        pullerCount: Math.max(1, modes.filter((other, i) => i !== at && other !== "upload").length),
      })
    );
    this.#users = new Users(around.time, (line) => this.#say(line));
  }

  async take(step: Step): Promise<void> {
    this.#say(`${JSON.stringify(step)}`);
    // Work takes time, too little for the stamps of files to show.
    this.#around.time.advance(10);
    if (step.kind === "wait") return this.#wait(step.seconds);
    const client = this.#client(step.by);
    switch (step.kind) {
      case "edit":
        return this.#users.edit(client, pathOf(step.file), step);
      case "rename":
        return this.#users.rename(client, pathOf(step.file), pathOf(step.to));
      case "delete":
        return this.#users.delete(client, pathOf(step.file));
      case "retype":
        return this.#users.retype(client);
      case "round":
        await this.#round(await this.#session(client));
        return;
      case "together":
        return await this.#together(client, this.#client(step.by + 1), step.waits);
      case "edit-during":
        return await this.#editDuring(client, step);
      case "kill":
        return await this.#kill(client, step);
      case "fault":
        return await this.#fail(client, step.at, faultOf(step.fault));
      case "forget":
        await this.#stop(client);
        return client.loseState();
      case "restart":
        return await this.#stop(client);
      default:
        step satisfies never;
    }
  }

  /** Lets all run in turn, with pauses in which locks grow stale, until nothing changes any more. */
  async rest(): Promise<void> {
    for (const client of this.#clients) await this.#stop(client);
    for (let turn = 0, quiet = 0; turn < 60; turn++) {
      const before = this.#relaySign();
      let moved = 0;
      for (const client of this.#clients) moved += await this.#round(await this.#session(client));
      this.#wait(STALE_S);
      quiet = moved === 0 && this.#relaySign() === before ? quiet + 1 : 0;
      // A lock, and a guard left at its take-over, each have to be seen twice.
      if (quiet < 4) continue;
      for (const client of this.#clients) await this.#assertDone(client);
      return;
    }
    assert.fail("the clients do not come to rest");
  }

  verify(): void {
    const { world, store } = this.#around;
    const trees = this.#clients.map((client) => client.tree());
    const standing = new Set(trees.flatMap((tree) => Object.values(tree)));
    for (const content of this.#users.alive) {
      assert.ok(standing.has(content), `${shown(content)} is lost`);
    }
    assertConverged({
      clients: this.#clients.map((client, at) => ({
        name: client.section.name,
        mode: client.section.mode,
        tree: trees[at] ?? {},
        departed: this.#users.departedOf(client),
      })),
      relay: { objects: world.relayNames(), folders: [...store.folders] },
      isIndexed: this.#history.layout !== "placeholders",
      mayKeepGuards: this.#hasLateCalls || this.#history.storage === "exclusive folders only",
      tornName: this.#users.isTorn ? TYPED : undefined,
    });
    for (const { section } of this.#clients) {
      const hidden = [...Deno.readDirSync(section.localPath)].filter(({ name }) =>
        name.startsWith(".")
      );
      assert.deepEqual(hidden, [], `${section.name} keeps temporary files`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await this.#stop(client);
  }

  #client(number: number): TestClient {
    return this.#clients[number % this.#clients.length] ?? assert.fail();
  }

  #wait(seconds: number): void {
    this.#around.time.advance(seconds * 1000);
    this.#around.world.clock.uptimeS += seconds;
  }

  async #session(client: TestClient): Promise<Session> {
    const session = this.#running.get(client) ?? await client.open();
    this.#running.set(client, session);
    return session;
  }

  async #stop(client: TestClient): Promise<void> {
    await this.#running.get(client)?.[Symbol.asyncDispose]();
    this.#running.delete(client);
  }

  /** One round, and how much it did. */
  async #round(session: Session, options: { readonly hasFault?: boolean } = {}): Promise<number> {
    const { section } = session.opened;
    try {
      const { actions, tally, problems } = await session.round();
      for (const line of [...actions, ...problems]) this.#say(`    ${section.name}: ${line}`);
      return actions.length + tally.settled;
    } catch (cause) {
      const first = firstFailure(cause);
      this.#say(`    ${section.name}: ${messageOf(first)}`);
      const isExpected = first instanceof BackendError || first instanceof Crash ||
        first instanceof EscaleError && first.code !== "internal" && first.code !== "twin";
      // A call that takes effect late may write over a lock of a later round.
      const isLostLock = first instanceof EscaleError && first.code === "locked";
      if (isLostLock || options.hasFault && isExpected) return 1;
      throw cause;
    }
  }

  /** Nobody waits for a lock, and nothing is left to tell. */
  async #assertDone(client: TestClient): Promise<void> {
    const { tally } = await (await this.#session(client)).round();
    const { locked, problems, waiting } = tally;
    if (!this.#users.isTorn) {
      assert.deepEqual({ locked, problems, waiting }, DONE, client.section.name);
    }
  }

  async #together(
    first: TestClient,
    second: TestClient,
    waits: readonly number[],
  ): Promise<void> {
    let calls = 0;
    const wait = async () => {
      const turns = waits[calls++ % waits.length] ?? 0;
      for (let turn = 0; turn < turns; turn++) await setImmediate();
    };
    await using open = new AsyncDisposableStack();
    const sessions: Session[] = [];
    for (const client of [first, second]) {
      await this.#stop(client);
      const slow = client.with({}, () => Promise.resolve(this.#backend(() => undefined, wait)));
      sessions.push(open.use(await slow.open()));
    }
    await Promise.all(sessions.map((session) => this.#round(session)));
  }

  async #editDuring(
    client: TestClient,
    step: { readonly file: number; readonly at: number; readonly when: When },
  ): Promise<void> {
    await this.#interrupted(client, (at, when) => {
      if (at === step.at && when === step.when) {
        this.#users.edit(client, pathOf(step.file), { time: "now", isLarge: false });
      }
      return "goes on";
    });
  }

  async #kill(
    client: TestClient,
    step: { readonly at: number; readonly when: When; readonly loss: Loss },
  ): Promise<void> {
    await this.#interrupted(
      client,
      (at, when) => at === step.at && when === step.when ? step.loss : "goes on",
    );
  }

  /** A round of a client that starts anew, where something may happen at each of its calls that changes something. */
  async #interrupted(
    client: TestClient,
    happens: (nth: number, when: When) => Loss | "goes on",
  ): Promise<void> {
    await this.#stop(client);
    const { localPath: root, statePath: state } = client.section;
    const vault = `${this.#around.world.root}/vault${++this.#vaults}`;
    let calls = 0;
    const at = (when: When) => {
      const what = happens(when === "before" ? ++calls : calls, when);
      if (what !== "goes on") disk.die(what);
    };
    using disk = new MortalDisk({ root, state, vault }, (_nth, when) => at(when));
    const decide = (_call: Call): Fault | undefined => {
      if (disk.isDead) return { kind: "fail", dies: true };
      at("before");
      if (disk.isDead) return { kind: "fail", dies: true };
      at("after");
      return disk.isDead ? { kind: "lose-reply", dies: true } : undefined;
    };
    const mortal = client.with({}, () => Promise.resolve(this.#backend(decide)));
    try {
      await using session = await mortal.open();
      await this.#round(session, { hasFault: true });
    } catch (cause) {
      if (!disk.isDead) throw cause;
    }
    if (disk.isDead) this.mishaps++;
    disk.bury();
  }

  /** A round in which a call goes wrong. The client goes on with what it made of that. */
  async #fail(client: TestClient, at: number, fault: Fault): Promise<void> {
    await this.#stop(client);
    let isOver = false;
    const decide = ({ nth }: Call) => {
      if (nth !== at || isOver) return undefined;
      this.mishaps++;
      return fault;
    };
    const session = await client.with({}, () => Promise.resolve(this.#backend(decide))).open();
    this.#running.set(client, session);
    await this.#round(session, { hasFault: true });
    isOver = true;
    this.#hasLateCalls ||= fault.kind === "late";
  }

  #backend(decide: (call: Call) => Fault | undefined, wait?: () => Promise<void>): Backend {
    const traced = (call: Call) => {
      const fault = decide(call);
      const what = fault === undefined ? "" : ` ${JSON.stringify(fault)}`;
      this.#say(`      ${call.nth} ${call.verb} ${call.name}${what}`);
      return fault;
    };
    const inner = openMemory(this.#around.store);
    return new FaultyBackend(inner, traced, wait === undefined ? {} : { wait });
  }

  #relaySign(): string {
    const { store } = this.#around;
    const decoder = new TextDecoder();
    const objects = store.names().map((name) => {
      const bytes = store.latest(name);
      return `${name} ${bytes?.length} ${decoder.decode(bytes?.subarray(0, SIGN_BYTES))}`;
    });
    return [...objects.sort(), ...store.folders].join("\n");
  }

  #say(line: string): void {
    this.#around.trace?.(line);
  }
}
