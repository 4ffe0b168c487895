import assert from "node:assert/strict";
import { watchRepository } from "../../../lib/local/watch.ts";
import { plant, withTree } from "./_tree.ts";

Deno.test("watchRepository() calls for visible changes until the signal", async () => {
  await withTree(async (root) => {
    plant(root, { "sub/a": "1", ".hidden/b": "2" });
    const controller = new AbortController();
    let seen = Promise.withResolvers<void>();
    const watching = watchRepository(root, () => seen.resolve(), {
      signal: controller.signal,
      warn: assert.fail,
    });
    for (
      const change of [
        () => Deno.writeTextFileSync(`${root}/sub/a`, "new"),
        () => Deno.renameSync(`${root}/sub/a`, `${root}/sub/c`),
        () => Deno.removeSync(`${root}/sub/c`),
      ]
    ) {
      seen = Promise.withResolvers();
      change();
      await seen.promise;
    }
    controller.abort();
    await watching;
  });
});

Deno.test("watchRepository() is silent about hidden names and about reads", async () => {
  const events: readonly Deno.FsEvent[] = [
    { kind: "modify", paths: ["/.data/root/.hidden/b"] },
    { kind: "create", paths: ["/.data/root/sub/.escale-1.tmp"] },
    { kind: "access", paths: ["/.data/root/a"] },
    { kind: "rename", paths: ["/.data/root/.escale-1.tmp", "/.data/root/a"] },
    { kind: "modify", paths: ["/.data/root/sub/a.b"] },
    { kind: "other", paths: [] },
  ];
  const { watchFs } = Deno;
  Deno.watchFs = () => ({
    close: () => {},
    [Symbol.dispose]: () => {},
    [Symbol.asyncIterator]: () => ReadableStream.from(events)[Symbol.asyncIterator](),
  });
  try {
    let calls = 0;
    const { signal } = new AbortController();
    await watchRepository("/.data/root", () => calls++, { signal, warn: assert.fail });
    assert.equal(calls, 3);
  } finally {
    Deno.watchFs = watchFs;
  }
});

Deno.test("watchRepository() warns once where it cannot watch, and ends", async () => {
  const warnings: string[] = [];
  await watchRepository("/nonexistent/folder", assert.fail, {
    signal: new AbortController().signal,
    warn: (message) => warnings.push(message),
  });
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /Cannot watch "\/nonexistent\/folder"/);
});

Deno.test("watchRepository() does nothing after the signal", async () => {
  await watchRepository("/nonexistent/folder", assert.fail, {
    signal: AbortSignal.abort(),
    warn: assert.fail,
  });
});
