import assert from "node:assert/strict";
import { parseObjectName } from "../../../backends/backend.ts";
import { type Listed, multistatus, type Reply } from "../../support/dav_server.ts";
import { assertCode, listing, name, namesIn } from "../cases/case.ts";
import { Scripted } from "./_scripted.ts";

const MODIFIED = "Sun, 22 Nov 2026 09:00:00 GMT";
const ROOT: Listed = { href: "/relay/", isFolder: true, modified: MODIFIED };

/** The names in what a server lists that answers so. */
async function namesBy(reply: Reply): Promise<string[]> {
  await using scripted = await Scripted.start();
  const backend = await scripted.open();
  scripted.first = ({ headers }) => headers["depth"] === "1" ? reply : undefined;
  return await namesIn(backend);
}

Deno.test("names are told whatever form their href has", async () => {
  const rows: readonly (readonly [href: string, name: string])[] = [
    ["/relay/a%20b", "a b"],
    ["/relay/a b", "a b"],
    ["http://127.0.0.1/relay/x", "x"],
    ["https://proxy.example.org:8443/relay/x", "x"],
    ["//relay/x", "x"],
    ["x", "x"],
    ["./x", "x"],
    ["/relay/%e4%b8%ad%C3%A4", "\u4e2d\u00e4"],
    ["/relay/\u4e2d", "\u4e2d"],
    ["/relay/%61%2Eb", "a.b"],
    ["/relay/100%25", "100%"],
    ["/relay/a&amp;b&#x3c;&#62;", "a&b<>"],
    ["<![CDATA[/relay/a&b]]>", "a&b"],
    ["\n  /relay/x\n  ", "x"],
  ];
  for (const [href, expected] of rows) {
    assert.deepEqual(await namesBy(multistatus([ROOT, { href, sizeBytes: 1 }])), [expected], href);
  }
});

Deno.test("what cannot be an object's name is left out, and what is elsewhere", async () => {
  const hrefs = [
    ...["/relay/a%2Fb", "/relay/%00", "/relay/%ff", "/relay/..%2Fx", "/relay/a/b", "/other/x"],
    ...["/relay/../x", "/relay", "/relay//", "http://[bad/x", "/relay/%zz"],
  ];
  const listed = hrefs.map((href) => ({ href, sizeBytes: 1 }));
  assert.deepEqual(
    await namesBy(multistatus([ROOT, ...listed, { href: "/relay/x", sizeBytes: 1 }])),
    [
      "x",
    ],
  );
});

Deno.test("a server behind a proxy may show another path than was asked for", async () => {
  const listed = [
    { href: "/inner/files/d/", isFolder: true },
    { href: "/inner/files/", isFolder: true },
    { href: "/inner/files/x", sizeBytes: 1 },
  ];
  await using scripted = await Scripted.start();
  const backend = await scripted.open();
  scripted.first = ({ headers }) => headers["depth"] === "1" ? multistatus(listed) : undefined;
  assert.deepEqual(await namesIn(backend, "", false), ["x"]);
  // It says the same of each folder, so folders are nested without end.
  await assertCode("protocol", () => namesIn(backend));
});

Deno.test("names that a server encodes twice are told from those with a percent sign", async () => {
  for (const isTwice of [false, true]) {
    await using scripted = await Scripted.start();
    const backend = await scripted.open();
    const encode = (text: string) => encodeURIComponent(isTwice ? encodeURIComponent(text) : text);
    const texts = isTwice ? ["a b", "\u00e4"] : ["a%20b", "50%"];
    for (const text of texts) scripted.store.objects.set(`/relay/${text}`, new Uint8Array(1));
    const listed = texts.map((text) => ({ href: `/relay/${encode(text)}`, sizeBytes: 1 }));
    scripted.first = ({ headers }) =>
      headers["depth"] === "1" ? multistatus([ROOT, ...listed]) : undefined;
    assert.deepEqual(await namesIn(backend), texts.toSorted());
  }
});

Deno.test("folders are told by their type, not by slashes or content types", async () => {
  const listed: Listed[] = [
    ROOT,
    { href: "/relay/folder", isFolder: true, more: "<d:getcontenttype>httpd/x</d:getcontenttype>" },
    { href: "/relay/file/", sizeBytes: 3, more: "<d:getcontenttype/>" },
    { href: "/relay/plain", sizeBytes: 4 },
    {
      href: "/relay/other",
      sizeBytes: 5,
      more:
        '<x:collection xmlns:x="other"/><resourcetype xmlns="other"><collection/></resourcetype>',
    },
  ];
  assert.deepEqual(await namesBy(multistatus(listed)), ["file", "other", "plain"]);
});

Deno.test("times and tags are as the server tells them, as far as they tell versions apart", async () => {
  await using scripted = await Scripted.start();
  scripted.first = ({ method, headers, path }) => {
    if (method !== "PROPFIND" || path !== "/relay/") return undefined;
    const old = "Sun, 22 Nov 2020 09:00:00 GMT";
    const reply = multistatus([
      { ...ROOT, more: "<d:quota-available-bytes>-3</d:quota-available-bytes>" },
      ...(headers["depth"] === "1"
        ? [
          { href: "/relay/a", sizeBytes: 1, modified: old, etag: "&quot;one&quot;" },
          { href: "/relay/b", sizeBytes: 1, modified: old, etag: 'W/"weak"' },
          { href: "/relay/c", sizeBytes: 1, modified: MODIFIED, etag: '"fresh"' },
          { href: "/relay/d", sizeBytes: 1, etag: '"timeless"' },
          { href: "/relay/e", sizeBytes: 1, modified: "not a time" },
        ]
        : []),
    ]);
    return { ...reply, headers: { Date: "Sun, 22 Nov 2026 09:00:01 GMT" } };
  };
  const backend = await scripted.open();
  assert.equal(backend.traits.timePrecisionMs, 1000);
  assert.equal(backend.traits.knowsSpace, false);
  const oldMs = Date.UTC(2020, 10, 22, 9);
  assert.deepEqual([...(await listing(backend)).values()], [
    { name: "a", sizeBytes: 1, modifiedMs: oldMs, tag: '"one"' },
    { name: "b", sizeBytes: 1, modifiedMs: oldMs },
    { name: "c", sizeBytes: 1, modifiedMs: Date.UTC(2026, 10, 22, 9) },
    { name: "d", sizeBytes: 1, tag: '"timeless"' },
    { name: "e", sizeBytes: 1 },
  ]);
});

