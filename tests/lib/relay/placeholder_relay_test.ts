import assert from "node:assert/strict";
import { parseObjectName } from "../../../backends/backend.ts";
import { MemoryStore, openMemory } from "../../../backends/memory.ts";
import { plainCipher } from "../../../lib/crypto/plain.ts";
import { parseAlgorithm } from "../../../lib/crypto/digest.ts";
import { deriveKey, SEAL_PURPOSE } from "../../../lib/crypto/keys.ts";
import { EscaleError } from "../../../lib/errors.ts";
import { State } from "../../../lib/local/state.ts";
import { silentLog } from "../../../lib/log.ts";
import { parseRelativePath } from "../../../lib/path.ts";
import { Checksums, type Sealer, sealWith } from "../../../lib/relay/checksum.ts";
import type { ReadRecord } from "../../../lib/relay/context.ts";
import { Locks } from "../../../lib/relay/lock.ts";
import { FIRST_TIME_FORMAT, formatRecord, type RelayRecord } from "../../../lib/relay/metadata.ts";
import { PlaceholderRelay } from "../../../lib/relay/placeholder_relay.ts";
import { NEVER_QUIET } from "../../../lib/relay/quiet.ts";
import { Versions } from "../../../lib/relay/versions.ts";
import { FaultyBackend } from "../../support/faulty_backend.ts";
import { readGolden } from "../../support/golden.ts";
import { sourceOf } from "../../support/sources.ts";

const RECORD: RelayRecord = {
  pusher: "A",
  timeS: 1_600_000_000,
  checksum: undefined,
  algorithm: undefined,
  base: [],
  sizeBytes: undefined,
  expected: undefined,
  seal: undefined,
  pullers: [],
};
const F = parseRelativePath("f");

/** A client's view of a relay in memory, and how it calls it. */
class Place implements AsyncDisposable {
  readonly store: MemoryStore;
  readonly backend: FaultyBackend;
  readonly relay: PlaceholderRelay;
  readonly cached: Map<string, ReadRecord> = new Map();
  uptimeS = 0;
  readonly #state: State = State.open(":memory:");

