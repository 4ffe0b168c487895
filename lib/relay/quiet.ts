import type { RelativePath } from "../path.ts";

/** A resource as it stood when it needed nothing: one number for each side. */
export interface QuietMark {
  readonly relay: number;
  readonly local: number;
}

/** Remembers which resources needed nothing when they were looked at last, so that they need no second look. */
export interface QuietMemory {
  /** Whether the resource needed nothing when both sides stood as they do now. */
  isNoted(resource: RelativePath, mark: QuietMark): boolean;
  /** Whether it needed nothing when the relay stood as it does now, with some local file. */
  knowsRelay(resource: RelativePath, relay: number): boolean;
  note(resource: RelativePath, mark: QuietMark): void;
}

/** For whoever looks at everything. */
export const NEVER_QUIET: QuietMemory = {
  isNoted: () => false,
  knowsRelay: () => false,
  note: () => {},
};
