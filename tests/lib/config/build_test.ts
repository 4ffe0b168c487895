import assert from "node:assert/strict";

import type { RelayAddress } from "../../../backends/backend.ts";
import type { Section } from "../../../lib/config/section.ts";
import { fakeEnvironment } from "./_fake_environment.ts";
import { errorsOf, FERNET_KEY, FILE, load, section } from "./_load.ts";

Deno.test("a minimal section has the defaults of 0.7", () => {
  const { sections, warnings, ...common } = load(
    "[r]\npath = data\nprotocol=file\ndir = ~/relay\n",
  );
  assert.deepEqual(common, { file: FILE, logRotate: 3, logFormat: "text" });
  assert.deepEqual(warnings, []);
  assert.deepEqual(sections, [{
    name: "r",
    configFile: FILE,
    clientName: "host",
    localPath: "/home/me/.config/escale/data",
    relay: {
      protocol: "file",
      folder: "/home/me/relay",
      verifyTls: true,
      tlsVersion: "TLS",
      maxTransfers: 4,
      timeoutMs: 60_000,
    },
    mode: "shared",
    refreshS: 30,
    timestamps: { kind: "yes", placeholderFormat: "%y%m%d_%H%M%S" },
    cipher: "off",
    checksum: { algorithm: "sha512" },
    filters: {
      fileTypes: [],
      include: [],
      exclude: [],
      includeDirectories: [],
      excludeDirectories: [],
    },
    pullerCount: 1,
    lockTimeoutS: 259_200,
    maxParallelTransfers: 4,
    index: { kind: "none" },
    maxPageSizeBytes: 1024 ** 3,
    compression: "bz2",
    legacyPeers: true,
    priorityUpload: false,
    allowPageDeletion: false,
    pullOverwrite: false,
    verbosity: 1,
    statePath:
      "/home/me/.cache/escale/escale/.st90ffc2300bfbe8fbdddb57bc85db44fd0217b079b14e729e9ac98227.db",
  }]);
});

Deno.test("a configuration is plain data, and its relay is a backend's address", () => {
  const loaded = load(`[r]\npath=/l\nprotocol=file\ndir=/r\nencryption=on\nkey=${FERNET_KEY}\n`);
  assert.deepEqual(structuredClone(loaded), loaded);
  const address: RelayAddress | undefined = loaded.sections[0]?.relay;
  assert.equal(address?.folder, "/r");
});

Deno.test("options reach their fields", () => {
  const cases: [lines: string, expected: Partial<Section>][] = [
    ["refresh = 1", { refreshS: 1 }],
    ["refresh = 0", { refreshS: undefined }],
    ["refresh = no", { refreshS: undefined }],
    ["mtime = no", { timestamps: { kind: "no" } }],
    ["mtime = %%Y%%m%%d", { timestamps: { kind: "yes", placeholderFormat: "%Y%m%d" } }],
    ["client = Zoé 1", { clientName: "Zoé 1" }],
    ["mode = Protective", { mode: "conservative" }],
    ["push only = yes", { mode: "upload" }],
    ["write only = yes", { mode: "download" }],
    ["mode = upload\nread only = yes\npull only = no", { mode: "upload" }],
    ["checksum = no", { checksum: undefined }],
    ["checksum = blake2s", { checksum: { algorithm: "blake2s256" } }],
    ["legacy peers = no", {
      legacyPeers: false,
      checksum: { algorithm: "sha256" },
      compression: "zstd",
    }],
    ["legacy peers = no\nhash algorithm = sha512\nindex = yes\ncompression = gzip", {
      checksum: { algorithm: "sha512" },
      compression: "gzip",
    }],
    ["index = 1", { index: { kind: "pages", depth: 0 } }],
    ["index = topdir", { index: { kind: "pages", depth: 1 } }],
    ["index = topdir:3\nmaxpagesize = 10", {
      index: { kind: "pages", depth: 3 },
      maxPageSizeBytes: 10 * 1024 ** 2,
    }],
    ["index = 1\npriority = upload\npage deletion = yes", {
      priorityUpload: true,
      allowPageDeletion: true,
    }],
    ["quota = 1 KB\nmax pending transfers = 7", { quotaBytes: 1024, maxPendingTransfers: 7 }],
    ["pullers = 3\nlock timeout = 60\nmax parallel transfers = 9\nverbosity = 2", {
      pullerCount: 3,
      lockTimeoutS: 60,
      maxParallelTransfers: 9,
      verbosity: 2,
    }],
    ["pull overwrite = yes\nmaintainer = me@example.org", {
      pullOverwrite: true,
      maintainer: "me@example.org",
    }],
    ["filter = *.a\nexclude = b\nfile type = md\ninclude directory = d\nexclude directory = /e/", {
      filters: {
        fileTypes: [".md"],
        include: ["*.a"],
        exclude: ["b"],
        includeDirectories: ["d"],
        excludeDirectories: ["/e/"],
      },
    }],
  ];
  for (const [lines, expected] of cases) {
    const built: Partial<Section> = section(lines);
    assert.deepEqual({ ...built, ...expected }, built, lines);
  }
  assert.equal(section("max parallel transfers = 9").relay.maxTransfers, 9);
});

Deno.test("without a client name the host's counts, and the section's if that is localhost", () => {
  const text = "[my repo]\npath = /l\nprotocol = file\nrelay path = /r\n";
  const named = (hostName: string) =>
    load(text, { environment: fakeEnvironment({}, { hostName }) }).sections[0]?.clientName;
  assert.equal(named("machine"), "machine");
  assert.equal(named("localhost"), "my repo");
  const environment = fakeEnvironment({}, { hostName: "-odd" });
  assert.match(
    errorsOf(text, { environment }).join(),
    /:1: section "my repo" needs a "client name"/,
  );
});
