import assert from "node:assert/strict";
import type { Section } from "../../../lib/config/section.ts";
import { done, IndexWorld, T, variants } from "./_index_world.ts";

/** Every byte takes minutes (`ESCALE_CUTS=all`); some places are enough to notice what breaks. */
const CUTS = Deno.env.get("ESCALE_CUTS") === "all" ? Infinity : 24;

const FILES: Readonly<Record<string, string>> = { f: "content of f", "d/g": "and of g" };

/**
 * Cuts one object of a fresh update after `length` bytes: a puller places nothing that is not whole, says what is wrong
 * by name, and in the end both have all.
 */
async function cutAndPull(
  pattern: RegExp,
  { options, length }: { readonly options: Partial<Section>; readonly length: number },
): Promise<void> {
  using world = new IndexWorld();
  const [a, b] = [world.indexed("A", options), world.indexed("B", options)];
  for (const [path, content] of Object.entries(FILES)) a.write(path, content, T);
  await done(a);
  const { name, bytes } = world.bytesOf(pattern);
  await world.put(name, bytes.slice(0, length));
  const run = await b.once();
  const placed = Object.entries(b.tree());
  for (const [path, content] of placed) assert.equal(content, FILES[path], path);
  assert.notEqual(run.result.error?.code, "internal", run.result.error?.message);
  for (const problem of run.problems) assert.match(problem, /Refused|Cannot/);
  await world.settle([b, a]);
  assert.deepEqual([a.tree(), b.tree()], [FILES, FILES]);
  assert.deepEqual(world.relayNames(), [".0.index"]);
}

/** How long an object is, made once; random parts do not change it but for a few bytes. */
async function lengthOf(pattern: RegExp, options: Partial<Section>): Promise<number> {
  using world = new IndexWorld();
  const a = world.indexed("A", options);
  for (const [path, content] of Object.entries(FILES)) a.write(path, content, T);
  await done(a);
  return world.bytesOf(pattern).bytes.length;
}

/** What is cut, and the variants in which it differs: indices are not encrypted, an update's is not compressed either. */
const CASES: readonly [what: string, pattern: RegExp, isCase: (variant: string) => boolean][] = [
  ["update's data", /\.data$/, (variant) => !variant.endsWith("blowfish")],
  ["update's index", /\d{5,}\.index$/, (variant) => /^bz2, (off|fernet)$/.test(variant)],
  ["persistent index", /^\.0\.index$/, (variant) => /^(bz2|zstd|gzip), off$/.test(variant)],
];

for (const [what, pattern, isCase] of CASES) {
  for (const [variant, options] of variants().filter(([name]) => isCase(name))) {
    Deno.test(`cutting the ${what} anywhere loses nothing (${variant})`, async () => {
      const wholeBytes = await lengthOf(pattern, options);
      for (let length = 0; length < wholeBytes; length += stepIn(wholeBytes)) {
        try {
          await cutAndPull(pattern, { options, length });
        } catch (cause) {
          throw new Error(`cut after ${length} of ${wholeBytes} bytes`, { cause });
        }
      }
    });
  }
}

/** How far the cuts are apart. */
function stepIn(wholeBytes: number): number {
  return Math.max(1, Math.floor(wholeBytes / CUTS));
}