  constructor(
    options: {
      readonly hasTags?: boolean;
      readonly sealer?: Sealer;
      readonly requireSeals?: boolean;
      readonly maxTransfers?: number;
    } = {},
  ) {
    this.store = new MemoryStore({ hasTags: options.hasTags ?? true });
    this.backend = new FaultyBackend(openMemory(this.store));
    const locks = new Locks({
      backend: this.backend,
      client: "B",
      memory: this.#state,
      lockTimeoutS: 1000,
      legacyPeers: true,
      uptimeS: () => 0,
      nonce: () => crypto.randomUUID().replaceAll("-", ""),
      wait: () => Promise.resolve(),
      log: silentLog,
    });
    this.relay = new PlaceholderRelay({
      backend: this.backend,
      client: "B",
      locks,
      cipher: plainCipher,
      checksums: new Checksums({
        algorithm: parseAlgorithm("sha512"),
        isRecorded: true,
        key: undefined,
        isKeyed: false,
      }),
      sealer: options.sealer,
      requireSeals: options.requireSeals ?? false,
      timeFormat: FIRST_TIME_FORMAT,
      pullerCount: 1,
      maxTransfers: options.maxTransfers ?? 4,
      records: {
        get: (resource) => this.cached.get(resource),
        reader: () => (resource) => this.cached.get(resource),
        note: (reads) => reads.forEach((read, resource) => this.cached.set(resource, read)),
      },
      versions: new Versions({
        ...{ traits: this.store.traits, storage: "", memory: this.#state },
        uptimeS: () => this.uptimeS,
      }),
      quiet: NEVER_QUIET,
      log: silentLog,
    });
  }

  async put(name: string, text: string): Promise<void> {
    const source = sourceOf(new TextEncoder().encode(text));
    await openMemory(this.store).put(parseObjectName(name), source);
  }

  /** The calls since the last time, as `read .f.placeholder`. */
  calls(): string[] {
    return this.backend.calls.splice(0).map(({ verb, name }) => `${verb} ${name}`.trim());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.relay[Symbol.asyncDispose]();
    this.#state.close();
  }
}

Deno.test("survey() sees what golden/listings.json shows, but counts as transferred only what is gone", async () => {
  const golden = readGolden<
    { listing: string[]; ready_for_download: string[]; transferred_end2end: string[] }
  >("listings.json");
  await using place = new Place();
  for (const name of golden.listing) {
    if (name.startsWith(".0.")) continue;
    await place.put(name, name.endsWith(".placeholder") ? formatRecord(RECORD) : "A");
  }
  const entries = [...(await place.relay.survey()).entries.values()];
  const ready = entries.filter((it) => it.storedBytes !== undefined && it.lock === undefined);
  assert.deepEqual(
    ready.map(({ resource }) => resource).sort(),
    [
      ...golden.ready_for_download,
    ].sort(),
  );
  const transferred = entries.filter((it) =>
    it.record.kind === "present" && it.storedBytes === undefined
  );
  assert.deepEqual(transferred.map(({ resource }) => resource), ["c.txt"]);
  const recorded = entries.filter((it) => it.record.kind === "present");
  assert.deepEqual(
    recorded.map(({ resource }) => resource).sort(),
    [...golden.transferred_end2end].sort(),
  );
  const locked = entries.filter((it) => it.lock !== undefined);
  assert.deepEqual(locked.map(({ resource }) => resource).sort(), ["b.txt", "sub/e.txt"]);
});

Deno.test("survey() refuses a relay that is kept with an index, and names the object and the way out", async () => {
  for (const name of [".0.index", ".0.17.index", ".0.17.data", ".a_b.index"]) {
    await using place = new Place();
    await place.put(".f.placeholder", formatRecord(RECORD));
    await place.put(name, "");
    await assert.rejects(place.relay.survey(), (thrown) => {
      assert.ok(thrown instanceof EscaleError);
      assert.equal(thrown.code, "refused");
      assert.ok(thrown.message.includes(`"${name}"`), thrown.message);
      assert.match(thrown.hint ?? "", /index = yes/);
      return true;
    });
  }
});

Deno.test("survey() of an idle relay is one listing and reads nothing", async () => {
  await using place = new Place();
  for (let at = 0; at < 20; at++) await place.put(`d/.f${at}.placeholder`, formatRecord(RECORD));
  await place.put("d/f3", "standing");
  await place.relay.survey();
  assert.equal(place.calls().length, 21);
  for (let round = 0; round < 3; round++) {
    const { entries } = await place.relay.survey();
    assert.deepEqual(place.calls(), ["list"]);
    assert.equal(entries.size, 20);
    assert.equal(entries.get(parseRelativePath("d/f7"))?.record.kind, "present");
  }
  await place.put("d/.f7.placeholder", `${formatRecord(RECORD)}\nC`);
  const { entries } = await place.relay.survey();
  assert.deepEqual(place.calls(), ["list", "read d/.f7.placeholder"]);
  const view = entries.get(parseRelativePath("d/f7"))?.record;
  assert.deepEqual(view?.kind === "present" && view.record.pullers, ["C"]);
});

Deno.test("survey() without tags goes by size and time, once the time has passed", async () => {
  await using place = new Place({ hasTags: false });
  await place.put(".f.placeholder", formatRecord(RECORD));
  await place.put("f", "standing");
  await place.put(".g.placeholder", formatRecord(RECORD));
  const all = ["list", "read .f.placeholder", "read .g.placeholder"];
  for (const uptimeS of [0, 1, 5]) {
    place.uptimeS = uptimeS;
    await place.relay.survey();
    assert.deepEqual(place.calls().sort(), all);
  }
  for (let round = 0; round < 2; round++) {
    await place.relay.survey();
    assert.deepEqual(place.calls(), ["list"]);
  }
});

Deno.test("survey() reads a lock each time, and the record beside it as any other", async () => {
  await using place = new Place();
  await place.put(".f.placeholder", formatRecord(RECORD));
  await place.put(".f.lock", "A");
  await place.relay.survey();
  place.calls();
  const { entries } = await place.relay.survey();
  assert.deepEqual(place.calls(), ["list", "read .f.lock"]);
  assert.deepEqual(entries.get(F)?.lock, { kind: "held", owner: "A", unchangedS: 0 });
});

Deno.test("survey() tells what it refuses, and why", async () => {
  const sealer = sealWith(deriveKey(new Uint8Array([1]), SEAL_PURPOSE));
  const other = sealWith(deriveKey(new Uint8Array([2]), SEAL_PURPOSE));
  const sealed = (by: Sealer) => formatRecord({ ...RECORD, seal: by.seal(F, RECORD) });
  const cases = [
    [{}, "", "unreadable"],
    [{}, "placeholder%1.0\npusher: a:b\ntimestamp: 1", "unreadable"],
    [{}, "x".repeat(70_000), "unreadable"],
    [{}, sealed(other), "present"],
    [{ sealer }, formatRecord(RECORD), "present"],
    [{ sealer }, sealed(sealer), "present"],
    [{ sealer }, sealed(other), "unreadable", "wrong"],
    [{ sealer, requireSeals: true }, formatRecord(RECORD), "unreadable", "missing"],
    [{ sealer, requireSeals: true }, sealed(sealer), "present"],
    [{ sealer, requireSeals: true }, "200913_122640", "unreadable", "missing"],
  ] as const;
  for (const [options, text, kind, seal] of cases) {
    await using place = new Place(options);
    await place.put(".f.placeholder", text);
    for (const round of ["read", "remembered"]) {
      const view = (await place.relay.survey()).entries.get(F)?.record;
      assert.equal(view?.kind, kind, `${text.slice(0, 80)} ${round}`);
      if (view?.kind === "unreadable") {
        assert.equal(view.seal, seal);
        assert.notEqual(view.why, "");
      }
    }
  }
});

Deno.test("survey() counts the bytes of all objects, and not a record that vanishes meanwhile", async () => {
  await using place = new Place();
  await place.put("f", "12345");
  await place.put(".stranger", "678");
  assert.equal((await place.relay.survey()).usedBytes, 8);
  await place.put(".g.placeholder", formatRecord(RECORD));
  const read = place.backend.read.bind(place.backend);
  place.backend.read = async (name, options) => {
    await openMemory(place.store).remove(name);
    return await read(name, options);
  };
  assert.deepEqual([...(await place.relay.survey()).entries.keys()], ["f"]);
});

Deno.test("a transaction puts record before content, and checks its lock before each", async () => {
  await using place = new Place();
  {
    await using transaction = await place.relay.open([F], { mode: "w" });
    await transaction.put(F, RECORD, sourceOf(new Uint8Array([49])));
    assert.deepEqual([...await transaction.confirm()], ["f"]);
  }
  assert.deepEqual(place.calls(), [
    "create .f.lock",
    "read .f.placeholder",
    "stat f",
    "stat .f.lock",
    "read .f.lock",
    "put .f.placeholder",
    "stat .f.lock",
    "put f",
    "flush",
    "stat f",
    "stat .f.placeholder",
    "read .f.placeholder",
    "stat .f.lock",
    "remove .f.lock",
  ]);
});

Deno.test("a transaction whose lock was lost publishes nothing more", async () => {
  await using place = new Place();
  const before = await (async () => {
    await using transaction = await place.relay.open([F], { mode: "w" });
    await place.put(".f.lock", "lock%1.0\nowner: C\nmode: w\nnonce: 99\nbeat: 0");
    const isLocked = (thrown: unknown) => thrown instanceof EscaleError && thrown.code === "locked";
    await assert.rejects(transaction.put(F, RECORD, sourceOf(new Uint8Array(1))), isLocked);
    await assert.rejects(transaction.putRecord(F, RECORD), isLocked);
    await assert.rejects(transaction.removeContent(F), isLocked);
    await assert.rejects(transaction.withdraw(F), isLocked);
    return place.store.names();
  })();
  assert.deepEqual(before, [".f.lock"]);
  assert.deepEqual(place.store.names(), [".f.lock"], "and the foreign lock stands");
});

Deno.test("a transaction that ends unconfirmed undoes what it put", async () => {
  await using place = new Place();
  {
    await using transaction = await place.relay.open([F], { mode: "w" });
    const cut = sourceOf(new Uint8Array(9), { error: new Error("the source failed") });
    await assert.rejects(transaction.put(F, RECORD, cut), /the source failed/);
  }
  assert.deepEqual(place.store.names(), []);
});

Deno.test("a dead pusher's lock is judged by what stands: whole stays, torn and unfinished go", async () => {
  const whole = new TextEncoder().encode("content");
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-512", whole)).toHex();
  const text = formatRecord({ ...RECORD, checksum: digest, algorithm: "sha512", sizeBytes: 7 });
  const pulled = `${text}\nC`;
  const cases: [what: string, objects: Record<string, string>, left: string[]][] = [
    ["finished", { ".f.placeholder": text, f: "content" }, [".f.placeholder", "f"]],
    ["torn", { ".f.placeholder": text, f: "cont" }, []],
    ["another content", { ".f.placeholder": text, f: "c0ntent" }, []],
    ["no content yet", { ".f.placeholder": text }, []],
    ["no content any more", { ".f.placeholder": pulled }, [".f.placeholder"]],
    ["no record", { f: "content" }, ["f"]],
    ["a torn record", { ".f.placeholder": text.slice(0, 30), f: "content" }, []],
    ["nothing", {}, []],
  ];
  for (const [what, objects, left] of cases) {
    for (const mode of ["w", "r"]) {
      await using place = new Place();
      for (const [name, content] of Object.entries(objects)) await place.put(name, content);
      await place.put(".f.lock", `lock%1.0\nowner: B\nmode: ${mode}`);
      await (await place.relay.open([F], { mode: "r" }))[Symbol.asyncDispose]();
      const expected = mode === "w" ? left : Object.keys(objects);
      assert.deepEqual(place.store.names().sort(), [...expected].sort(), `${what}, mode ${mode}`);
    }
  }
});
