import assert from "node:assert/strict";
import { parseObjectName } from "../../../backends/backend.ts";
import { MemoryStore, openMemory } from "../../../backends/memory.ts";
import type { CompressionName, Section } from "../../../lib/config/section.ts";
import { GOLDEN_KEY, type TestClient, World } from "../../support/engine.ts";
import { sourceOf } from "../../support/sources.ts";

export const T = 1_600_000_000;
export const INDEX: Partial<Section> = { index: { kind: "pages", depth: 0 } };
const BLOWFISH_KEY = new TextEncoder().encode("escale-golden-passphrase");
export const FERNET: Partial<Section> = { cipher: "fernet", passphrase: GOLDEN_KEY };
export const CIPHERS: Readonly<Record<string, Partial<Section>>> = {
  off: {},
  fernet: FERNET,
  blowfish: { cipher: "blowfish", passphrase: BLOWFISH_KEY },
};
const COMPRESSIONS: readonly CompressionName[] = ["bz2", "zstd", "gzip", "none"];

/** A world of clients with an index, in memory. */
export class IndexWorld extends World {
  readonly store: MemoryStore;

  constructor(store: MemoryStore = new MemoryStore()) {
    super({ store });
    this.store = store;
  }

  indexed(name: string, changes: Partial<Section> = {}): TestClient {
    return this.client(name, { ...INDEX, ...changes });
  }

  /** Names of the updates' objects, without their times. */
  updates(): string[] {
    return this.relayNames().filter((name) => /\.\d{5,}\.(index|data)$/.test(name))
      .map((name) => name.replace(/\.\d{5,}\./, ".T."));
  }

  bytesOf(pattern: RegExp): { name: string; bytes: Uint8Array } {
    const name = this.relayNames().find((it) => pattern.test(it)) ?? assert.fail(`no ${pattern}`);
    const bytes = this.store.latest(parseObjectName(name));
    return { name, bytes: bytes ?? assert.fail(`no "${name}"`) };
  }

  async put(name: string, bytes: Uint8Array): Promise<void> {
    await openMemory(this.store).put(parseObjectName(name), sourceOf(bytes));
  }

  async remove(name: string): Promise<void> {
    await openMemory(this.store).remove(parseObjectName(name));
  }
}

export async function done(client: TestClient): Promise<readonly string[]> {
  const run = await client.once();
  assert.deepEqual(run.result, { outcome: "done" }, JSON.stringify(run.problems));
  return run.actions;
}

export function variants(): [string, Partial<Section>][] {
  return COMPRESSIONS.flatMap((compression) =>
    Object.entries(CIPHERS).map(([cipher, options]): [string, Partial<Section>] => [
      `${compression}, ${cipher}`,
      { ...options, compression, legacyPeers: compression === "bz2" },
    ])
  );
}
