import assert from "node:assert/strict";

import { exportSection } from "../../../lib/config/export.ts";
import { parseIni } from "../../../lib/config/ini.ts";
import { fakeEnvironment } from "./_fake_environment.ts";
import { FERNET_KEY, load } from "./_load.ts";

const TEXT = `refresh = 5
log file = /log

[photos]
path = /p
client = me
mode = upload
relay address = ftps://host/a%%b
user = you
secret = pass
certificate = /c
keyfile = /k
encryption = yes
key = key
exclude = *.tmp,
  *.bak
`;

const environment = fakeEnvironment({
  "/home/me/.config/escale/pass": "you:s3cret%\n",
  "/home/me/.config/escale/key": FERNET_KEY,
});

function exported(text: string, hasSecrets: boolean, files = environment) {
  const [section] = load(text, { environment: files }).sections;
  assert(section);
  return exportSection(text, section, { hasSecrets });
}

Deno.test("exportSection() gives what the next client needs and nothing of this one", () => {
  const text = exported(TEXT, false);
  const [section] = parseIni(text).sections;
  assert.deepEqual(
    section?.entries.map(({ name, value }) => [name, value]),
    [
      ["relay address", "ftps://host/a%b"],
      ["user", "you"],
      ["refresh", "5"],
      ["encryption", "yes"],
      ["exclude", "*.tmp,\n*.bak"],
    ],
  );
  assert.match(
    text,
    /^# Not in here: the passphrase.*; the password; the certificate and its key$/m,
  );
  assert.match(text, /^# .*mode upload/m);
  assert(!text.includes("s3cret") && !text.includes(FERNET_KEY));
});

Deno.test("exportSection() writes secrets as they load again, if it is told to", () => {
  const text = exported(TEXT, true);
  const [relay] = load(text.replace("[photos]", "[photos]\npath = /q")).sections;
  assert.equal(relay?.relay.password, "s3cret%");
  assert.equal(new TextDecoder().decode(relay?.passphrase), FERNET_KEY);
  assert.match(text, /holds secrets/);
});

Deno.test("exportSection() writes the folder of a relay as an absolute path", () => {
  const text = exported("[a]\npath = /p\nprotocol = file\nrelay path = ../relay\n", false);
  assert.match(text, /^\[a\]\nprotocol = file\nrelay path = \/home\/me\/\.config\/relay\n$/m);
});

Deno.test("exportSection() refuses a secret that a line cannot hold", () => {
  const files = fakeEnvironment({ "/home/me/.config/escale/key": "four\n" });
  const text = "[a]\npath = /p\naddress = /r\nencryption = blowfish\nkey = key\n";
  assert.throws(() => exported(text, true, files), { code: "unsupported" });
  assert.match(exported(text, false, files), /encryption = blowfish/);
});
