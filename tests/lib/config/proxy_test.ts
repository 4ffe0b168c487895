import assert from "node:assert/strict";
import { type Destination, proxyAddress, proxyFor } from "../../../lib/config/proxy.ts";

type Row = readonly [Destination, Readonly<Record<string, string>>, string | undefined];

const HTTPS: Destination = { protocol: "https", host: "dav.example.org" };
const HTTP: Destination = { protocol: "http", host: "dav.example.org" };
const P = "http://proxy:3128";

const ROWS: readonly Row[] = [
  [HTTPS, {}, undefined],
  [HTTPS, { https_proxy: P }, P],
  [HTTPS, { HTTPS_PROXY: P }, P],
  [HTTPS, { https_proxy: "", HTTPS_PROXY: P }, P],
  [HTTPS, { http_proxy: P }, undefined],
  [HTTPS, { all_proxy: P }, P],
  [HTTP, { http_proxy: P }, P],
  [HTTP, { https_proxy: P }, undefined],
  [{ ...HTTP, protocol: "webdav" }, { https_proxy: P }, P],
  [{ protocol: "ftp", host: "dav.example.org" }, { all_proxy: P }, undefined],
  [{ protocol: "file" }, { all_proxy: P }, undefined],
  ...[
    ...["*", "dav.example.org", "example.org", ".example.org", "*.example.org", "DAV.Example.ORG"],
    ...["a.org, example.org", "a.org example.org", "dav.example.org:443"],
  ].map((list): Row => [HTTPS, { https_proxy: P, no_proxy: list }, undefined]),
  ...["", ",", "ample.org", "org.example", "x.dav.example.org", "dav.example.org:8443"].map((
    list,
  ): Row => [HTTPS, { https_proxy: P, no_proxy: list }, P]),
  [{ ...HTTPS, port: 8443 }, { https_proxy: P, NO_PROXY: "example.org:8443" }, undefined],
  [{ protocol: "http", host: "::1" }, { http_proxy: P, no_proxy: "[::1]" }, undefined],
  [{ protocol: "http", host: "10.0.0.1" }, { http_proxy: P, no_proxy: "10.0.0.1" }, undefined],
  ...["10.0.0.0/8", "10.0.0.1/32", "0.0.0.0/0"].map((
    list,
  ): Row => [{ protocol: "http", host: "10.0.0.1" }, { http_proxy: P, no_proxy: list }, undefined]),
  ...["11.0.0.0/8", "10.0.0.0/33", "10.0.0.0/", "::/0", "a/8"].map((
    list,
  ): Row => [{ protocol: "http", host: "10.0.0.1" }, { http_proxy: P, no_proxy: list }, P]),
  [{ protocol: "http", host: "fd00::1" }, { http_proxy: P, no_proxy: "FD00::/8" }, undefined],
];

Deno.test("proxyFor() reads the environment as other programs do", () => {
  for (const [destination, variables, expected] of ROWS) {
    const proxy = proxyFor(destination, (name) => variables[name]);
    assert.equal(proxy, expected, JSON.stringify([destination, variables]));
  }
});

Deno.test("proxyAddress() gives host and port as permissions have them", () => {
  const rows = [
    ["http://proxy:3128", "proxy:3128"],
    ["proxy:3128", "proxy:3128"],
    ["http://me:secret@proxy", "proxy:80"],
    ["http://[::1]:8080/", "[::1]:8080"],
    ["http://", undefined],
  ] as const;
  for (const [text, expected] of rows) assert.equal(proxyAddress(text), expected, text);
});
