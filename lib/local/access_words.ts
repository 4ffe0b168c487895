import { EscaleError } from "../errors.ts";
import { printable } from "../path.ts";
import { type ModifierChange, parseModifiers } from "./access.ts";
import type { AccessModifiers } from "./remembered.ts";

/** A file and what is to be changed about it. */
export interface AccessRequest {
  readonly file: string;
  readonly change: ModifierChange;
}

/**
 * Reads what stands on the command line: a file and any number of modifiers, the file first or last. Where both ends
 * could be either, the file is the first.
 *
 * @throws {EscaleError} `usage` if there is no file, or a modifier is wrong or contradicts another
 */
export function parseAccessWords(words: readonly string[]): AccessRequest {
  const [first, ...others] = words;
  const last = words.at(-1);
  if (first === undefined || last === undefined) {
    throw new EscaleError("usage", "There is no file to show or set the access modifiers of");
  }
  const isLast = others.length > 0 && isModifiers(first) && !isModifiers(last);
  const [file, modifiers] = isLast ? [last, words.slice(0, -1)] : [first, others];
  return { file, change: mergeChanges(modifiers) };
}

/** Modifiers as they are written: `r+ w-`, and `?` for what is not set. */
export function formatModifiers({ read, write }: AccessModifiers): string {
  return `r${signOf(read)} w${signOf(write)}`;
}

function mergeChanges(modifiers: readonly string[]): ModifierChange {
  let merged: ModifierChange = {};
  for (const text of modifiers) {
    const change = parseModifiers(text);
    for (const key of ["read", "write"] as const) {
      if (key in merged && key in change) {
        const letter = key === "read" ? "r" : "w";
        const message = `Cannot read the access modifiers "${printable(modifiers.join(" "))}"`;
        throw new EscaleError("usage", `${message}: "${letter}" stands twice`);
      }
    }
    merged = { ...merged, ...change };
  }
  return merged;
}

function isModifiers(text: string): boolean {
  try {
    parseModifiers(text);
    return true;
  } catch (cause) {
    if (cause instanceof EscaleError) return false;
    throw cause;
  }
}

function signOf(flag: boolean | undefined): string {
  return flag === undefined ? "?" : flag ? "+" : "-";
}
