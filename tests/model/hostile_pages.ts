import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import type { Section } from "../../lib/config/section.ts";
import { utf8 } from "../support/byte_streams.ts";
import { GOLDEN_KEY } from "../support/engine.ts";
import { CIPHERS, FERNET, IndexWorld, T } from "../lib/sync/_index_world.ts";
import { FORGED, SPOILED, type Spoiled, spoiledTokens } from "./hostile_archives.ts";
import { spoiledIndices } from "./hostile_indices.ts";
import { checkTold, looksOf, rounds } from "./hostile_oracle.ts";

/** States of one kind, each on a page of its own. */
export interface PageStates {
  readonly kind: string;
  /** Which of a page's objects is replaced. */
  readonly object: "persistent index" | "update index" | "update data";
  readonly options: Partial<Section>;
  readonly states: Spoiled;
}

/** All states of the layout with an index. */
export function pageStates(): readonly PageStates[] {
  const texts = Object.entries(spoiledIndices(PATH));
  const fernet = { ...FERNET, compression: "none" } as const;
  const blowfish = { ...CIPHERS["blowfish"], compression: "none" } as const;
  const other = utf8("A".repeat(200));
  const key = Uint8Array.fromBase64(new TextDecoder().decode(GOLDEN_KEY));
  return [
    {
      ...{ kind: "index", object: "persistent index", options: {} },
      states: {
        ...Object.fromEntries(texts.map(([what, text]) => [
          what,
          (_: Uint8Array, page: string) => new Uint8Array(gzipSync(onPage(text, page))),
        ])),
        ...SPOILED,
      },
    },
    {
      ...{ kind: "update index", object: "update index", options: {} },
      states: Object.fromEntries(texts.map(([what, text]) => [
        what,
        (_: Uint8Array, page: string) => onPage(text, page),
      ])),
    },
    {
      ...{ kind: "archive", object: "update data", options: {} },
      states: { ...FORGED, ...SPOILED },
    },
    {
      ...{ kind: "ciphertext (fernet)", object: "update data", options: fernet },
      states: spoiledTokens({ other, key }),
    },
    {
      ...{ kind: "ciphertext (blowfish)", object: "update data", options: blowfish },
      states: spoiledTokens({ other }),
    },
  ];
}

/** Stands for a page's file. */
const PATH = "PAGE/f";

/** The name that an object of a page has on the relay. */
export const PATTERNS: Readonly<Record<PageStates["object"], (page: string) => RegExp>> = {
  "persistent index": (page: string) => new RegExp(`^\\.${page}\\.index$`),
  "update index": (page: string) => new RegExp(`^\\.${page}\\.\\d+\\.index$`),
  "update data": (page: string) => new RegExp(`^\\.${page}\\.\\d+\\.data$`),
};

/**
 * Spoils one object of each page after A's push, lets B pull and both come to rest.
 *
 * @returns how many states stood on the relay
 */
export async function runPages({ kind, object, options, states }: PageStates): Promise<number> {
  using world = new IndexWorld();
  const outside = `${world.root}/outside`;
  Deno.mkdirSync(outside);
  const section = { index: { kind: "pages", depth: 1 }, legacyPeers: false, ...options } as const;
  const [a, b] = [world.client("A", section), world.client("B", section)];
  const pages = new Map(Object.keys(states).map((what, at) => [`s${at}`, what]));
  const contentOf = (page: string) => `content of ${page}`;
  for (const page of [...pages.keys(), "good"]) a.write(`${page}/f`, contentOf(page), T);
  await a.once();
  const mine = a.tree();
  for (const [page, what] of pages) {
    const { name, bytes } = world.bytesOf(PATTERNS[object](page));
    await world.put(name, states[what]?.(bytes, page) ?? assert.fail(what));
  }
  const before = looksOf(world.root).filter((look) => look.includes("/outside"));
  const told = await rounds(world, [b, a, b, a, b]);
  checkTold(told.map(({ message }) => message));
  const named = new Set(told.map(({ path }) => path));
  assert.deepEqual(looksOf(world.root).filter((look) => look.includes("/outside")), before);
  assert.deepEqual(
    [...Deno.readDirSync(world.root)].map(({ name }) => name).sort(),
    ["A", "B", "outside", "relay", "state"],
  );
  assert.deepEqual(a.tree(), mine, `${kind}: A keeps all that it had`);
  const came = b.tree();
  assert.equal(came["good/f"], contentOf("good"), kind);
  for (const [page, what] of pages) {
    const content = came[`${page}/f`];
    if (content === undefined) assert.ok(named.has(`${page}/f`), `${kind}: ${what}: it is told`);
    else assert.equal(content, contentOf(page), `${kind}: ${what}`);
  }
  return pages.size;
}

/** A text that names the file of a page by {@linkcode PATH}. */
function onPage(text: string | Uint8Array, page: string): Uint8Array {
  return typeof text === "string" ? utf8(text.replaceAll(PATH, `${page}/f`)) : text;
}
