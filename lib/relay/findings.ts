/** What a look at a relay can find. */
export type FindingKind =
  | "unreadable record"
  | "wrong seal"
  | "orphan"
  | "damaged content"
  | "content gone"
  | "content served"
  | "stale lock"
  | "held lock"
  | "unreadable index"
  | "half update"
  | "several updates"
  | "damaged update"
  | "foreign object"
  | "wrong layout"
  | "unfinished copy";

/** `error`: files may not arrive until it is mended; `warning`: it mends itself, or should be looked at; `note`: all is well. */
export type Severity = "error" | "warning" | "note";

/** Something that a look at a relay has found. */
export interface Finding {
  readonly kind: FindingKind;
  readonly severity: Severity;
  /** The object, resource or page that it is about. */
  readonly about: string;
  /** What is so, a sentence without a final period. */
  readonly what: string;
  /** How it is mended, a sentence without a final period. */
  readonly mend?: string;
}

/** What a look at a relay came to. */
export interface Checked {
  readonly layout: "placeholder" | "index";
  /** Files that the relay knows. */
  readonly resources: number;
  /** Contents, or updates, that stand. */
  readonly contents: number;
  /** Of these, the ones that were read and are whole. */
  readonly verified: number;
  readonly bytes: number;
}

/** How a relay is looked at. */
export interface CheckOptions {
  /** How many of the contents are read, in percent; 0: none. */
  readonly readPercent: number;
  /** A number from 0 up to 1. */
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly found: (finding: Finding) => void;
  readonly progress: (done: { readonly objects: number; readonly of: number }) => void;
}

/** Those of `items` that are to be read: each by chance, and one at least if any is asked for. */
export function sample<T>(
  items: readonly T[],
  { readPercent, random }: Pick<CheckOptions, "readPercent" | "random">,
): T[] {
  if (readPercent <= 0) return [];
  if (readPercent >= 100) return [...items];
  const chosen = items.filter(() => random() * 100 < readPercent);
  const one = items[Math.floor(random() * items.length)];
  return chosen.length > 0 || one === undefined ? chosen : [one];
}

/** What a lock is worth saying about. */
export function lockFinding(
  about: string,
  view: { readonly kind: string; readonly owner?: string; readonly unchangedS?: number },
): Finding {
  const owner = view.owner === undefined || view.owner === "" ? "nobody known" : `"${view.owner}"`;
  if (view.kind === "leftover") {
    return {
      kind: "stale lock",
      severity: "warning",
      about,
      what: `It is locked by ${owner}, who left it`,
      mend: "The next client that runs takes it over and repairs what it covers",
    };
  }
  const forS = Math.round(view.unchangedS ?? 0);
  return {
    kind: "held lock",
    severity: "note",
    about,
    what: `It is locked by ${owner}, unchanged for ${forS} s as far as is known here`,
    mend: "If that client is gone for good, run escalectl forget with its name",
  };
}
