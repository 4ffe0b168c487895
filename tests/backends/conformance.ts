import { CONTENT } from "./cases/content.ts";
import type { Case, TestRelay } from "./cases/case.ts";
import { FAILURES } from "./cases/failures.ts";
import { FOLDERS } from "./cases/folders.ts";
import { NAMES } from "./cases/names.ts";
import { RACES } from "./cases/races.ts";

export type { TestRelay } from "./cases/case.ts";

/** How the suite reaches a storage. */
export interface Binding {
  /** A relay folder of its own for one case, empty. */
  start(): Promise<TestRelay> | TestRelay;
  /** Why the storage cannot hold a name; such names must be refused with `invalid-name`. */
  cannotName?(name: string): string | undefined;
  /** Cases that do not apply, by title, each with the reason. */
  readonly skip?: Readonly<Record<string, string>>;
  /** How far the times that stat() and list() tell may lie apart, milliseconds; 0 by default. */
  readonly timeSlackMs?: number;
  /** How often each race is run; 200 by default. */
  readonly rounds?: number;
}

const CASES: readonly Case[] = [...CONTENT, ...FAILURES, ...NAMES, ...FOLDERS, ...RACES];

/**
 * Registers one test for each claim of the backend contract.
 *
 * @example
 * ```ts ignore
 * conformance("memory", {
 *   start() {
 *     const store = new MemoryStore();
 *     return { open: () => Promise.resolve(openMemory(store)), async [Symbol.asyncDispose]() {} };
 *   },
 * });
 * ```
 */
export function conformance(label: string, binding: Binding): void {
  const skip = new Map(Object.entries(binding.skip ?? {}));
  for (const it of CASES) {
    const reason = skip.get(it.title);
    skip.delete(it.title);
    const note = reason === undefined ? "" : ` (skipped: ${reason})`;
    Deno.test({
      name: `${label}: ${it.title}${note}`,
      ignore: reason !== undefined,
      fn: (test) => runCase(it, binding, test),
    });
  }
  for (const title of skip.keys()) throw new Error(`There is no case "${title}" to be skipped`);
}

async function runCase(it: Case, binding: Binding, test: Deno.TestContext): Promise<void> {
  await using relay = await binding.start();
  await using backend = await relay.open();
  async function skip(reason: string): Promise<void> {
    await test.step({ name: `skipped: ${reason}`, ignore: true, fn: () => {} });
  }
  const lack = it.lacks?.(backend.traits);
  if (lack !== undefined) return await skip(lack);
  await it.run({
    backend,
    relay,
    skip,
    timeSlackMs: binding.timeSlackMs ?? 0,
    rounds: binding.rounds ?? 200,
    whyNotName: (name) => binding.cannotName?.(name),
  });
}
