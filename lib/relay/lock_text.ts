import { EscaleError } from "../errors.ts";
import { fieldLine, parseFields } from "./metadata.ts";

/** `w` while pushing, `r` while pulling. */
export type LockMode = "r" | "w";

/** What a lock's text says (FORMAT.md, "Lock"). All absent: the lock is unclaimed. */
export interface LockText {
  readonly owner: string | undefined;
  readonly mode: LockMode | undefined;
  /** Random text of one acquisition; only our locks have it. */
  readonly nonce: string | undefined;
  /** Counts up while the lock is held; only our locks have it. */
  readonly beat: number | undefined;
}

const HEADER = "lock%1.0";
const UNCLAIMED: LockText = {
  owner: undefined,
  mode: undefined,
  nonce: undefined,
  beat: undefined,
};

/** Writes a lock as 0.7 does, with our nonce and beat as extra keys, no final newline. */
export function formatLock(lock: {
  readonly owner: string;
  readonly mode: LockMode;
  readonly nonce: string;
  readonly beat: number;
}): string {
  return [
    HEADER,
    fieldLine("owner", lock.owner),
    fieldLine("mode", lock.mode),
    fieldLine("nonce", lock.nonce),
    fieldLine("beat", String(lock.beat)),
  ].join("\n");
}

/**
 * Reads a lock's text: the current format, the older one of one line with the owner, or nothing at all (unclaimed).
 *
 * @throws {EscaleError} `corrupt` if it is none of these
 */
export function parseLock(text: string): LockText {
  const lines = text.split("\n").map((line) => line.replace(/\r$/, "")).filter((line) =>
    line.trim() !== ""
  );
  const [first, ...rest] = lines;
  if (first === undefined) return UNCLAIMED;
  if (!/^lock%\d/.test(first)) {
    if (rest.length > 0) {
      throw new EscaleError("corrupt", "Cannot read the lock: its header is missing");
    }
    return { ...UNCLAIMED, owner: first.trim() };
  }
  // A lock that is being written may end anywhere: its last line may be cut.
  const complete = rest.filter((line, at) => at < rest.length - 1 || line.includes(":"));
  const fields = parseFields(complete);
  const mode = fields.get("mode");
  const beat = fields.get("beat");
  return {
    owner: fields.get("owner"),
    mode: mode === "r" || mode === "w" ? mode : undefined,
    nonce: fields.get("nonce"),
    beat: beat !== undefined && /^\d{1,15}$/.test(beat) ? Number(beat) : undefined,
  };
}

/** As {@linkcode parseLock}; `undefined` for what cannot be read. */
export function parseOrUndefined(text: string): LockText | undefined {
  try {
    return parseLock(text);
  } catch (cause) {
    if (cause instanceof EscaleError) return undefined;
    throw cause;
  }
}

/** As {@linkcode parseLock}; what cannot be read is unclaimed. */
export function parseOrUnclaimed(text: string): LockText {
  return parseOrUndefined(text) ?? UNCLAIMED;
}

/** The nonce of a lock's text, if it has one. */
export function nonceOf(text: string): string | undefined {
  return parseOrUndefined(text)?.nonce;
}
