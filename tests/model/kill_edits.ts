import { noise } from "../support/byte_streams.ts";
import type { Counts } from "./kill_counts.ts";
import type { Peer } from "./kill_peer.ts";
import { sleep } from "./kill_troubles.ts";
import type { User } from "./kill_user.ts";
import type { Dice } from "./kill_world.ts";

const NAMES = ["a.txt", "b.txt", "notes.tar.gz", "sub/c", "sub/d e.txt", "sub/deep/ü", "x/y/z"];
const BIG_NAMES = ["big.bin", "sub/film.mkv"] as const;
const FOLDERS = ["sub", "sub/deep", "x", "moved"] as const;
/** A file that no user touches: a repository that loses its last file stops its client. */
const KEPT = "kept by";

/** What users do to their files, one thing after another. */
export class Edits {
  readonly #dice: Dice;
  readonly #peers: readonly Peer[];
  readonly #counts: Counts;
  readonly #note: (line: string) => void;
  #written = 0;

  constructor({ dice, peers, counts, note }: {
    readonly dice: Dice;
    readonly peers: readonly Peer[];
    readonly counts: Counts;
    readonly note: (line: string) => void;
  }) {
    this.#dice = dice;
    this.#peers = peers;
    this.#counts = counts;
    this.#note = note;
  }

  /** What stands in a repository in the beginning. */
  begin(user: User): void {
    user.save(`${KEPT} ${user.name}`, this.#content(user));
    for (let left = 2 + this.#dice.below(5); left > 0; left--) this.#save(user);
    this.saveBig(user);
  }

  /** Some user whose repository is there does something. */
  async next(): Promise<void> {
    const [first, ...rest] = this.#peers.flatMap(({ place, user }) => place.isAway ? [] : [user]);
    if (first === undefined) return;
    const user = this.#dice.one([first, ...rest]);
    this.#counts.add("edits");
    const path = this.#somePath(user);
    const kind = this.#dice.next();
    if (kind < 0.1) return this.saveBig(user);
    if (kind < 0.45) return this.#save(user);
    if (kind < 0.57) {
      const pauseMs = this.#dice.below(40);
      await user.overwrite(path, this.#content(user), () => sleep(pauseMs));
    } else if (kind < 0.67) {
      // All users write the same file at the same time.
      for (const each of [first, ...rest]) each.save(path, this.#content(each));
    } else if (kind < 0.79) {
      user.remove(path);
    } else if (kind < 0.93) {
      const to = this.#dice.chance(0.5) ? `${path}.new` : this.#somePath(user);
      this.#note(`${user.name} renames ${path} to ${to}`);
      user.rename(path, to);
    } else if (kind < 0.97) {
      const [from, to] = [this.#dice.one(FOLDERS), this.#dice.one(FOLDERS)];
      this.#note(`${user.name} renames the folder ${from} to ${to}`);
      user.renameFolder(from, to);
    } else {
      user.makeFolder(`${this.#dice.one(FOLDERS)}/empty ${this.#written++}`);
    }
  }

  /** A file whose transfer takes a while. */
  saveBig(user: User): void {
    const sizeBytes = 300_000 + this.#dice.below(6_000_000);
    user.save(this.#dice.one(BIG_NAMES), noise(sizeBytes, 1 + this.#dice.below(2 ** 30)));
  }

  #save(user: User): void {
    user.save(this.#somePath(user), this.#content(user));
  }

  #somePath(user: User): string {
    const standing = user.paths().filter((path) => !path.startsWith(KEPT));
    const [first = "a.txt", ...rest] = this.#dice.chance(0.4) && standing.length > 0
      ? standing
      : NAMES;
    return this.#dice.one([first, ...rest]);
  }

  /** Each content is made once only. */
  #content(user: User): Uint8Array {
    const text = `${user.name} ${this.#written++} `;
    return new TextEncoder().encode(text.repeat(1 + this.#dice.below(200)));
  }
}
