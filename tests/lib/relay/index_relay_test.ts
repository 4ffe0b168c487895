import assert from "node:assert/strict";
import { parseObjectName } from "../../../backends/backend.ts";
import { MemoryStore, openMemory } from "../../../backends/memory.ts";
import { parseAlgorithm } from "../../../lib/crypto/digest.ts";
import { plainCipher } from "../../../lib/crypto/plain.ts";
import { silentLog } from "../../../lib/log.ts";
import { parseRelativePath, type RelativePath } from "../../../lib/path.ts";
import { Checksums } from "../../../lib/relay/checksum.ts";
import type { IndexContext } from "../../../lib/relay/context.ts";
import { IndexRelay } from "../../../lib/relay/index_relay.ts";
import { NEVER_QUIET } from "../../../lib/relay/quiet.ts";
import { Locks } from "../../../lib/relay/lock.ts";
import { EVERYONE, FIRST_TIME_FORMAT, type RelayRecord } from "../../../lib/relay/metadata.ts";
import type { PlainContent } from "../../../lib/relay/relay.ts";
import { Versions } from "../../../lib/relay/versions.ts";
import { QuietMarks } from "../../../lib/local/quiet_marks.ts";
import { spool } from "../../../lib/local/spool.ts";
import { State } from "../../../lib/local/state.ts";
import { sourceOf } from "../../support/sources.ts";

const T = 1_600_000_000;
const CHECKSUMS = new Checksums({
  algorithm: parseAlgorithm("sha256"),
  isRecorded: true,
  key: undefined,
  isKeyed: false,
});

/** A client's way to a relay in memory. */
function openRelay(
  store: MemoryStore,
  client: string,
  changes: Partial<IndexContext> = {},
): IndexRelay {
  const backend = openMemory(store);
  const times = new Map<string, number>();
  let nonces = 0;
  const locks = new Locks({
    backend,
    client,
    memory: State.open(":memory:"),
    lockTimeoutS: 100,
    legacyPeers: true,
    uptimeS: () => 0,
    nonce: () => `${client}${++nonces}`,
    wait: () => Promise.resolve(),
    log: silentLog,
  });
  return new IndexRelay({
    ...{ backend, client, locks, cipher: plainCipher, checksums: CHECKSUMS, sealer: undefined },
    ...{ requireSeals: false, timeFormat: FIRST_TIME_FORMAT, pullerCount: 1, maxTransfers: 2 },
    records: { get: () => undefined, reader: () => () => undefined, note: () => {} },
    versions: new Versions({
      ...{ traits: store.traits, storage: "", uptimeS: () => 0 },
      memory: State.open(":memory:"),
    }),
    quiet: NEVER_QUIET,
    log: silentLog,
    ...{ depth: 1, maxPageSizeBytes: 100, compression: "none", acknowledges: true },
    ...{ sibling: undefined, allowPageDeletion: false },
    spool: (content) => spool(content, "/nowhere"),
    pageTimes: {
      get: (page) => times.get(page) ?? 0,
      note: (page, ts) => times.set(page, ts),
    },
    nowS: () => T,
    isKeyProven: () => true,
    ...changes,
  });
}

const [F, G] = [parseRelativePath("f"), parseRelativePath("d/g")];

function recordOf(pusher: string, sizeBytes: number, timeS = T): RelayRecord {
  return {
    ...{ pusher, timeS, checksum: undefined, algorithm: undefined, base: [], sizeBytes },
    ...{ expected: undefined, seal: undefined, pullers: [] },
  };
}

async function push(
  relay: IndexRelay,
  files: readonly RelativePath[],
  { timeS = T }: { readonly timeS?: number } = {},
): Promise<void> {
  await using transaction = await relay.open(files, { mode: "w" });
  assert.equal(transaction.refused.size, 0);
  for (const file of files) {
    const content = sourceOf(new TextEncoder().encode(file));
    await transaction.put(file, recordOf("A", content.sizeBytes, timeS), content);
  }
  assert.deepEqual([...await transaction.confirm()].sort(), [...files].sort());
}

async function textOf(content: PlainContent): Promise<string> {
  return await new Response(content instanceof Uint8Array ? content.slice() : content).text();
}

