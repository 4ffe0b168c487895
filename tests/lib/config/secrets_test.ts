import assert from "node:assert/strict";

import { parseFernetKey } from "../../../lib/crypto/fernet.ts";
import { fakeEnvironment, readGolden } from "./_fake_environment.ts";
import { errorsOf, FERNET_KEY, FILE, load } from "./_load.ts";

Deno.test("a password is taken from a file if there is one", () => {
  const dir = "/home/me/.config/escale";
  const environment = fakeEnvironment({
    [`${dir}/both`]: "me:pass:word\n",
    [`${dir}/only`]: "pass\r\n",
    "/home/me/abs": "pw",
    [`${dir}/two`]: "a\nb\n",
    [`${dir}/blank`]: "\n",
    [`${dir}/binary`]: new Uint8Array([0xff, 0xfe]),
    [`${dir}/locked`]: { content: "x", mode: 0 },
  });
  const login = (lines: string) => {
    const text = `[r]\npath = /l\naddress = ftp://host\n${lines}\n`;
    const relay = load(text, { environment }).sections[0]?.relay;
    return [relay?.username, relay?.password];
  };
  assert.deepEqual(login("password = both"), ["me", "pass:word"]);
  assert.deepEqual(login("user = me\npassword = both"), ["me", "pass:word"]);
  assert.deepEqual(login("user = you\npassword = both"), ["you", "me:pass:word"]);
  assert.deepEqual(login("user = me\nsecret = only"), ["me", "pass"]);
  assert.deepEqual(login("username = me\ncredential = ~/abs"), ["me", "pw"]);
  assert.deepEqual(login("password = liter:al"), [undefined, "liter:al"]);
  for (const value of ["two", "blank", "binary", "locked", "./missing", "/missing", "~/missing"]) {
    const text = `[r]\npath = /l\naddress = ftp://host\npassword = ${value}\n`;
    const errors = errorsOf(text, { environment });
    assert.equal(errors.length, 1, value);
    assert.match(errors[0] ?? "", /escale\.conf:4: option "password"/);
    assert.ok(!errors[0]?.includes(value));
  }
});

Deno.test("a password is not looked at for a relay that needs none", () => {
  const { sections } = load("password = /missing\n[r]\npath = /l\naddress = /r\n");
  assert.equal(sections[0]?.relay.password, undefined);
});

Deno.test("a passphrase is the bytes of its file or its option, as they are", () => {
  const environment = fakeEnvironment({ "/home/me/.config/escale/key": `${FERNET_KEY}\n` });
  const bytes = (lines: string) => {
    const text = `[r]\npath = /l\naddress = /r\n${lines}\n`;
    const passphrase = load(text, { environment }).sections[0]?.passphrase;
    return passphrase && new TextDecoder().decode(passphrase);
  };
  assert.equal(bytes("encryption = yes\nkey = key"), `${FERNET_KEY}\n`);
  assert.equal(bytes(`encryption = fernet\npassphrase = ${FERNET_KEY}`), FERNET_KEY);
  assert.equal(bytes("encryption = blowfish\npassphrase = 4%%é"), "4%é");
  assert.equal(bytes(`encryption = blowfish\npassphrase = ${"k".repeat(56)}`), "k".repeat(56));
  assert.equal(bytes(`encryption = no\npassphrase = ${FERNET_KEY}`), undefined);
});

Deno.test("a passphrase that does not fit its cipher is refused and not shown", () => {
  const golden: { cipher: string; passphrase: string; error?: string }[] = JSON.parse(
    readGolden("ciphers.json"),
  );
  let checked = 0;
  for (const { cipher, passphrase, error } of golden) {
    if (cipher === "nothing" || error === "ModuleNotFoundError") continue;
    const environment = fakeEnvironment({ "/key": passphrase });
    const text = `[r]\npath = /l\naddress = /r\nencryption = ${cipher}\nkey = /key\n`;
    if (error === undefined) {
      load(text, { environment });
      continue;
    }
    const [problem = "", ...others] = errorsOf(text, { environment });
    assert.deepEqual(others, []);
    assert.match(problem, /escale\.conf:5: option "passphrase" does not fit/);
    assert.ok(passphrase === "" || !problem.includes(passphrase));
    checked++;
  }
  assert.ok(checked >= 6);
});

