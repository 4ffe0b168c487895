import assert from "node:assert/strict";
import { openRclone, startRclone } from "../../../backends/rclone/mod.ts";
import { checkVersion } from "../../../backends/rclone/_program.ts";
import { parseEndpoint, writeEndpoint } from "../../../backends/rclone/_endpoint.ts";
import { parseObjectName } from "../../../backends/backend.ts";
import { noise } from "../../support/byte_streams.ts";
import { sourceOf } from "../../support/sources.ts";
import { skip } from "../../support/skip.ts";
import { assertCode } from "../cases/case.ts";
import { addressAt, Ground, hasRclone } from "./_relay.ts";

Deno.test("an endpoint is read as it was written, and a program is none", () => {
  const endpoint = {
    isEncrypted: true,
    port: 5572,
    username: "escale",
    password: "00ff",
    type: "drive",
    base: "a &b/ü",
  };
  assert.deepEqual(parseEndpoint(writeEndpoint(endpoint)), endpoint);
  for (const text of [undefined, "rclone", "/usr/bin/rclone", "http://example.org:1/", "http://"]) {
    assert.equal(parseEndpoint(text), undefined);
  }
});

Deno.test("checkVersion() refuses what is too old, with where to get another", () => {
  for (const numbers of [[1, 60, 1], [1, 70], [2, 0]]) checkVersion(numbers);
  for (const numbers of [[1, 59, 2], [0, 99], undefined, []]) {
    assert.throws(() => checkVersion(numbers), { code: "unsupported", hint: /rclone\.org/ });
  }
});

Deno.test("startRclone() says what rclone says when it fails, and leaves nothing behind", async () => {
  if (!hasRclone()) return skip("no rclone here");
  await using ground = new Ground(["[here]", "type = local"]);
  const missing = addressAt("here:/x", ground.config, { program: `${ground.root}/none` });
  const error = await assertCode("unsupported", () => startRclone(missing));
  assert.match(error.message, /there is no such program/);
  Deno.writeTextFileSync(`${ground.root}/old`, OLD, { mode: 0o755 });
  const old = addressAt("here:/x", ground.config, { program: `${ground.root}/old` });
  await assertCode("unavailable", () => startRclone(old));
  const unknown = addressAt("nowhere:/x", ground.config);
  const lost = await assertCode("not-found", () => openRclone(unknown));
  assert.match(lost.message, /didn't find section in config file/);
});

Deno.test("openRclone() refuses a relay that is encrypted with another passphrase, or not", async () => {
  if (!hasRclone()) return skip("no rclone here");
  await using ground = new Ground(["[here]", "type = local"]);
  const name = parseObjectName("letter");
  const at = (key?: string) => {
    const secret = key === undefined ? {} : { nativePassphrase: key };
    return openRclone(addressAt(`here:${ground.root}/relay`, ground.config, secret));
  };
  {
    await using first = await at("one");
    await first.put(name, sourceOf(noise(10)));
  }
  const error = await assertCode("denied", () => at("two"));
  assert.match(error.message, /another passphrase/);
  {
    // The final line break of a file is no part of the passphrase, which rclone would not be given either.
    await using again = await at("one\n");
    assert.equal((await again.stat(name))?.sizeBytes, 10);
  }
  await using plain = await at();
  assert.equal(await plain.stat(name), undefined);
});

Deno.test("startRclone() ends an orphan that a record tells of, unless its program lives", async () => {
  if (!hasRclone()) return skip("no rclone here");
  await using ground = new Ground(["[here]", "type = local"]);
  const address = addressAt(`here:${ground.root}`, ground.config);
  const recordFile = `${ground.root}/record`;
  let ends = 0;
  const ended = Promise.withResolvers<void>();
  const warn = () => {
    ends++;
    ended.resolve();
  };
  await using first = await startRclone(address, { recordFile, warn });
  assert.equal((Deno.statSync(recordFile).mode ?? 0) & 0o777, 0o600);
  {
    await using second = await startRclone(address, { recordFile });
    assert.notEqual(second.endpoint.port, first.endpoint.port);
  }
  assert.equal(ends, 0, "another program's rclone was ended");
  const copy = `${ground.root}/left`;
  Deno.copyFileSync(recordFile, copy);
  await using _third = await startRclone(address, { recordFile: copy });
  await ended.promise;
});

/** A program that knows its remotes but no remote control. */
const OLD = `#!/bin/sh
[ "$1" = config ] && echo '{}' && exit 0
echo 'Error: unknown command "rcd" for "rclone"' >&2
exit 1
`;
