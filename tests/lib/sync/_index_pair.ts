import assert from "node:assert/strict";
import type { Section } from "../../../lib/config/section.ts";
import { type TestClient, World } from "../../support/engine.ts";
import { ARCHIVE_TOOLS, type LegacyCipher } from "../../support/legacy_archive.ts";
import { LegacyIndexPeer } from "../../support/legacy_index_peer.ts";
import { CIPHERS } from "./_index_world.ts";

const T = 1_600_000_000;
/** What the model of 0.7 needs. */
export const TOOLS: readonly string[] = [...ARCHIVE_TOOLS, "bzip2"];

/** How a relay is laid out and encrypted. */
export interface Layout {
  readonly depth: number;
  readonly cipher: LegacyCipher["kind"];
}

/** One page, no encryption. */
export const PLAIN: Layout = { depth: 0, cipher: "off" };
/** The options of a client of ours. */
export function optionsFor({ depth, cipher }: Layout): Partial<Section> {
  return { ...CIPHERS[cipher], index: { kind: "pages", depth } };
}

function keyFor({ cipher }: Layout): LegacyCipher {
  const { passphrase } = CIPHERS[cipher] ?? {};
  return { kind: cipher, key: new TextDecoder().decode(passphrase) };
}

/** A model of 0.7 around the folder of `client`. */
export function legacyFor(
  world: World,
  client: TestClient,
  options: {
    readonly layout: Layout;
    readonly passesTimes?: boolean;
    /** The user who is to own what it writes to the relay. */
    readonly userId?: number;
  },
): LegacyIndexPeer {
  let nowS = Math.floor(Date.now() / 1000);
  return new LegacyIndexPeer(client.section.name, {
    local: client.section.localPath,
    relay: world.relay,
    depth: options.layout.depth,
    cipher: keyFor(options.layout),
    passesTimes: options.passesTimes ?? true,
    nowS: () => nowS++,
    ...(options.userId === undefined ? {} : { userId: options.userId }),
  });
}

/** One of ours and a model of 0.7 on one index relay. */
export class MixedPair implements Disposable {
  readonly world: World;
  readonly ours: TestClient;
  /** Its folder, written and read as a client's. */
  readonly folder: TestClient;
  readonly legacy: LegacyIndexPeer;

  /** The relay is that of `world`; `userId` owns what 0.7 writes there. */
  constructor(
    layout: Layout = PLAIN,
    passesTimes = true,
    { world = new World(), ...owner }: { readonly world?: World; readonly userId?: number } = {},
  ) {
    this.world = world;
    this.ours = world.client("ours", optionsFor(layout));
    this.folder = world.client("legacy");
    this.legacy = legacyFor(world, this.folder, { layout, passesTimes, ...owner });
  }

  /** Lets both run in turn until nothing moves. */
  async settle(): Promise<void> {
    const look = () =>
      JSON.stringify([this.world.relayTree(), this.ours.tree(), this.folder.tree()]);
    for (let turn = 0; turn < 16; turn++) {
      const before = look();
      await this.legacy.pull();
      await this.legacy.push();
      const run = await this.ours.once();
      assert.deepEqual(run.problems, []);
      if (look() === before) return;
    }
    assert.fail("the pair does not come to rest");
  }

  /** Both hold "f.txt" with the content "base". */
  async start(): Promise<void> {
    this.ours.write("f.txt", "base", T);
    await this.settle();
    assert.deepEqual(this.folder.tree(), { "f.txt": "base" });
  }

  /** Both hold these files, and everything was taken. */
  assertAlike(expected: Record<string, string>): void {
    assert.deepEqual(this.ours.tree(), expected);
    assert.deepEqual(this.folder.tree(), expected);
    const left = this.world.relayNames().filter((name) => !/^\.[^.]+\.index$/.test(name));
    assert.deepEqual(left, [], "no update stands");
  }

  [Symbol.dispose](): void {
    this.world[Symbol.dispose]();
  }
}