Deno.test("IndexRelay shows what an update holds, and what is consumed as everyone's", async () => {
  const store = new MemoryStore();
  await using a = openRelay(store, "A");
  await using b = openRelay(store, "B");
  await push(a, [F, G]);
  const { entries, usedBytes } = await b.survey();
  assert.equal(entries.size, 2);
  assert.equal(usedBytes, store.usedBytes());
  const entry = entries.get(G);
  assert.ok(entry?.record.kind === "present" && entry.isOwed && entry.storedBytes);
  assert.deepEqual(entry.record.record.pullers, []);
  assert.equal((await a.survey()).entries.get(G)?.isOwed, false);
  {
    await using transaction = await b.open([F], { mode: "r" });
    const got: string[] = [];
    await transaction.receive([F], async (_, content) => {
      got.push(await textOf(await content()));
    });
    assert.deepEqual(got, ["f"]);
    assert.equal(await transaction.acknowledge(F, { removeContent: true }), false);
    assert.equal(await transaction.commit(), 1);
  }
  const after = await b.survey();
  assert.equal(after.entries.get(G)?.isOwed, true, "its page is another");
  const consumed = after.entries.get(F);
  assert.ok(consumed?.record.kind === "present");
  assert.deepEqual(consumed.record.record.pullers, [EVERYONE]);
  assert.equal(consumed.storedBytes, undefined);
});

Deno.test("an update is acknowledged only with all of its entries", async () => {
  const store = new MemoryStore();
  const [one, two] = [parseRelativePath("d/1"), parseRelativePath("d/2")];
  await using a = openRelay(store, "A");
  await using b = openRelay(store, "B");
  await push(a, [one, two]);
  {
    await using transaction = await b.open([one], { mode: "r" });
    assert.deepEqual([...transaction.entries.keys()], [one, two], "what is owed with it is shown");
    await transaction.acknowledge(one, { removeContent: true });
    assert.equal(await transaction.commit(), 0);
  }
  await using transaction = await b.open([one], { mode: "r" });
  await transaction.acknowledge(one, { removeContent: true });
  transaction.pass(two);
  assert.equal(await transaction.commit(), 1);
  assert.equal(store.names().some((name) => name.endsWith(".data")), false);
});

Deno.test("a page on which an update stands is busy for pushers, and its lock is given back", async () => {
  const store = new MemoryStore();
  await using a = openRelay(store, "A");
  await using b = openRelay(store, "B");
  await push(a, [F]);
  for (const relay of [a, b]) {
    await using transaction = await relay.open([F, G], { mode: "w" });
    assert.deepEqual(transaction.refused.get(F), { kind: "busy" });
    assert.deepEqual([...transaction.entries.keys()], [G]);
  }
  assert.equal(store.names().some((name) => name.endsWith(".lock")), false);
});

Deno.test("a put that fails leaves the page as it was", async () => {
  const store = new MemoryStore({ capacityBytes: 30_000 });
  await using a = openRelay(store, "A");
  const before = store.names();
  const content = sourceOf(new Uint8Array(40_000));
  await assert.rejects(async () => {
    await using transaction = await a.open([F], { mode: "w" });
    await transaction.put(F, recordOf("A", content.sizeBytes), content);
    await transaction.confirm();
  }, { code: "full" });
  assert.deepEqual(store.names(), before);
});

Deno.test("the time of an update is always later than those before it", async () => {
  const store = new MemoryStore();
  await using a = openRelay(store, "A");
  await openMemory(store).put(
    parseObjectName(`.0.${T + 50}.data`),
    sourceOf(new Uint8Array(3)),
  );
  await a.survey();
  assert.deepEqual(await a.repair(), ['index page "0"']);
  await push(a, [F]);
  await a.survey();
  assert.ok(store.names().includes(parseObjectName(`.0.${T}.index`)));
  await using b = openRelay(store, "B", { nowS: () => T - 100 });
  {
    await using transaction = await b.open([F], { mode: "r" });
    await transaction.acknowledge(F, { removeContent: true });
    await transaction.commit();
  }
  await push(b, [F]);
  assert.ok(store.names().includes(parseObjectName(`.0.${T + 1}.index`)));
});

Deno.test("batches() keep a page together for pulls and requests and cut it by size for pushes", async () => {
  await using relay = openRelay(new MemoryStore(), "A");
  const items = ["d/a", "b", "d/c", "e"].map((name) => ({
    resource: parseRelativePath(name),
    sizeBytes: 60,
  }));
  const names = (use: "r" | "w" | "request") =>
    [...relay.batches(items, use)].map((batch) => batch.map(({ resource }) => `${resource}`));
  for (const use of ["r", "request"] as const) {
    assert.deepEqual(names(use), [["d/a", "d/c"], ["b", "e"]]);
  }
  assert.deepEqual(names("w"), [["d/a"], ["d/c"], ["b"], ["e"]]);
});

