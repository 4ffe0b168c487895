import { openFile } from "../../backends/file/mod.ts";
import { makeSection } from "../support/sections.ts";
import type { Peer } from "./kill_peer.ts";
import { listBelow, type Oracle } from "./kill_world.ts";

export const LOCAL_TEMPORARY: RegExp = /(^|\/)\.escale-[0-9a-f]{8}-[0-9a-f]{12}\.tmp$/;
export const RELAY_TEMPORARY: RegExp = /(^|\/)\.escale-[0-9a-f]{16}\.tmp$/;
const PLACEHOLDER = /\.placeholder$/;
const DAY_S = 86_400;

/** What one history ends with. */
export interface Ending {
  readonly peers: readonly Peer[];
  readonly relay: string;
  readonly oracle: Oracle;
}

/** What is left to do, or was lost; `undefined` if all is as it should be. */
export function whyNotAtRest({ peers, relay, oracle }: Ending): string | undefined {
  const busy = peers.find((peer) => !peer.isAtWork);
  if (busy !== undefined) return `${busy.name} has not ended a round`;
  const foreign = listBelow(relay).filter((name) =>
    !PLACEHOLDER.test(name) && !RELAY_TEMPORARY.test(name)
  );
  if (foreign.length > 0) return `the relay holds ${foreign.join(", ")}`;
  const trees = peers.map((peer) => ({ peer, tree: peer.user.tree() }));
  const standing = new Set<string>();
  const paths = new Set<string>();
  for (const { tree } of trees) {
    if (tree === undefined) return "files come and go";
    for (const [path, digest] of tree) {
      paths.add(path);
      standing.add(digest);
    }
  }
  for (const path of paths) {
    const versions = trees.flatMap(({ peer, tree }) => {
      const digest = tree?.get(path);
      return digest === undefined && peer.user.removed.has(path) ? [] : [digest?.slice(0, 8)];
    });
    if (new Set(versions).size > 1) return `"${path}" differs: ${versions.join(", ")}`;
  }
  const missing = oracle.missing(standing);
  return missing.length === 0 ? undefined : `these contents are lost: ${missing.join(", ")}`;
}

/** A client died in the moment in which a guard stands, which lasts until it is stale. */
export function hasGuard(relay: string): boolean {
  const folders = new Set(listBelow(relay).map((name) => name.replace(/[^/]*$/, "")));
  return [...folders].some((folder) =>
    [...Deno.readDirSync(`${relay}/${folder}`)].some(({ name }) => name.endsWith(".guard"))
  );
}

/** Hidden files that a client has left in its repository. */
export function residueOf(peer: Peer): string[] {
  return listBelow(peer.user.folder).filter((path) => LOCAL_TEMPORARY.test(path));
}

/** What a killed client left on the relay goes when it is old enough. @throws {Error} if it does not */
export async function cleanRelay(relay: string): Promise<void> {
  const longAgoS = Date.now() / 1000 - 2 * DAY_S;
  for (const name of listBelow(relay).filter((name) => RELAY_TEMPORARY.test(name))) {
    Deno.utimeSync(`${relay}/${name}`, longAgoS, longAgoS);
  }
  await using backend = await openFile({ ...makeSection().relay, folder: relay });
  for await (const _ of backend.list("", { recursive: true }));
  const left = listBelow(relay).filter((name) => !PLACEHOLDER.test(name));
  if (left.length > 0) throw new Error(`The relay keeps ${left.join(", ")}`);
}
