import assert from "node:assert/strict";
import type { BackendErrorCode } from "../../../backends/backend.ts";
import { openGoogleDrive } from "../../../backends/googledrive/mod.ts";
import { collect, noise } from "../../support/byte_streams.ts";
import { hasFakeDrive } from "../../support/fake_drive.ts";
import { skip } from "../../support/skip.ts";
import { sourceOf } from "../../support/sources.ts";
import { assertCode, assertStands, listing, name, namesIn } from "../cases/case.ts";
import { DriveRelay } from "./_relay.ts";

/** A test with a relay on a stand-in for drive. */
function driveTest(title: string, run: (relay: DriveRelay) => Promise<void>): void {
  Deno.test(title, async () => {
    if (!hasFakeDrive) return skip("no python3 here");
    await using relay = new DriveRelay();
    await run(relay);
  });
}

driveTest("what drive and Google say is told by its kind, with what to do", async (relay) => {
  await using backend = await relay.open();
  await backend.put(name("f"), sourceOf(noise(10)));
  const cases: [words: string, BackendErrorCode, isRetryable: boolean, hint?: RegExp][] = [
    ["googleapi: Error 403: User Rate Limit Exceeded, userRateLimitExceeded", "unavailable", true],
    ["googleapi: Error 403: The user's storage quota has been exceeded.", "full", false],
    ["googleapi: Error 403: The user does not have sufficient permissions", "denied", false],
    ["googleapi: Error 401: Invalid Credentials, authError", "denied", false, /drive init \//],
    ['oauth2: cannot fetch token: {"error": "invalid_grant"}', "denied", false, /drive init \//],
    ["googleapi: Error 500: Internal Error, internalError", "unavailable", true],
    ["dial tcp: lookup www.googleapis.com: no such host", "unavailable", true],
    ["flag provided but not defined: -hidden", "unsupported", false, /Use drive 0\.3\.9/],
  ];
  for (const [words, code, isRetryable, hint] of cases) {
    relay.drive.fail("id", words);
    const error = await assertCode(code, () => backend.stat(name("f")));
    assert.equal(error.retryable, isRetryable, words);
    assert.match(error.message, /^Cannot stat "f": drive says: /);
    if (hint !== undefined) assert.match(error.hint ?? "", hint);
  }
  await assertStands(backend, "f", noise(10));
});

driveTest(
  "a drive that is too old is named so, and a folder that drive does not know",
  async (relay) => {
    const program = `${relay.drive.program}-oldest`;
    const script = `#!/bin/sh\nshift\nexec ${JSON.stringify(relay.drive.program)} no-such "$@"\n`;
    Deno.writeTextFileSync(program, script, { mode: 0o700 });
    const error = await assertCode("unsupported", () => relay.open({ program }));
    assert.match(error.message, /^Cannot open the relay: drive says: Usage: drive <command>/);
    assert.equal(error.hint, "Use drive 0.3.9 or newer");
    await Deno.remove(`${relay.address.host}/.gd/credentials.json`);
    const login = await assertCode("denied", () => relay.open());
    assert.match(login.message, /credentials\.json: no such file or directory/);
    assert.ok(
      login.hint?.startsWith(`Log in with "drive init ${relay.address.host}"; `),
      login.hint,
    );
  },
);

driveTest("a step that fails leaves an object as it was, or whole", async (relay) => {
  await using backend = await relay.open();
  await backend.put(name("f"), sourceOf(noise(10, 1)));
  for (const command of ["id", "stat", "push", "rename"]) {
    relay.drive.fail(command, "googleapi: Error 500: Internal Error, internalError");
    await assertCode("unavailable", () => backend.put(name("f"), sourceOf(noise(20, 2))));
    await assertStands(backend, "f", noise(10, 1));
  }
  relay.drive.fail("delete", "googleapi: Error 500: Internal Error, internalError");
  await assertCode("unavailable", () => backend.put(name("f"), sourceOf(noise(30, 3))));
  const bytes = await collect(await backend.get(name("f")));
  assert.ok([10, 30].includes(bytes.length));
  await backend.put(name("f"), sourceOf(noise(40, 4)));
  await assertStands(backend, "f", noise(40, 4));
  const titles = relay.drive.files().map(({ title }) => title);
  assert.deepEqual(titles.sort(), ["Escale", "f", "the relay"]);
});

driveTest("a listing that is cut short by an error is never taken for whole", async (relay) => {
  await using backend = await relay.open();
  await backend.put(name("f"), sourceOf(noise(10)));
  // What older versions print in place of the rest, ending with success.
  const lines = relay.drive.program;
  const printing = (words: string) => {
    const path = `${lines}-older`;
    const script = `#!/bin/sh\ncase $1 in list|du) echo '${words}' ;; *) exec ${
      JSON.stringify(lines)
    } "$@" ;; esac\n`;
    Deno.writeTextFileSync(path, script, { mode: 0o700 });
    return path;
  };
  for (
    const [words, code] of [
      ["googleapi: Error 403: Rate Limit Exceeded, rateLimitExceeded", "unavailable"],
      ["googleapi: Error 401: Invalid Credentials, authError", "denied"],
      ["something else", "protocol"],
    ] as const
  ) {
    await using older = await relay.open({ program: printing(words) });
    await assertCode(code, () => listing(older));
  }
});

driveTest(
  "a file that is stored otherwise than sent is noticed, and what stood there is kept",
  async (relay) => {
    await using backend = await relay.open();
    await backend.put(name("f"), sourceOf(noise(1000, 1)));
    const program = `${relay.drive.program}-lossy`;
    const script =
      `#!/bin/sh\ncase $1 in push) head -c 10 | ${JSON.stringify(relay.drive.program)} "$@" ;; ` +
      `*) exec ${JSON.stringify(relay.drive.program)} "$@" ;; esac\n`;
    Deno.writeTextFileSync(program, script, { mode: 0o700 });
    await using lossy = await relay.open({ program });
    const error = await assertCode("protocol", () => lossy.put(name("new"), sourceOf(noise(500))));
    assert.match(error.message, /what is stored is not what was sent/);
    assert.equal(error.retryable, true);
    await assertCode("protocol", () => lossy.put(name("f"), sourceOf(noise(1000, 2))));
    assert.deepEqual(await namesIn(backend), ["f"]);
    await assertStands(backend, "f", noise(1000, 1));
    assert.ok(!relay.drive.files().some(({ title }) => title.startsWith(".escale-")));
  },
);

driveTest(
  "what others hide in the relay's folder is left out, and old uploads go",
  async (relay) => {
    await using backend = await relay.open();
    await backend.put(name("f"), sourceOf(noise(10)));
    const odd = [
      "trailing ",
      ".escale-0123456789abcdef.tmp",
      ".escale-fedcba9876543210.tmp",
      "a/b",
    ];
    for (const title of odd) {
      const id = relay.drive.twin("f");
      relay.drive.change((files) => {
        const file = files[id];
        if (file === undefined) return;
        file.title = title;
        if (title.includes("fedc")) Object.assign(file, { modified: 1_000_000_000 });
      });
    }
    assert.deepEqual(await namesIn(backend), ["f"]);
    const titles = relay.drive.files().map(({ title }) => title);
    assert.ok(titles.includes(".escale-0123456789abcdef.tmp"));
    assert.ok(!titles.includes(".escale-fedcba9876543210.tmp"));
  },
);

driveTest("a sender that is killed leaves nothing under the name", async (relay) => {
  await using backend = await relay.open();
  await backend.put(name("f"), sourceOf(noise(10)));
  const sender = new URL("./_sender.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--frozen=false", sender, JSON.stringify(relay.address)],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  child.kill("SIGKILL");
  await child.status;
  await reader.cancel();
  // Its drive goes on, takes what it got for the whole, and stores that.
  const isLeft = () => relay.drive.files().some(({ title }) => title.startsWith(".escale-"));
  for (let i = 0; i < 3000 && !isLeft(); i++) await new Promise((go) => setTimeout(go, 10));
  assert.ok(isLeft());
  assert.deepEqual(await namesIn(backend), ["f"]);
  await assertStands(backend, "f", noise(10));
});

driveTest("disposing ends what runs", async (relay) => {
  const backend = await relay.open();
  await backend.put(name("f"), sourceOf(noise(3_000_000)));
  const reader = (await backend.get(name("f"))).getReader();
  await reader.read();
  await backend[Symbol.asyncDispose]();
  await assert.rejects(async () => {
    while (!(await reader.read()).done);
  });
});

driveTest("no passphrase is traced, and another one is noticed", async (relay) => {
  const traced: string[] = [];
  const secret = { nativePassphrase: "-s3cret phrase\nsecond line\n" };
  const trace = (line: string) => traced.push(line);
  await using backend = await openGoogleDrive({ ...relay.address, ...secret }, { trace });
  for (const size of [0, 1, 100_000]) {
    await backend.put(name(`f${size}`), sourceOf(noise(size)));
    await assertStands(backend, `f${size}`, noise(size));
    assert.equal((await listing(backend)).get(`f${size}`)?.sizeBytes, size);
  }
  assert.ok(traced.some((line) => line.includes("-encryption-password=...")));
  assert.ok(!traced.some((line) => line.includes("s3cret")));
  await using other = await relay.open({ nativePassphrase: "another" });
  const error = await assertCode("denied", () => other.read(name("f1"), { maxBytes: 10 }));
  assert.match(error.message, /message corrupt or incorrect password/);
  assert.match(error.hint ?? "", /"passphrase"/);
  await using plain = await relay.open();
  assert.equal((await plain.stat(name("f1")))?.sizeBytes, 121);
});
