import { createHash } from "node:crypto";

/** Numbers that look random and follow from a seed. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** At least 0 and below 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0, below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  one<T>(items: readonly [T, ...T[]]): T {
    return items[this.below(items.length)] ?? items[0];
  }
}

/**
 * What users did, and so what must stand in the end. A content that a user replaced or removed where it stood is spent:
 * nobody has to keep it. All others must stand in some client's folder.
 */
export class Oracle {
  /** Contents that users made, by digest, with what to call them. */
  readonly made: Map<string, string> = new Map();
  readonly spent: Set<string> = new Set();
  readonly #trace: (line: string) => void;

  constructor(trace: (line: string) => void) {
    this.#trace = trace;
  }

  make(digest: string, name: string): void {
    this.made.set(digest, name);
    this.#trace(`${name} is ${digest.slice(0, 8)}`);
  }

  spend(digest: string, how: string): void {
    this.spent.add(digest);
    this.#trace(`${how} ${digest.slice(0, 8)} (${this.made.get(digest) ?? "in part"})`);
  }

  /** Contents that must stand and do not. */
  missing(standing: ReadonlySet<string>): string[] {
    return [...this.made].flatMap(([digest, name]) =>
      this.spent.has(digest) || standing.has(digest) ? [] : [`${name} (${digest.slice(0, 8)})`]
    );
  }
}

/** All files below a folder, hidden ones too. */
export function listBelow(folder: string): string[] {
  const found: string[] = [];
  const visit = (prefix: string) => {
    let entries: Deno.DirEntry[] = [];
    try {
      entries = [...Deno.readDirSync(`${folder}/${prefix}`)];
    } catch (cause) {
      if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    }
    for (const { name, isDirectory } of entries) {
      if (isDirectory) visit(`${prefix}${name}/`);
      else found.push(prefix + name);
    }
  };
  visit("");
  return found.sort();
}

export function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