Deno.test("a request of very many resources holds no entry of them, and withdraws them in one writing", async () => {
  const store = new MemoryStore();
  await using a = openRelay(store, "A");
  await push(a, [F]);
  await using b = openRelay(store, "B");
  await b.survey();
  {
    await using taken = await b.open([F], { mode: "r" });
    taken.pass(F);
    await taken.commit();
  }
  await b.survey();
  const others = Array.from({ length: 70_000 }, (_, index) => parseRelativePath(`g${index}`));
  {
    await using transaction = await b.open([F, ...others], { mode: "w" });
    const { entries } = transaction;
    assert.equal(entries.size, 70_001);
    assert.equal(entries.get(F)?.record.kind, "present");
    assert.equal(entries.get(F)?.lock, undefined);
    assert.equal(entries.get(parseRelativePath("g5"))?.record.kind, "absent");
    assert.equal(entries.get(parseRelativePath("x")), undefined);
    assert.deepEqual([...entries.keys()].slice(0, 2), ["f", "g0"]);
    assert.equal([...entries.values()].length, 70_001);
    for (const [resource] of entries) await transaction.withdraw(resource, { isLost: false });
    await transaction.commit();
  }
  assert.equal((await b.survey()).entries.has(F), false);
});

Deno.test("the sign of a survey stands for the indices and what waits, and is recognised", async () => {
  const store = new MemoryStore();
  await using a = openRelay(store, "A");
  await using b = openRelay(store, "B");
  assert.equal((await a.survey()).sign, undefined, "nothing says nothing");
  await push(a, [F]);
  const sent = (await a.survey()).sign ?? assert.fail();
  assert.notEqual(await b.recognise(sent), undefined);
  await b.survey();
  {
    await using taken = await b.open([F], { mode: "r" });
    assert.equal(await a.recognise(sent), undefined, "its page is locked");
    assert.equal((await a.survey()).sign, undefined);
    taken.pass(F);
    await taken.commit();
  }
  const { sign = "", usedBytes } = await a.survey();
  assert.notEqual(sign, sent);
  assert.deepEqual(await b.recognise(sign), { usedBytes });
  assert.equal(await b.recognise(sent), undefined);
  const [backend, other] = [openMemory(store), parseObjectName(".x.placeholder")];
  await backend.put(other, sourceOf(new Uint8Array(1)));
  assert.equal(await b.recognise(sign), undefined, "an object of the other layout");
  await backend.remove(other);
  await backend.put(parseObjectName(".0.index"), sourceOf(new Uint8Array(1)));
  assert.equal(await b.recognise(sign), undefined);
  assert.equal((await b.survey()).sign, undefined, "its index cannot be read");
});

Deno.test("the entries of a survey are a map like any other", async () => {
  const store = new MemoryStore();
  await using a = openRelay(store, "A");
  await push(a, [F, G]);
  const { entries, quiet } = await a.survey();
  const seen: string[] = [];
  entries.forEach((entry, resource) => seen.push(`${resource} ${entry.resource}`));
  assert.deepEqual(seen.sort(), ["d/g d/g", "f f"]);
  assert.deepEqual([...entries.keys()].sort(), ["d/g", "f"]);
  assert.equal([...entries.values()].length, 2);
  assert.equal(entries.has(F), true);
  assert.equal(entries.get(parseRelativePath("x")), undefined);
  quiet?.note(F, 5);
  assert.equal(quiet?.isQuiet(F, 5), false, "an update holds it");
});

Deno.test("what needed nothing is quiet until its record changes, also in the next run", async () => {
  const store = new MemoryStore();
  using state = State.open(":memory:");
  await using a = openRelay(store, "A");
  await push(a, [F]);
  {
    const quiet = new QuietMarks(state, "settings");
    await using b = openRelay(store, "B", { quiet });
    await using transaction = await b.open([F], { mode: "r" });
    transaction.pass(F);
    await transaction.commit();
    (await b.survey()).quiet?.note(F, 5);
    quiet.save();
  }
  await using b = openRelay(store, "B", { quiet: new QuietMarks(state, "settings") });
  const isQuiet = async (mark: number) => (await b.survey()).quiet?.isQuiet(F, mark);
  const takeAll = async (file: RelativePath) => {
    await using transaction = await b.open([file], { mode: "r" });
    transaction.pass(file);
    await transaction.commit();
  };
  assert.deepEqual([await isQuiet(5), await isQuiet(6)], [true, false]);
  const other = parseRelativePath("g");
  await a.survey();
  await push(a, [other]);
  assert.equal(await isQuiet(5), true, "its page has another update");
  await takeAll(other);
  assert.equal(await isQuiet(5), true, "its page was written again");
  await a.survey();
  await push(a, [F], { timeS: T + 1 });
  assert.equal(await isQuiet(5), false);
  await takeAll(F);
  assert.equal(await isQuiet(5), false);
});
