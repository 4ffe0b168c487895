import assert from "node:assert/strict";
import { BackendError } from "../../backends/backend.ts";
import type { TestClient } from "../support/engine.ts";
import type { Fault } from "../support/faulty_backend.ts";

/* What is in the simulated world: the files that its users touch, and what goes wrong with the relay. */

/** A name that may be a file for one and a folder for another. */
export const TYPED: string = "t";
/** Twins in case and Unicode form among them. */
const FILES: readonly string[] = ["f", "d/g", "d/h", "F", "\u00e9", "e\u0301", TYPED];

const refusal = (code: "full" | "denied"): Fault => ({
  kind: "fail",
  error: new BackendError(code, `Cannot do this: ${code} was asked for`),
});
/** What may go wrong with a relay call. */
const RELAY_FAULTS: Readonly<Record<string, Fault>> = {
  "an error before": { kind: "fail" },
  "an error after": { kind: "lose-reply" },
  "a full storage": refusal("full"),
  "no permission": refusal("denied"),
  "cut at the start": { kind: "cut", after: 0, leavesPart: true },
  "cut half-way": { kind: "cut", after: 9, leavesPart: true },
  "cut, nothing left": { kind: "cut", after: 9 },
  "nothing of the content": { kind: "short", after: 0 },
  "a part of the content": { kind: "short", after: 9 },
  "a stale answer": { kind: "stale" },
  "each name twice": { kind: "double" },
  "an effect after the next call": { kind: "late", calls: 2 },
  "an effect long after": { kind: "late", calls: 9 },
};

/** How many things may go wrong with a relay call. */
export const FAULT_COUNT: number = Object.keys(RELAY_FAULTS).length;

/** The name of a file of a step. */
export function pathOf(file: number): string {
  return FILES[file % FILES.length] ?? assert.fail();
}

/** What goes wrong with a relay call of a step. */
export function faultOf(number: number): Fault {
  const faults = Object.values(RELAY_FAULTS);
  return faults[number % faults.length] ?? assert.fail();
}

/** Whether neither a folder stands at a path nor a file where its folder would be. */
export function canStand(client: TestClient, path: string): boolean {
  const kindOf = (name: string) => {
    try {
      return Deno.lstatSync(client.pathOf(name)).isDirectory ? "folder" : "file";
    } catch {
      return "nothing";
    }
  };
  const slash = path.lastIndexOf("/");
  return kindOf(path) !== "folder" && (slash < 0 || kindOf(path.slice(0, slash)) !== "file");
}

/** The content of a file, if there is one. */
export function readIfThere(place: string): string | undefined {
  try {
    return Deno.readTextFileSync(place);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw cause;
  }
}

/** A content as a trace shows it. */
export function shown(content: string | undefined): string {
  return content === undefined ? "nothing" : `"${content.slice(0, 5)}"`;
}
