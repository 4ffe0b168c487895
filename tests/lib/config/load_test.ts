import assert from "node:assert/strict";
import { join } from "node:path";

import { loadConfiguration } from "../../../lib/config/load.ts";
import { fakeEnvironment } from "./_fake_environment.ts";
import { errorsOf, FERNET_KEY, FILE, load } from "./_load.ts";

Deno.test("global options reach every section and the configuration", () => {
  const text = "keep alive = yes\nlog file = log\nlog rotate = 5\nlog level = DEBUG\n" +
    "log format = JSON\nmode = upload\n" +
    "[r]\npath = /a\nrelay path = /r\nprotocol = file\n" +
    "[s]\npath = /b\nrelay path = /s\nprotocol = file\nmode = download\n";
  const { sections, ...common } = load(text);
  assert.deepEqual(common, {
    file: FILE,
    logFile: "/home/me/.config/escale/log",
    logRotate: 5,
    logLevel: "debug",
    logFormat: "json",
    keepAliveS: 60,
    warnings: [],
  });
  assert.deepEqual(sections.map(({ mode, keepAliveS }) => [mode, keepAliveS]), [
    ...[["upload", 60], ["download", 60]],
  ]);
});

Deno.test("all errors of a file are reported together, in its order", () => {
  const errors = errorsOf(
    "refresh = often\n[r\n[s]\npath = /l\nprotocol = ssh\nverbosity = 5\nverbosity = 6\n" +
      "[t]\npassphrase = s3cret%\ndisk quota = 5 parsecs\n",
  );
  const lines = errors.map((error) => Number(error.slice(FILE.length + 1).split(":")[0]));
  assert.deepEqual(lines, [1, 2, 5, 6, 7, 8, 8, 9, 9, 10]);
  assert.match(errors[0] ?? "", /option "refresh" is "often": should be a number of seconds/);
  assert.ok(!errors.join().includes("s3cret"));
});

Deno.test("loadConfiguration() reads a file and its secrets from the machine", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = join(folder, "x.conf");
    await Deno.writeTextFile(join(folder, "key"), FERNET_KEY, { mode: 0o600 });
    await Deno.writeTextFile(
      file,
      "\uFEFF[r]\r\npath = l\r\naddress = relay\r\nprotocol = file\r\nencryption = yes\r\nkey = key\r\n",
    );
    const { sections, warnings } = loadConfiguration(file);
    assert.deepEqual(warnings, []);
    assert.equal(sections[0]?.localPath, join(folder, "l"));
    assert.equal(sections[0]?.relay.folder, join(folder, "relay"));
    assert.equal(new TextDecoder().decode(sections[0]?.passphrase), FERNET_KEY);
    const long = `${file}/below`;
    await Deno.writeTextFile(
      file,
      `[r]\npath = l\naddress = /r\nencryption = no\nkey = ${long}\n[s]\npath = m\naddress = /s\n`,
    );
    assert.equal(loadConfiguration(file).sections.length, 2);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("loadConfiguration() tells a missing file from one that cannot be read", () => {
  const environment = fakeEnvironment({
    "/locked.conf": { content: "", mode: 0 },
    "/latin1.conf": new Uint8Array([0x5b, 0xe9, 0x5d]),
  });
  const code = (file: string, code: string, message: RegExp) =>
    assert.throws(() => loadConfiguration(file, { environment }), { code, message });
  code("/none.conf", "no-config", /Cannot find the configuration file "\/none.conf"/);
  code("/locked.conf", "config", /Cannot read the configuration file "\/locked.conf": cannot open/);
  code("/latin1.conf", "config", /it is not UTF-8/);
});
