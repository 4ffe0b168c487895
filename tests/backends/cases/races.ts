import assert from "node:assert/strict";
import { type Backend, BackendError, type BackendTraits } from "../../../backends/backend.ts";
import { collect, noise } from "../../support/byte_streams.ts";
import { isSame, sourceOf } from "../../support/sources.ts";
import { assertStands, type Case, type CaseContext, name, namesIn } from "./case.ts";

const RACERS = 8;

/** Claims about calls that overlap. */
export const RACES: readonly Case[] = [
  {
    title: "of overlapping puts on one name one wins whole",
    async run(context) {
      await using other = await context.relay.open();
      for (const size of [5000, 700_000]) await racePuts(context, other, size);
    },
  },
  {
    title: "a reader sees whole versions while others put",
    lacks: (traits) => traits.atomicReplace ? undefined : "a replace is not atomic",
    async run({ backend }) {
      const versions = [noise(300_000, 1), noise(500_000, 2), noise(10, 3)];
      await backend.put(name("f"), sourceOf(versions[0] ?? noise(0)));
      let isWriting = true;
      const writing = putRepeatedly(backend, versions, 30).finally(() => isWriting = false);
      while (isWriting) {
        const bytes = await collect(await backend.get(name("f")));
        assert.ok(versions.some((it) => isSame(it, bytes)), `${bytes.length} bytes are mixed`);
      }
      await writing;
    },
  },
  {
    title: "of overlapping creates exactly one succeeds",
    lacks: ({ exclusiveCreate }) => exclusiveCreate ? undefined : "creates are not exclusive",
    async run({ backend, relay, rounds }) {
      await using other = await relay.open();
      for (let round = 0; round < rounds; round++) {
        const text = `locks/${round % 3}`;
        const bytes = (i: number) => noise(20, round * RACERS + i);
        const won = await race((i) => {
          return (i % 2 === 0 ? backend : other).create(name(text), bytes(i));
        });
        assert.equal(won.length, 1, `round ${round}: ${won.length} creates succeeded`);
        await relay.settle?.();
        await assertStands(backend, text, bytes(won[0] ?? -1));
        assert.equal(await backend.remove(name(text)), true);
      }
    },
  },
  {
    title: "of overlapping makeFolders exactly one succeeds",
    lacks: ({ exclusiveFolder }) => exclusiveFolder ? undefined : "folders are not exclusive",
    async run({ backend, relay, rounds }) {
      await using other = await relay.open();
      for (let round = 0; round < rounds; round++) {
        const guard = name(`guards/${round % 3}/.guard`);
        const won = await race((i) => (i % 2 === 0 ? backend : other).makeFolder(guard));
        assert.equal(won.length, 1, `round ${round}: ${won.length} calls made the folder`);
        assert.equal(await backend.removeFolder(guard), true);
      }
    },
  },
  {
    title: "of overlapping removes exactly one says that it was there",
    lacks: isStrong,
    async run({ backend, relay, rounds }) {
      await using other = await relay.open();
      for (let round = 0; round < rounds / 10; round++) {
        await backend.put(name("f"), sourceOf(noise(10)));
        await relay.settle?.();
        const won = await race((i) => (i % 2 === 0 ? backend : other).remove(name("f")));
        assert.equal(won.length, 1, `round ${round}: ${won.length} removes found it`);
      }
    },
  },
  {
    title: "overlapping puts make the folders that they share",
    async run({ backend, relay }) {
      await using other = await relay.open();
      const texts = Array.from({ length: RACERS }, (_, i) => `n/e/w/${i % 2}/${i}`);
      await Promise.all(texts.map((text, i) => {
        return (i % 2 === 0 ? backend : other).put(name(text), sourceOf(noise(50, i)));
      }));
      await relay.settle?.();
      assert.deepEqual(await namesIn(backend), texts.toSorted());
    },
  },
  {
    title: "many transfers overlap without mixing",
    async run({ backend }) {
      const sizes = Array.from({ length: 40 }, (_, i) => i % 4 === 0 ? 300_000 + i : 1000 + i);
      await Promise.all(sizes.map((size) => {
        return backend.put(name(`d${size % 5}/${size}`), sourceOf(noise(size, size)));
      }));
      await Promise.all(sizes.map((size) => {
        return assertStands(backend, `d${size % 5}/${size}`, noise(size, size));
      }));
      assert.equal((await namesIn(backend)).length, sizes.length);
    },
  },
];

/** The numbers of the calls that said true. */
async function race(call: (i: number) => Promise<boolean>): Promise<number[]> {
  const answers = await Promise.all(Array.from({ length: RACERS }, (_, i) => call(i)));
  return answers.flatMap((answer, i) => answer ? [i] : []);
}

async function racePuts(
  { backend, relay }: CaseContext,
  other: Backend,
  size: number,
): Promise<void> {
  const versions = Array.from({ length: RACERS }, (_, i) => noise(size + i, i + 1));
  const results = await Promise.allSettled(versions.map((bytes, i) => {
    return (i % 2 === 0 ? backend : other).put(name("d/f"), sourceOf(bytes));
  }));
  for (const result of results) {
    if (result.status === "fulfilled") continue;
    assert.ok(!backend.traits.atomicReplace, String(result.reason));
    assert.ok(result.reason instanceof BackendError);
  }
  await relay.settle?.();
  assert.deepEqual(await namesIn(backend), ["d/f"]);
  const stands = await backend.read(name("d/f"), { maxBytes: size + RACERS });
  assert.ok(versions.some((it) => isSame(it, stands)), `${stands.length} bytes are mixed`);
}

async function putRepeatedly(
  backend: Backend,
  versions: readonly Uint8Array[],
  times: number,
): Promise<void> {
  for (let i = 0; i < times; i++) {
    const bytes = versions[i % versions.length] ?? noise(0);
    await backend.put(name("f"), sourceOf(bytes));
  }
}

function isStrong(traits: BackendTraits): string | undefined {
  return traits.exclusiveCreate ? undefined : "its calls are not exclusive";
}
