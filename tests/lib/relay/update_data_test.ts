import assert from "node:assert/strict";
import { parseObjectName } from "../../../backends/backend.ts";
import { MemoryStore, openMemory } from "../../../backends/memory.ts";
import { type Compression, COMPRESSIONS } from "../../../lib/archive/codec.ts";
import { type CipherName, openCipher } from "../../../lib/crypto/cipher.ts";
import { EscaleError } from "../../../lib/errors.ts";
import { spool } from "../../../lib/local/spool.ts";
import { parseRelativePath } from "../../../lib/path.ts";
import {
  type ReadContext,
  readUpdateData,
  type UpdateMember,
  type WriteContext,
  writeUpdateData,
} from "../../../lib/relay/update_data.ts";
import { collect, noise, utf8 } from "../../support/byte_streams.ts";
import { GOLDEN_KEY } from "../../support/engine.ts";
import { isSame, sourceOf } from "../../support/sources.ts";

const NAME = parseObjectName(".0.1600000000.data");
const FILES: readonly (readonly [string, Uint8Array])[] = [
  ["f", utf8("content of f")],
  ["d/g", noise(700)],
  ["empty", new Uint8Array(0)],
];

function memberOf([path, content]: readonly [string, Uint8Array]): UpdateMember {
  const resource = parseRelativePath(path);
  const record = {
    ...{ pusher: "A", timeS: 1_600_000_000, checksum: undefined, algorithm: undefined, base: [] },
    ...{ sizeBytes: content.length, expected: undefined, seal: undefined, pullers: [] },
  };
  return { resource, record, text: "", content: { ...sourceOf(content), bytes: content } };
}

function contextFor(
  store: MemoryStore,
  { cipher, compression }: { readonly cipher: CipherName; readonly compression: Compression },
): ReadContext & WriteContext {
  const options = { now: () => 0, randomBytes: (count: number) => new Uint8Array(count) };
  return {
    backend: openMemory(store),
    cipher: openCipher(cipher, cipher === "plain" ? new Uint8Array() : GOLDEN_KEY, options),
    compression,
    spool: (content) => spool(content, "/nowhere"),
    nowS: () => 1_600_000_000,
    maxPageSizeBytes: 1000,
  };
}

/** Reads all and gives the names of what came whole. */
async function readAll(context: ReadContext, files = FILES): Promise<string[]> {
  const whole: string[] = [];
  await readUpdateData(context, NAME, {
    sizes: new Map(files.map(([path, content]) => [path, content.length])),
    storedBytes: 100,
    take: async ({ path, content }) => {
      const expected = files.find(([name]) => name === path)?.[1] ?? assert.fail(path);
      if (isSame(await collect(content), expected)) whole.push(path);
    },
  });
  return whole;
}

/** Ways in which an update can stand on a relay; blowfish shows no damage by itself. */
const VARIANTS = COMPRESSIONS.flatMap((compression) =>
  (["plain", "fernet"] as const).map((cipher) => ({ compression, cipher }))
);

for (const variant of VARIANTS) {
  const { compression, cipher } = variant;
  Deno.test(`update data cut after any byte is refused by name, or whole (${compression}, ${cipher})`, async () => {
    const store = new MemoryStore();
    const context = contextFor(store, variant);
    const written = await writeUpdateData(context, NAME, {
      members: FILES.map(memberOf),
      left: new Map(),
      check: () => Promise.resolve(),
    });
    const stored = store.latest(NAME) ?? assert.fail("nothing was written");
    assert.equal(written?.storedBytes, stored.length);
    assert.deepEqual(await readAll(context), FILES.map(([path]) => path));
    let refusals = 0;
    for (let length = 0; length < stored.length; length++) {
      await context.backend.put(NAME, sourceOf(stored.slice(0, length)));
      try {
        assert.deepEqual(await readAll(context), FILES.map(([path]) => path));
        // Only zeros that follow the end of a tar archive may be missing.
        assert.equal(`${compression} ${cipher}`, "none plain", `${length} bytes are enough`);
      } catch (cause) {
        if (!(cause instanceof EscaleError)) throw new Error(`after ${length}`, { cause });
        // What does not verify may come from another key as well.
        assert.ok(cause.code === "corrupt" || cipher === "fernet" && cause.code === "wrong-key");
        assert.match(cause.message, /^(Cannot|Refused) /);
        refusals++;
      }
    }
    assert.ok(refusals > stored.length / 4);
  });
}

Deno.test("update data that is being written or read ends with its signal", async () => {
  const store = new MemoryStore();
  const context = contextFor(store, { compression: "zstd", cipher: "plain" });
  const stop = new AbortController();
  const check = () => Promise.resolve();
  const big = memberOf(["big", noise(600_000)]);
  const { sizeBytes, open } = big.content;
  const stopping = {
    sizeBytes,
    open() {
      stop.abort();
      return open();
    },
  };
  const writing = writeUpdateData(context, NAME, {
    ...{ members: [{ ...big, content: stopping }], left: new Map(), check, signal: stop.signal },
  });
  await assert.rejects(writing, { name: "AbortError" });
  assert.deepEqual(store.names(), []);
  const members = [big, memberOf(["f", utf8("f")])];
  await writeUpdateData(context, NAME, { members, left: new Map(), check });
  const again = new AbortController();
  const reading = readUpdateData(context, NAME, {
    sizes: new Map([["big", sizeBytes], ["f", 1]]),
    storedBytes: 1,
    signal: again.signal,
    async take({ path, content }) {
      assert.equal(path, "big");
      again.abort();
      await collect(content);
    },
  });
  await assert.rejects(reading, { name: "AbortError" });
});
