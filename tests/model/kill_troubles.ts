import type { Counts } from "./kill_counts.ts";
import { emptyFolder } from "./kill_files.ts";
import type { Excuse, Peer } from "./kill_peer.ts";
import type { Disk, Place } from "./kill_places.ts";
import type { Dice } from "./kill_world.ts";

/** What of a history stands on a small disk. */
export type DiskUse = "relay" | "repository" | "state";

/** What troubles happen to. */
export interface Scene {
  readonly dice: Dice;
  readonly peers: readonly Peer[];
  readonly relay: Place;
  /** The small disk that the relay, a repository or a client's state stands on. */
  readonly disk: Disk | undefined;
  /** What stands on it. */
  readonly diskUse: DiskUse;
  readonly counts: Counts;
  readonly note: (line: string) => void;
  /** Some user does something. */
  readonly edit: () => Promise<void>;
  readonly kill: (peer: Peer) => Promise<void>;
}

// What a client stops for, by the README: a relay that is not there when it starts, and a repository that is missing or
// emptied at any time. Its user mends that and starts it again; from all else a client must recover by itself.
const RELAY_MISSING: Excuse = {
  status: 1,
  error: /error: .*relay's folder .*: there is no such folder/,
  onlyAtStart: true,
};
const REPOSITORY_MISSING: Excuse = {
  status: 10,
  error:
    /error: .*repository .*: (there is no such folder|its disk is not mounted|it .* on another disk)/,
  onlyAtStart: false,
};
const REPOSITORY_EMPTIED: Excuse = {
  status: 10,
  error: /error: .*repository .*: it held files and holds none of them now/,
  onlyAtStart: false,
};
const NO_SPACE: Excuse = { status: 1, error: /error: .*no space is left/, onlyAtStart: true };

/** How long clients may take to start before a trouble does not wait for them. */
const START_MS = 8_000;

/** The relay is not there for a moment. */
export async function takeRelayAway(scene: Scene): Promise<void> {
  const { relay, peers, counts, note } = scene;
  // A client that is starting would take what is below a disk for the relay: it knows it by no earlier look.
  if (relay.isOnDisk && !await untilAtWork(peers)) return;
  for (const peer of peers) peer.excuse(RELAY_MISSING);
  note("the relay goes away");
  counts.add(relay.isOnDisk ? "relay unmounted" : "relay renamed away");
  relay.takeAway();
  await meanwhile(scene);
  const strays = relay.bringBack();
  note("the relay is back");
  if (strays.length > 0) throw new Error(`Made where the relay was not: ${strays.join(", ")}`);
}

/** All that stands on the relay is gone, locks too. */
export function emptyRelay({ relay, counts, note }: Scene): void {
  note("the relay is emptied");
  counts.add("relay emptied");
  emptyFolder(relay.inside);
}

/** A repository is not there for a moment. */
export async function takeRepositoryAway(scene: Scene, peer: Peer): Promise<void> {
  const { counts, note } = scene;
  const { place } = peer;
  // As with the relay, but this it knows from earlier runs too.
  if (place.isOnDisk && !peer.hasWorked && !await untilAtWork([peer])) return;
  peer.excuse(REPOSITORY_MISSING);
  note(`the repository of ${peer.name} goes away`);
  counts.add(place.isOnDisk ? "repository unmounted" : "repository renamed away");
  place.takeAway();
  await meanwhile(scene);
  const strays = place.bringBack();
  note(`the repository of ${peer.name} is back`);
  if (strays.length > 0) {
    throw new Error(`${peer.name} wrote where its repository was not: ${strays.join(", ")}`);
  }
}

/** A repository is emptied, and its files are put back: the same ones, or copies of them. */
export async function emptyRepository(scene: Scene, peer: Peer): Promise<void> {
  const { dice, counts, note } = scene;
  peer.excuse(REPOSITORY_EMPTIED);
  counts.add("repository emptied");
  const aside = peer.user.moveAllAway();
  note(`the repository of ${peer.name} is emptied`);
  if (peer.wasKilled && dice.chance(0.5)) {
    peer.start();
    peer.excuse(REPOSITORY_EMPTIED);
  }
  const endMs = performance.now() + 3_000;
  const mayWait = dice.chance(0.5);
  while (mayWait && peer.isRunning && performance.now() < endMs) await sleep(10);
  await meanwhile(scene);
  const isCopy = dice.chance(0.5);
  peer.user.putBack(aside, { isCopy, replaces: dice.chance(0.5) });
  note(`${peer.name} puts ${isCopy ? "copies of its files" : "its files"} back`);
}

/** A disk has no space left for a while. */
export async function fillDisk(scene: Scene): Promise<void> {
  const { disk, diskUse, peers, counts, note } = scene;
  if (disk === undefined) return;
  for (const peer of peers) peer.excuse(NO_SPACE);
  note("the disk is full");
  counts.add(`disk of a ${diskUse} full`);
  disk.fill();
  await meanwhile(scene);
  disk.free();
  note("the disk has space again");
}

/** Waits until the clients that run have ended a round each; says whether they have. */
export async function untilAtWork(peers: readonly Peer[]): Promise<boolean> {
  const endMs = performance.now() + START_MS;
  while (peers.some((peer) => peer.isRunning && !peer.isAtWork)) {
    if (performance.now() > endMs) return false;
    await sleep(20);
  }
  return true;
}

/** Life goes on in a trouble. */
async function meanwhile({ dice, peers, edit, kill }: Scene): Promise<void> {
  for (let left = dice.below(3); left > 0; left--) await edit();
  await sleep(dice.below(dice.chance(0.5) ? 60 : 1_500));
  for (let left = dice.below(2); left > 0; left--) await edit();
  const [first, ...rest] = peers;
  if (first !== undefined && dice.chance(0.15)) await kill(dice.one([first, ...rest]));
}

/** Waits for real processes: their time cannot be had otherwise. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, ms));
}
