import { EscaleError } from "../errors.ts";
import { printable } from "../path.ts";
import type { AccessModifiers } from "./state.ts";

/** Who may change what, for a whole client (see the README, "Synchronization modes"). */
export type AccessMode = "upload" | "download" | "shared" | "conservative";

/** What may be done with one file. */
export interface Rights {
  /** This client may send its version. */
  readonly mayPush: boolean;
  /** This client may take another's version. */
  readonly mayPull: boolean;
  /** An existing file may be replaced only if it came by a pull and has not been changed here since. */
  readonly guarded: boolean;
}

/**
 * The rights on a file: the modifiers only take away what the mode allows, but write access given to a file by hand
 * lifts the guard of conservative mode.
 */
export function rightsOf(mode: AccessMode, modifiers: AccessModifiers): Rights {
  return {
    mayPush: mode !== "download" && modifiers.read !== false,
    mayPull: mode !== "upload" && modifiers.write !== false,
    guarded: mode === "conservative" && modifiers.write !== true,
  };
}

/** A change to access modifiers: `true` allows, `false` forbids, `null` unsets; what is not named stays. */
export interface ModifierChange {
  readonly read?: boolean | null;
  readonly write?: boolean | null;
}

const MODIFIERS = /^(?:[rw][+?-]?)+$/;

/**
 * Reads modifiers written one after the other: `r` (read) or `w` (write), each followed by `+` or nothing to allow,
 * `-` to forbid, `?` to unset.
 *
 * @example
 * ```ts ignore
 * parseModifiers("r+w-"); // { read: true, write: false }
 * ```
 * @throws {EscaleError} `usage` if `text` is none, or names one of them twice
 */
export function parseModifiers(text: string): ModifierChange {
  if (!MODIFIERS.test(text)) throw notModifiers(text, "it is not made of r, w, +, - and ?");
  const change: { read?: boolean | null; write?: boolean | null } = {};
  for (const [, letter, sign] of text.matchAll(/([rw])([+?-]?)/g)) {
    const key = letter === "r" ? "read" : "write";
    if (key in change) throw notModifiers(text, `"${letter}" stands twice`);
    change[key] = sign === "?" ? null : sign !== "-";
  }
  return change;
}

/** The modifiers after a change. */
export function changeModifiers(old: AccessModifiers, change: ModifierChange): AccessModifiers {
  const { read = old.read, write = old.write } = change;
  return { read: read ?? undefined, write: write ?? undefined };
}

function notModifiers(text: string, why: string): EscaleError {
  const message = `Cannot read the access modifiers "${printable(text)}": ${why}`;
  return new EscaleError("usage", message, {
    hint: 'Write for example "r+w-", "w+" or "r?"',
  });
}
