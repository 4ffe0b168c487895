import assert from "node:assert/strict";

import { Progress } from "../../../lib/cli/progress.ts";

const MIB = 1024 ** 2;

/** A progress line on a terminal whose writes are kept, under a clock that the test moves. */
function setUp({ columns = 80 } = {}) {
  const written: string[] = [];
  const clock = { nowMs: 0 };
  const progress = new Progress({
    write: (text) => written.push(text),
    columns: () => columns,
    nowMs: () => clock.nowMs,
  });
  const pull = (atMs: number, doneMiB: number, { path = "a.jpg", sizeMiB = 40 } = {}) => {
    clock.nowMs = atMs;
    const [doneBytes, sizeBytes] = [doneMiB * MIB, sizeMiB * MIB];
    progress.update("photos", { kind: "transfer", action: "pull", path, doneBytes, sizeBytes });
  };
  return { written, progress, pull };
}

/** What stands between the control sequences. */
function shown(written: string): string {
  // deno-lint-ignore no-control-regex -- terminal sequences are what is looked for
  return written.replace(/\r|\x1b\[(?:K|\?7[hl])/g, "");
}

Deno.test("Progress shows a transfer once it takes longer than a second", () => {
  const { written, pull } = setUp();
  pull(0, 0);
  pull(999, 5);
  assert.deepEqual(written, []);
  pull(2_000, 10);
  assert.deepEqual(written.map(shown), [
    "pulling a.jpg 10.0 MiB of 40.0 MiB, 5.0 MiB/s, 0:06 left",
  ]);
});

Deno.test("Progress draws at most five times a second", () => {
  const { written, pull } = setUp();
  for (let ms = 0; ms <= 3_000; ms += 10) pull(ms, 1);
  assert(written.length >= 10 && written.length <= 11, String(written.length));
});

Deno.test("Progress takes the line away when the transfer ends or something else is written", () => {
  const { written, progress, pull } = setUp();
  pull(0, 0);
  progress.clear();
  assert.deepEqual(written, []);
  pull(1_000, 1);
  progress.clear();
  progress.clear();
  assert.deepEqual(written.slice(1), ["\r\x1b[K"]);
  pull(1_200, 1);
  pull(1_300, 40);
  assert.deepEqual(written.slice(3), ["\r\x1b[K"]);
});

Deno.test("Progress counts the other transfers and forgets those that fell silent", () => {
  const { written, pull } = setUp();
  pull(0, 0, { path: "silent" });
  pull(0, 0);
  pull(1_000, 4);
  pull(11_000, 40 - 18);
  assert.match(shown(written[0] ?? ""), /^pulling a.jpg .* left \(\+1 more\)$/);
  assert.match(shown(written[1] ?? ""), /^pulling a.jpg .* left$/);
});

Deno.test("Progress keeps to one line: names are cut at their start, and wrapping is off", () => {
  const { written, pull } = setUp({ columns: 70 });
  pull(0, 0, { path: `${"folder/".repeat(20)}naïve 🎉.jpg` });
  pull(1_000, 10, { path: `${"folder/".repeat(20)}naïve 🎉.jpg` });
  const line = shown(written[0] ?? "");
  assert.equal([...line].length, 69);
  assert(line.startsWith("pulling ...") && line.includes("naïve 🎉.jpg 10.0 MiB"), line);
  assert((written[0] ?? "").startsWith("\r\x1b[K\x1b[?7l"));
  assert((written[0] ?? "").endsWith("\x1b[?7h"));
});

Deno.test("Progress shows no name where there is no room for one", () => {
  const { written, pull } = setUp({ columns: 10 });
  pull(0, 0);
  pull(1_000, 10);
  assert.equal(shown(written[0] ?? ""), "pulling  10.0 MiB of 40.0 MiB, 10.0 MiB/s, 0:03 left");
});

Deno.test("Progress escapes control characters in names", () => {
  const { written, pull } = setUp();
  pull(0, 0, { path: "a\x1b[2Jb\n" });
  pull(1_000, 10, { path: "a\x1b[2Jb\n" });
  assert(shown(written[0] ?? "").startsWith("pulling a\\u001b[2Jb\\u000a 10.0 MiB"));
});
