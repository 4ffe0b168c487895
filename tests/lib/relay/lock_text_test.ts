import assert from "node:assert/strict";
import { EscaleError } from "../../../lib/errors.ts";
import { formatLock, parseLock } from "../../../lib/relay/lock_text.ts";
import { readGolden } from "../../support/golden.ts";

interface GoldenLock {
  readonly what: string;
  readonly text: string;
  readonly read_back: { readonly owner: string | null; readonly mode: string | null };
}

const OURS = { owner: "my client", mode: "w", nonce: "0a".repeat(16), beat: 3 } as const;

Deno.test("parseLock() reads every golden text as 0.7 does", () => {
  for (const { what, text, read_back } of readGolden<readonly GoldenLock[]>("locks.json")) {
    const { owner, mode, nonce, beat } = parseLock(text);
    // 0.7 keeps the newline of a lock of the first format in the owner's name; for ours a blank lock is unclaimed.
    assert.equal(owner ?? "", (read_back.owner ?? "").trim(), what);
    const known = read_back.mode === "r" || read_back.mode === "w" ? read_back.mode : undefined;
    assert.equal(mode, known, what);
    assert.deepEqual([nonce, beat], [undefined, undefined]);
  }
});

Deno.test("formatLock() writes what 0.7 writes, then our keys", () => {
  assert.equal(
    formatLock(OURS),
    `lock%1.0\nowner: my client\nmode: w\nnonce: ${OURS.nonce}\nbeat: 3`,
  );
  assert.deepEqual(parseLock(formatLock(OURS)), OURS);
});

Deno.test("parseLock() reads a lock cut at any byte, and never takes it for another's", () => {
  const whole = new TextEncoder().encode(formatLock({ ...OURS, owner: "Zoé 1" }));
  for (let end = 0; end < whole.length; end++) {
    const cut = new TextDecoder().decode(whole.subarray(0, end));
    const { owner, mode, nonce } = parseLock(cut);
    if (end >= "lock%1".length) {
      assert.ok(owner === undefined || "Zo\ufffd Zoé 1".includes(owner), cut);
    }
    assert.ok(mode === undefined || mode === "w", cut);
    assert.ok(nonce === undefined || OURS.nonce.startsWith(nonce), cut);
  }
});

Deno.test("parseLock() refuses what is no lock by name", () => {
  for (const text of ["two\nlines", "lock%1.0\nowner: a:b\nmode: w", "lock%1.0\nno key\nmode: w"]) {
    assert.throws(
      () => parseLock(text),
      (thrown) => thrown instanceof EscaleError && thrown.code === "corrupt",
    );
  }
});

Deno.test("parseLock() takes a beat that is no number for none", () => {
  for (const beat of ["x", "-1", "1.5", "9".repeat(30)]) {
    assert.equal(parseLock(`lock%1.0\nowner: A\nbeat: ${beat}`).beat, undefined);
  }
});
