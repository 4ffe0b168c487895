import assert from "node:assert/strict";
import { Program } from "../../../backends/googledrive/_program.ts";
import { assertCode } from "../cases/case.ts";

/** A program that does what the script says, at a folder of its own. */
async function withProgram(
  { script, patienceMs = 60_000 }: { readonly script: string; readonly patienceMs?: number },
  run: (program: Program) => Promise<void>,
): Promise<void> {
  const mount = await Deno.makeTempDir({ prefix: "escale-program-" });
  try {
    const path = `${mount}/drive`;
    await Deno.writeTextFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o700 });
    using program = new Program({ program: path, mount, patienceMs, trace: () => {} });
    await run(program);
  } finally {
    await Deno.remove(mount, { recursive: true });
  }
}

const options = { action: "try it", signal: undefined };

Deno.test("a run that is silent for too long is ended", async () => {
  await withProgram({ script: "exec sleep 600", patienceMs: 200 }, async (program) => {
    const error = await assertCode("unavailable", () => program.run([], options));
    assert.match(error.message, /^Cannot try it: drive did nothing for \d+ s/);
  });
});

Deno.test("a run that is waited for by nobody is not silent", async () => {
  await withProgram({ script: "cat; echo words >&2", patienceMs: 50 }, async (program) => {
    using running = program.start([], options);
    running.rest();
    await new Promise((go) => setTimeout(go, 200));
    await running.stdin.close();
    assert.equal(await new Response(running.stdout).text(), "");
    assert.deepEqual(await running.ended(), { isSuccess: true, words: "words\n" });
  });
});

Deno.test("an abort ends a run, and is what it throws", async () => {
  await withProgram({ script: "exec sleep 600" }, async (program) => {
    const controller = new AbortController();
    const run = program.run([], { action: "try it", signal: controller.signal });
    controller.abort();
    await assert.rejects(run, { name: "AbortError" });
  });
});

Deno.test("a run prints without bound only into an error", async () => {
  await withProgram({ script: "exec cat /dev/zero" }, async (program) => {
    const error = await assertCode("too-large", () => program.run([], options));
    assert.match(error.message, /drive prints too much/);
  });
});