Deno.test("a Fernet key is accepted if and only if the cipher accepts it", () => {
  const keys = [
    FERNET_KEY,
    ` ${FERNET_KEY.slice(0, 20)}\n${FERNET_KEY.slice(20)}\r\n`,
    `${"-_+/".repeat(10)}abc=`,
    FERNET_KEY.slice(0, -1),
    `${FERNET_KEY}=`,
    `!${FERNET_KEY.slice(1)}`,
    `${FERNET_KEY}\u00a0`,
    "",
  ];
  const isTaken = (work: () => unknown) => {
    try {
      work();
      return true;
    } catch {
      return false;
    }
  };
  for (const key of keys) {
    const environment = fakeEnvironment({ "/key": key });
    const text = "[r]\npath = /l\naddress = /r\nencryption = fernet\nkey = /key\n";
    assert.equal(
      isTaken(() => load(text, { environment })),
      isTaken(() => parseFernetKey(new TextEncoder().encode(key))),
      key,
    );
  }
});

Deno.test("a secret that other users can read is a warning", () => {
  const text = `[r]\npath = /l\naddress = /r\nencryption = on\nkey = `;
  const warnings = (key: string, files: Record<string, { content: string; mode: number }>) =>
    load(`${text}${key}\n`, { environment: fakeEnvironment(files) }).warnings;
  const open = { content: FERNET_KEY, mode: 0o640 };
  assert.deepEqual(warnings("/key", { "/key": open }), [
    `${FILE}:5: "/key" holds a secret and can be read by other users: should have mode 600`,
  ]);
  assert.deepEqual(warnings("/key", { "/key": { ...open, mode: 0o400 }, [FILE]: open }), []);
  assert.match(warnings(FERNET_KEY, { [FILE]: open }).join(), /escale\.conf" holds a secret/);
  assert.deepEqual(warnings(FERNET_KEY, { [FILE]: { ...open, mode: 0o600 } }), []);
});

Deno.test("no secret is ever shown, wherever it stands", () => {
  const secret = "s3cret-T0KEN";
  const texts = [
    `[r]\npath = /l\naddress = https://me:${secret}@h\n`,
    `[r]\npath = /l\naddress = https://me:${secret}@h:0:0\n`,
    `[r]\npath = /l\naddress = https://me:${secret}@h\u0007\n`,
    `[r]\npath = /l\naddress = https://h\n  password = ${secret}\n`,
    `[r]\npath = /l\n  password = ${secret}\naddress = /r\n`,
    `[r]\npath = /l\ninclude = a\n  password = ${secret}\naddress = /r\n`,
    `[r]\npath = /l\naddress = /r\nencryption = on\nkey = ${secret}\n`,
    `[r]\npath = /l\naddress = /r\nencryption = ${"x"}\npassphrase = ${secret}\n`,
    `[r]\npath = /l\naddress = ftp://h\npassword = /${secret}\n`,
    `[r]\npath = /l\naddress = ftp://h\npassword = ~${secret}\n`,
    `[r]\npath = /l\naddress = ftp://h\npassword = a\n  ${secret}\n`,
    `[r]\npath = /l\naddress = ftp://h\npassword = %${secret}\n`,
    `[r]\npath = /l\naddress = ftp://h\npassword\n${secret}\n`,
  ];
  for (const text of texts) assert.ok(!errorsOf(text).join().includes(secret), text);
  const environment = fakeEnvironment({}, {
    isFile: (path) => {
      throw new Error(`stat '${path}'`);
    },
  });
  const errors = errorsOf(`[r]\npath=/l\naddress=ftp://h\npassword=${secret}\n`, { environment });
  assert.ok(!errors.join().includes(secret));
});
