import assert from "node:assert/strict";

import { parseConfiguration } from "../../../lib/config/load.ts";
import { OPTIONS } from "../../../lib/config/options.ts";
import type { RelaySettings } from "../../../lib/config/section.ts";
import { fakeEnvironment, readGolden } from "./_fake_environment.ts";
import { errorsOf, FILE, load, section } from "./_load.ts";

Deno.test("relays are read from address, protocol, folder and port", () => {
  const cases: [lines: string, expected: Partial<RelaySettings>][] = [
    ["host address = /abs/relay", { protocol: "file", folder: "/abs/relay" }],
    ["address = ~/relay", { protocol: "file", folder: "/home/me/relay" }],
    ["address = file:///abs", { protocol: "file", folder: "/abs" }],
    ["address = file://rel", { protocol: "file", folder: "/home/me/.config/escale/rel" }],
    ["protocol = file\naddress = a/b", { protocol: "file", folder: "/home/me/.config/escale/a/b" }],
    ["protocol = file\naddress = /a\ndir = /a", { protocol: "file", folder: "/a" }],
    ["address = ftp://host", { protocol: "ftp", host: "host" }],
    ["address = ftps://host:990/dir/sub", {
      protocol: "ftps",
      host: "host",
      port: 990,
      folder: "dir/sub",
    }],
    ["protocol = ftp\naddress = host\nport = 2121\nrelay path = /dir\nuser = me", {
      protocol: "ftp",
      host: "host",
      port: 2121,
      folder: "/dir",
      username: "me",
    }],
    ["address = https://me@host/dav", {
      protocol: "https",
      host: "host",
      folder: "dav",
      username: "me",
    }],
    ["address = http://[::1]:80/x", { protocol: "http", host: "::1", port: 80, folder: "x" }],
    ["protocol = webdav\naddress = https://host/", { protocol: "https", host: "host" }],
    ["protocol = http\naddress = webdav://host", { protocol: "http", host: "host" }],
    ["protocol = google\naddress = googledrive:///d//r\ndrive binary = /bin/drive", {
      protocol: "googledrive",
      host: "/d",
      folder: "r",
      program: "/bin/drive",
    }],
    ["address = dropbox://Escale repository\nrclone binary = rc", {
      protocol: "dropbox",
      folder: "Escale repository",
      program: "/home/me/.config/escale/rc",
    }],
    ["protocol = rclone\naddress = remote:dir/sub", {
      protocol: "rclone",
      folder: "remote:dir/sub",
    }],
    ["protocol = rclone\naddress = remote\nrelay path = dir", {
      protocol: "rclone",
      host: "remote",
      folder: "dir",
    }],
    ["protocol = dropbox", { protocol: "dropbox" }],
    ["address = yandex://dir\nrclone config = ~/remotes", {
      protocol: "yandex",
      folder: "dir",
      rcloneConfig: "/home/me/remotes",
    }],
    ["address = ftp://h\nverify ssl = no\nssl version = TLSv1.2\ncert file = c\nkeyfile = /k", {
      protocol: "ftp",
      host: "h",
      verifyTls: false,
      tlsVersion: "TLSv1.2",
      certificateFile: "/home/me/.config/escale/c",
      keyFile: "/k",
    }],
    ["address = ftp://h\nencoding = latin1", { protocol: "ftp", host: "h", encoding: "latin1" }],
  ];
  const common = { verifyTls: true, tlsVersion: "TLS", maxTransfers: 4, timeoutMs: 60_000 };
  for (const [lines, expected] of cases) {
    const { relay, statePath } = section("", lines);
    const isRclone = ["dropbox", "rclone", "yandex"].includes(relay.protocol);
    const record = isRclone ? { rcloneRecord: `${statePath}.tool-rclone` } : {};
    assert.deepEqual(relay, { ...common, ...record, ...expected }, lines);
  }
});

Deno.test("the clients of every golden relay that can be used now are read", () => {
  let checked = 0;
  const folder = new URL("../../golden/relays/", import.meta.url);
  for (const { name } of Deno.readDirSync(folder)) {
    if (!name.endsWith(".json")) continue;
    const golden: { clients: Record<string, Record<string, string>> } = JSON.parse(
      readGolden(`relays/${name}`).replaceAll("<relay>", "/relay").replaceAll("<local ", "</"),
    );
    for (const [client, options] of Object.entries(golden.clients)) {
      const lines = Object.entries(options).map(([key, value]) => `${key} = ${value}\n`).join("");
      const built = load(`[${client}]\n${lines}`).sections[0];
      assert.equal(built?.clientName, client);
      assert.equal(built.relay.folder, "/relay");
      assert.equal(built.refreshS, 0.2);
      assert.equal(built.cipher !== "off", built.passphrase !== undefined);
      checked++;
    }
  }
  assert.ok(checked > 20);
});

Deno.test("a drive's relay is read from its mount point and its folder, in each form", () => {
  const forms = [
    "address = googledrive://~/my drive//the relay",
    "protocol = googledrive\naddress = ~/my drive//the relay",
    "protocol = google\naddress = ~/my drive\nrelay dir = the relay",
    "address = googledrive:///home/me/my drive/\nhost directory = the relay",
    "protocol = googledrive\nhost address = /home/me/x/../my drive\nremote path = the relay",
  ];
  for (const lines of forms) {
    const { protocol, host, folder } = section("", lines).relay;
    assert.deepEqual(
      { protocol, host, folder },
      { protocol: "googledrive", host: "/home/me/my drive", folder: "the relay" },
      lines,
    );
  }
});

Deno.test("a drive's relay without mount point, or without folder, is refused", () => {
  const cases: [lines: string, message: RegExp][] = [
    ["protocol = googledrive", /:1: .*no folder where "drive init" was run.*gdrive\/\/folder"/],
    ["address = googledrive://folder", /:3: .*no folder where "drive init" was run/],
    ["protocol = google\naddress = x\ndir = y", /:4: .*no folder where "drive init" was run/],
    ["address = googledrive:///d", /:3: .*no folder on the drive: should be as/],
    ["address = googledrive:///a//b//c", /:3: .*no folder on the drive/],
    ["address = googledrive:///d\ndir = /", /:3: .*no folder on the drive/],
    ["address = googledrive://~you//x", /:3: .*homes of other users are not known/],
  ];
  for (const [lines, message] of cases) {
    const errors = errorsOf(`[r]\npath = /l\n${lines}\n`);
    assert.equal(errors.length, 1, lines);
    assert.match(errors.join(), message, lines);
  }
});

Deno.test("what is not built yet is refused without further errors", () => {
  const native = "[r]\npath = /l\naddress = /r\nencryption = blowfish.blowfish\nkey = kkkk\n";
  const [refusal = "", ...others] = errorsOf(native, { options: OPTIONS });
  assert.match(refusal, /:4: option "encryption" is "blowfish.blowfish"/);
  assert.deepEqual(others, []);
  const file = parseConfiguration("[r]\npath = /l\naddress = /r\n", {
    file: FILE,
    environment: fakeEnvironment(),
  });
  assert.equal(file.sections[0]?.relay.protocol, "file");
});
