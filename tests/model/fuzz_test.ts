import assert from "node:assert/strict";
import { BACKEND_PARSERS } from "./fuzz_backend_parsers.ts";
import { CONFIG_PARSERS, removeFolder } from "./fuzz_config_parsers.ts";
import { CONTENT_PARSERS } from "./fuzz_content_parsers.ts";
import { RELAY_PARSERS } from "./fuzz_relay_parsers.ts";
import { fuzz, type Parser } from "./fuzz_run.ts";
import { FuzzServer } from "./fuzz_served_parsers.ts";

/** Inputs for each parser; the costly ones share as many in a long run. */
const RUNS = Number(Deno.env.get("ESCALE_FUZZ") ?? 1_000);
const LEAST_RUNS = 1_000;
const SEED = Number(Deno.env.get("ESCALE_SEED") ?? Date.now() % 2 ** 31);
const IS_LONG = Deno.env.has("ESCALE_FUZZ");

const PARSERS: readonly Parser[] = [
  ...[...RELAY_PARSERS, ...CONTENT_PARSERS, ...BACKEND_PARSERS, ...CONFIG_PARSERS],
];
/** The two by HTTP are of this kind as well. */
const COSTLY = PARSERS.filter(({ isCostly }) => isCostly).length + 2;

/** Feeds a parser, and says what came of it where that takes long. */
async function feed(parser: Parser): Promise<void> {
  const shared = Math.max(LEAST_RUNS, Math.ceil(RUNS / COSTLY));
  const runs = parser.isCostly ? Math.min(RUNS, shared) : RUNS;
  const { read, seconds, slowestMs } = await fuzz(parser, { runs, seed: SEED });
  assert.ok(read > 0, "some of it is well-formed");
  if (!IS_LONG) return;
  say(
    `${parser.name}: ${runs} inputs, ${read} read, the others refused by name; ` +
      `${seconds.toFixed(0)} s, the slowest ${slowestMs.toFixed(0)} ms`,
  );
}

for (const parser of PARSERS) {
  Deno.test(`${parser.name}: whatever comes is read or refused by name, at once (seed ${SEED})`, async () => {
    await feed(parser);
    removeFolder();
  });
}

Deno.test(`what comes by HTTP is read or refused by name, at once (seed ${SEED})`, async () => {
  await using server = await FuzzServer.start();
  for (const parser of server.parsers()) await feed(parser);
});

Deno.test("a parser that throws what it should not, or is slow on long runs, is noticed", async () => {
  const seeds = [new TextEncoder().encode("name: value")];
  const spoiled: readonly [what: RegExp, read: (text: string) => void][] = [
    [/throws TypeError/, (text) => JSON.parse(text.includes("__proto__") ? "null" : "{}").a.b],
    [/throws Error: Refused/, (text) => {
      if (text.includes("\u001b")) throw new Error(`Refused "${text}"`);
    }],
    [/takes \d+ ms/, (text) => {
      let sum = text.includes("\u202e") ? 0 : Infinity;
      for (let at = sum; at < 1e8; at++) sum ^= at;
    }],
  ];
  for (const [what, read] of spoiled) {
    const parser: Parser = {
      ...{ name: "spoiled", seeds },
      mayThrow: (thrown) => thrown instanceof Error && !(thrown instanceof TypeError),
      read: (input) => read(new TextDecoder().decode(input)),
    };
    await assert.rejects(fuzz(parser, { runs: 20_000, seed: 7, maxMs: 20 }), what);
  }
});

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}
