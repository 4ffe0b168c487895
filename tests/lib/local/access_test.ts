import assert from "node:assert/strict";
import {
  type AccessMode,
  changeModifiers,
  parseModifiers,
  rightsOf,
} from "../../../lib/local/access.ts";
import { failing } from "./_tree.ts";

interface GoldenCase {
  readonly mode: AccessMode | null;
  readonly r: boolean | null;
  readonly w: boolean | null;
  readonly local_file_exists: boolean;
  readonly may_push: boolean;
  readonly may_pull: boolean;
}

const golden: { readonly cases: readonly GoldenCase[] } = JSON.parse(
  Deno.readTextFileSync(new URL("../../golden/access.json", import.meta.url)),
);

Deno.test("rightsOf() gives the rights of 0.7", () => {
  for (const { mode, r, w, local_file_exists, may_push, may_pull } of golden.cases) {
    const rights = rightsOf(mode ?? "shared", { read: r ?? undefined, write: w ?? undefined });
    // 0.7 never replaces a guarded file; ours does if it came by a pull and was not changed here.
    const mayPull = rights.mayPull && !(rights.guarded && local_file_exists);
    const found = { may_push: rights.mayPush, may_pull: mayPull };
    assert.deepEqual(found, { may_push, may_pull }, JSON.stringify({ mode, r, w }));
    if (mode !== "conservative") assert.equal(rights.guarded, false);
  }
});

Deno.test("parseModifiers() reads any combination", () => {
  const cases = {
    "r": { read: true },
    "r+": { read: true },
    "w-": { write: false },
    "r+w-": { read: true, write: false },
    "wr?": { write: true, read: null },
    "rw": { read: true, write: true },
    "w?r-": { write: null, read: false },
  };
  for (const [text, change] of Object.entries(cases)) {
    assert.deepEqual(parseModifiers(text), change, text);
  }
});

Deno.test("parseModifiers() refuses what it does not know", () => {
  for (const text of ["", "x", "r*", "+r", "r+-", "rr", "r+w-r-", "r w", "R", "r\n"]) {
    assert.throws(() => parseModifiers(text), failing("usage"), text);
  }
});

Deno.test("changeModifiers() leaves what is not named and unsets on demand", () => {
  const old = { read: false, write: true };
  assert.deepEqual(changeModifiers(old, {}), old);
  assert.deepEqual(changeModifiers(old, { read: true }), { read: true, write: true });
  assert.deepEqual(changeModifiers(old, { write: null }), { read: false, write: undefined });
});
