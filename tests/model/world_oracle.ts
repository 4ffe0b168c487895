import assert from "node:assert/strict";
import type { Mode } from "../../lib/config/section.ts";

/** What a user took away: names that were given up, and contents that were deleted or replaced. */
export interface Departed {
  readonly paths: Set<string>;
  readonly contents: Set<string>;
}

/** A client at rest. */
export interface Rested {
  readonly name: string;
  readonly mode: Mode;
  /** Paths and contents. */
  readonly tree: Readonly<Record<string, string>>;
  readonly departed: Departed;
}

/** A world at rest. */
export interface RestedWorld {
  readonly clients: readonly Rested[];
  readonly relay: { readonly objects: readonly string[]; readonly folders: readonly string[] };
  readonly isIndexed: boolean;
  /** The empty folder that stands for a lock may outlive a client that died, until somebody wants that lock. */
  readonly mayKeepGuards: boolean;
  /** A name that was a file for one and a folder for another. */
  readonly tornName: string | undefined;
}

/**
 * Makes sure that the clients agree as far as their modes allow, and that the relay holds nothing without use. A name
 * that is a file for one client and a folder for another stays so until a user decides, with the pages that hold it.
 */
export function assertConverged(world: RestedWorld): void {
  const { clients, relay, isIndexed, tornName } = world;
  const isTorn = (path: string) => {
    if (tornName === undefined) return false;
    return isIndexed || new RegExp(`^[.]?${tornName}(?![a-z])`).test(path);
  };
  const shared = clients.filter(({ mode }) => mode === "shared");
  for (const path of new Set(shared.flatMap(({ tree }) => Object.keys(tree)))) {
    if (isTorn(path)) continue;
    const holders = shared.filter(({ tree }) => tree[path] !== undefined);
    const contents = new Set(holders.map(({ tree }) => tree[path]));
    assert.equal(contents.size, 1, `"${path}" differs among shared clients`);
    for (const { name, tree, departed } of shared) {
      const isGone = departed.paths.has(path) && tree[path] === undefined;
      assert.ok(tree[path] !== undefined || isGone, `${name} lacks "${path}"`);
    }
  }
  for (const { name, tree, departed } of clients.filter(({ mode }) => mode === "download")) {
    const held = new Set(Object.values(tree));
    for (const each of shared) {
      for (const [path, content] of Object.entries(each.tree)) {
        if (isTorn(path) || departed.contents.has(content)) continue;
        assert.ok(held.has(content), `${name} lacks "${path}" of ${each.name}`);
      }
    }
  }
  const mayStay = (object: string) =>
    isIndexed ? /(^|\/)\.[^.]+\.index$/.test(object) : object.endsWith(".placeholder");
  assert.deepEqual(relay.objects.filter((it) => !mayStay(it) && !isTorn(it)), [], "residue");
  const guards = relay.folders.filter((it) => /(^|\/)\./.test(it));
  if (!world.mayKeepGuards) assert.deepEqual(guards, [], "guards");
}
