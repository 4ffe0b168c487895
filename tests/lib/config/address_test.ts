import assert from "node:assert/strict";

import { type Address, MULTI_PATH_PROTOCOLS, parseAddress } from "../../../lib/config/address.ts";
import { readGolden } from "./_fake_environment.ts";

type Row = readonly [string | null, string | null, string | null, string | null];

const golden: {
  multi_path_protocols: string[];
  single_path: Record<string, Row>;
  multi_path: Record<string, Row>;
} = JSON.parse(readGolden("addresses.json"));

/** 0.7 knew neither user names nor the brackets of IPv6. */
const DIFFERENT = new Map<string, Address>([
  ["https://user@host/dir", { protocol: "https", username: "user", host: "host", path: "dir" }],
  ["http://[::1]:80/x", { protocol: "http", host: "::1", port: "80", path: "x" }],
]);

for (const table of ["single_path", "multi_path"] as const) {
  Deno.test(`parseAddress() reads the ${table} table of 0.7, but for users and IPv6`, () => {
    for (const [text, [protocol, host, port, path]] of Object.entries(golden[table])) {
      const home = "/home/me";
      const parsed = parseAddress(text, { home, isMultiPath: table === "multi_path" });
      const expected = DIFFERENT.get(text) ?? {
        ...(protocol === null ? {} : { protocol }),
        ...(host === null ? {} : { host: host.replace("<home>", home) }),
        ...(port === null ? {} : { port }),
        ...(path === null ? {} : { path }),
      };
      assert.deepEqual(parsed, expected, text);
    }
  });
}

Deno.test("the multi-path protocols are those of 0.7", () => {
  // 0.7 did not know this one.
  const expected = [...golden.multi_path_protocols, "yandex"];
  assert.deepEqual(MULTI_PATH_PROTOCOLS.toSorted(), expected.toSorted());
});

Deno.test("parseAddress() takes odd hosts apart", () => {
  const cases: [text: string, expected: Address][] = [
    ["ftp://[fe80::1%25eth0]/a", { protocol: "ftp", host: "fe80::1%25eth0", path: "a" }],
    ["ftp://::1", { protocol: "ftp", host: "::1" }],
    ["me:pw@host:21/d", { username: "me:pw", host: "host", port: "21", path: "d" }],
    ["a@b@host", { username: "a@b", host: "host" }],
    ["host/a@b:1", { host: "host", path: "a@b:1" }],
    ["~other/x", { host: "~other/x" }],
    ["dropbox://", { protocol: "dropbox" }],
  ];
  for (const [text, expected] of cases) {
    assert.deepEqual(parseAddress(text, { home: "/home/me" }), expected, text);
  }
});