Deno.test("Nextcloud's answer is understood, with its quota", async () => {
  const body = `<?xml version="1.0"?>
<d:multistatus xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns" xmlns:oc="http://owncloud.org/ns">
 <d:response><d:href>/relay/</d:href>
  <d:propstat><d:prop><d:resourcetype><d:collection/></d:resourcetype>
   <d:getlastmodified>${MODIFIED}</d:getlastmodified><d:getetag>&quot;5f0&quot;</d:getetag>
   <d:quota-used-bytes>1000</d:quota-used-bytes>
   <d:quota-available-bytes>5000</d:quota-available-bytes></d:prop>
   <d:status>HTTP/1.1 200 OK</d:status></d:propstat>
  <d:propstat><d:prop><d:getcontentlength/></d:prop>
   <d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>
 <d:response><d:href>/relay/x</d:href>
  <d:propstat><d:prop><d:getcontentlength>99</d:getcontentlength></d:prop>
   <d:status>HTTP/1.1 403 Forbidden</d:status></d:propstat>
  <d:propstat><d:prop><d:getcontentlength>7</d:getcontentlength><d:resourcetype/></d:prop>
   <d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>
 <d:response><d:href>/relay/gone</d:href><d:status>HTTP/1.1 404 Not Found</d:status></d:response>
</d:multistatus>`;
  await using scripted = await Scripted.start();
  scripted.first = ({ method }) => method === "PROPFIND" ? { status: 207, body } : undefined;
  const backend = await scripted.open();
  assert.deepEqual(await backend.space(), { usedBytes: 1000, freeBytes: 5000 });
  assert.deepEqual([...(await listing(backend, "", false)).values()], [{
    name: parseObjectName("x"),
    sizeBytes: 7,
  }]);
});

Deno.test("a size that is not told is asked for", async () => {
  await using scripted = await Scripted.start();
  const backend = await scripted.open();
  scripted.first = ({ method, headers }) => {
    if (method === "HEAD") return { status: 200, headers: { "Content-Length": "1234567" } };
    return headers["depth"] === "1" ? multistatus([ROOT, { href: "/relay/x" }]) : undefined;
  };
  assert.deepEqual((await listing(backend)).get("x"), { name: name("x"), sizeBytes: 1_234_567 });
});

Deno.test("answers that are no multistatus are refused, in bounded memory", async () => {
  const good = String(multistatus([ROOT, { href: "/relay/x", sizeBytes: 1 }]).body);
  const endless = "x".repeat(70_000);
  const bodies: readonly string[] = [
    "",
    "not xml",
    good.slice(0, -1),
    good.slice(0, good.length / 2),
    `${good}<more/>`,
    good.replace("<d:multistatus", '<!DOCTYPE x [<!ENTITY e "eee">]><d:multistatus'),
    good.replace("/relay/x", "/relay/&e;"),
    good.replace("/relay/x", `/relay/${endless}`),
    good.replace("<d:prop>", `<d:prop ${endless}`),
    good.replace("<d:prop>", "<a>".repeat(100)),
    good.replace("</d:prop>", "</d:prip>"),
    '<html xmlns="DAV:"/>',
    '<multistatus xmlns="other"/>',
  ];
  for (const body of bodies) {
    await using scripted = await Scripted.start();
    const backend = await scripted.open();
    scripted.first = ({ headers }) => headers["depth"] === "1" ? { status: 207, body } : undefined;
    await assertCode("protocol", () => namesIn(backend));
  }
});

Deno.test("temporary files are not listed, and removed when their client is long dead", async () => {
  await using scripted = await Scripted.start();
  const old = ".escale-0123456789abcdef.tmp";
  const young = ".escale-fedcba9876543210.tmp";
  for (const it of [old, young, "x"]) scripted.store.objects.set(`/relay/${it}`, new Uint8Array(1));
  const backend = await scripted.open();
  scripted.first = ({ headers }) => {
    if (headers["depth"] !== "1") return undefined;
    const reply = multistatus([
      ROOT,
      { href: `/relay/${old}`, sizeBytes: 1, modified: "Sat, 21 Nov 2026 08:00:00 GMT" },
      { href: `/relay/${young}`, sizeBytes: 1, modified: "Sat, 21 Nov 2026 10:00:00 GMT" },
      { href: "/relay/x", sizeBytes: 1, modified: MODIFIED },
    ]);
    return { ...reply, headers: { Date: MODIFIED } };
  };
  await namesIn(backend);
  // The server tells no times of its own folder, so nothing is known of the age of others.
  assert.ok(scripted.store.objects.has(`/relay/${young}`));
  assert.deepEqual(await namesIn(backend), ["x"]);
});
