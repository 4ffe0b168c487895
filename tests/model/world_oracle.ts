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
 * that is a file for one client and a folder for another stays so until a user decides: what stands under it on the one
 * side has another name on the other. A relay of placeholders is torn like a client's folder.
 */
export function assertConverged(world: RestedWorld): void {
  const { clients, relay, isIndexed, tornName } = world;
  const isTorn = (path: string) => {
    return tornName !== undefined && new RegExp(`^[.]?${tornName}(?![a-z])`).test(path);
  };
  const shared = clients.filter(({ mode }) => mode === "shared");
  for (const path of new Set(shared.flatMap(({ tree }) => Object.keys(tree)))) {
    if (isTorn(path)) {
      if (isIndexed) assertHeldSomewhere(path, shared);
      continue;
    }
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
        if (isTorn(path) && !isIndexed || departed.contents.has(content)) continue;
        // A version that comes back stays out where a later one stands, which cannot be sent from there.
        if (madeAt(tree[path]) > madeAt(content)) continue;
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

/** What one of the clients has at a path, each of them has under some name. */
function assertHeldSomewhere(path: string, clients: readonly Rested[]): void {
  for (const { tree: { [path]: content } } of clients) {
    if (content === undefined) continue;
    for (const { name, tree, departed } of clients) {
      const isHeld = Object.values(tree).includes(content) || departed.contents.has(content);
      assert.ok(isHeld, `${name} lacks the content of "${path}"`);
    }
  }
}

/** Contents are numbered as they are made. */
function madeAt(content: string | undefined): number {
  return Number(content?.slice(1, 5) ?? 0);
}
