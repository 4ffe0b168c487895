import assert from "node:assert/strict";
import { openWebDav } from "../../../backends/webdav/mod.ts";
import { noise } from "../../support/byte_streams.ts";
import { multistatus, type Reply } from "../../support/dav_server.ts";
import { sourceOf } from "../../support/sources.ts";
import { assertCode, assertStands, listing, name, namesIn } from "../cases/case.ts";
import { Scripted } from "./_scripted.ts";
import { addressOf } from "./_servers.ts";

const SMALL = noise(1000);
const LARGE = noise(600_000);

function put(backend: Awaited<ReturnType<Scripted["open"]>>, text: string, bytes = SMALL) {
  return backend.put(name(text), sourceOf(bytes));
}

Deno.test("put() that is answered 504 looks, finds the upload whole, and does not send it again", async () => {
  for (const bytes of [SMALL, LARGE]) {
    await using scripted = await Scripted.start();
    const backend = await scripted.open();
    scripted.once("PUT", { status: 504 }, { effect: true });
    await put(backend, "f", bytes);
    await assertStands(backend, "f", bytes);
    assert.equal(scripted.server.asked.filter(({ method }) => method === "PUT").length, 1);
    assert.deepEqual([...scripted.store.objects.keys()], ["/relay/f"]);
  }
});

Deno.test("put() that is answered 504 waits for a server that is still at work", async () => {
  await using scripted = await Scripted.start();
  const backend = await scripted.open();
  let looks = 0;
  let late: (() => void) | undefined;
  scripted.first = (asked) => {
    if (asked.method === "PUT") {
      late = () => void scripted.store.answer(asked);
      return { status: 504 };
    }
    if (asked.method === "PROPFIND" && late !== undefined && ++looks === 3) late();
    return undefined;
  };
  await put(backend, "f");
  await assertStands(backend, "f", SMALL);
  assert.equal(scripted.server.asked.filter(({ method }) => method === "PUT").length, 1);
});

Deno.test("put() that a server only answers long after it was done looks, and does not send it again", async () => {
  for (const bytes of [SMALL, LARGE]) {
    await using scripted = await Scripted.start();
    const backend = await scripted.open({ timeoutMs: 300 });
    const { promise: late, resolve: answer } = Promise.withResolvers<Reply>();
    scripted.first = (asked) => {
      if (asked.method !== "PUT") return undefined;
      // As Yandex does it, which reads the whole upload again before it answers.
      scripted.store.answer(asked);
      return late;
    };
    await put(backend, "f", bytes);
    await assertStands(backend, "f", bytes);
    assert.equal(scripted.server.asked.filter(({ method }) => method === "PUT").length, 1);
    answer({ status: 201 });
  }
});

Deno.test("put() whose connection is cut fails when nothing arrived, and leaves what stood", async () => {
  await using scripted = await Scripted.start();
  const backend = await scripted.open({ timeoutMs: 300 });
  await put(backend, "f");
  scripted.first = ({ method }) => method === "PUT" ? { status: 201, cutAt: -1 } : undefined;
  const error = await assertCode("unavailable", () => put(backend, "f", LARGE));
  assert.equal(error.retryable, true);
  await assertStands(backend, "f", SMALL);
  assert.deepEqual(await namesIn(backend), ["f"]);
});

Deno.test("put() whose rename is answered 502 or cut looks at both names before it does it again", async () => {
  for (const reply of [{ status: 504 }, { status: 201, cutAt: -1 }]) {
    await using scripted = await Scripted.start();
    const backend = await scripted.open();
    scripted.once("MOVE", reply, { effect: true });
    await put(backend, "f", LARGE);
    await assertStands(backend, "f", LARGE);
    assert.equal(scripted.server.asked.filter(({ method }) => method === "MOVE").length, 1);
  }
});

Deno.test("what may not be done twice is not sent again when a connection is cut", async () => {
  await using scripted = await Scripted.start();
  const backend = await scripted.open();
  await put(backend, "f");
  const counts: number[] = [];
  for (
    const [method, call] of [
      ["MKCOL", () => backend.makeFolder(name("d"))],
      ["DELETE", () => backend.remove(name("f"))],
    ] as const
  ) {
    scripted.once(method, { status: 201, cutAt: -1 });
    const error = await assertCode("unavailable", call);
    assert.equal(error.retryable, true);
    counts.push(scripted.server.asked.filter((asked) => asked.method === method).length);
  }
  assert.deepEqual(counts, [1, 1]);
  assert.deepEqual(await namesIn(backend), ["f"]);
  // Looking may be repeated, when it was the connection that had been closed meanwhile.
  scripted.once("PROPFIND", { status: 207, cutAt: -1 });
  assert.deepEqual(await namesIn(backend), ["f"]);
});

Deno.test("put() bears a resource that is locked for a moment", async () => {
  await using scripted = await Scripted.start();
  const backend = await scripted.open();
  for (const method of ["PUT", "MOVE"]) scripted.once(method, { status: 423 });
  await put(backend, "f");
  await assertStands(backend, "f", SMALL);
  const isStuck = (asked: { readonly method: string }) => asked.method === "MOVE";
  scripted.first = (asked) => isStuck(asked) ? { status: 423 } : undefined;
  const error = await assertCode("unavailable", () => put(backend, "f"));
  assert.equal(error.retryable, true);
  assert.match(error.message, /put "f": it is locked/);
});

Deno.test("answers that ask to wait say how long", async () => {
  await using scripted = await Scripted.start();
  const backend = await scripted.open();
  const rows = [
    [429, { "Retry-After": "7" }, 7_000],
    [503, { "Retry-After": "120" }, 120_000],
    [
      503,
      {
        "Date": "Sun, 22 Nov 2026 10:00:00 GMT",
        "Retry-After": "Sun, 22 Nov 2026 10:00:30 GMT",
      },
      30_000,
    ],
    [503, { "Retry-After": "soon" }, undefined],
    [503, {}, undefined],
  ] as const;
  for (const [status, headers, waitMs] of rows) {
    scripted.once("PUT", { status, headers });
    const error = await assertCode("unavailable", () => put(backend, "f"));
    assert.deepEqual([error.retryable, error.retryAfterMs], [true, waitMs]);
  }
});

Deno.test("413 and 507 mean full, 401 and 403 denied", async () => {
  await using scripted = await Scripted.start();
  const backend = await scripted.open();
  for (
    const [status, code] of [[413, "full"], [507, "full"], [401, "denied"], [
      403,
      "denied",
    ]] as const
  ) {
    for (const bytes of [SMALL, LARGE]) {
      scripted.once("PUT", { status });
      const error = await assertCode(code, () => put(backend, "f", bytes));
      assert.equal(error.retryable, false);
      assert.match(error.message, /^Cannot put "f": /);
    }
  }
  assert.deepEqual(await namesIn(backend), []);
});

Deno.test("put() finds that the server kept less than was sent", async () => {
  await using scripted = await Scripted.start();
  const backend = await scripted.open();
  scripted.first = (asked) => {
    if (asked.method !== "PUT") return undefined;
    return scripted.store.answer({ ...asked, body: asked.body.subarray(0, 1000) });
  };
  await assertCode("protocol", () => put(backend, "f", LARGE));
  assert.deepEqual([...scripted.store.objects], []);
});

Deno.test("put() never replaces a folder, also when it was not there before", async () => {
  await using scripted = await Scripted.start();
  const backend = await scripted.open();
  scripted.first = ({ method }) => {
    if (method === "PUT") scripted.store.folders.add("/relay/f");
    return undefined;
  };
  for (const bytes of [SMALL, LARGE]) {
    scripted.store.folders.delete("/relay/f");
    await assertCode("exists", () => put(backend, "f", bytes));
  }
  assert.ok(scripted.store.folders.has("/relay/f"));
  assert.equal(scripted.store.objects.size, 0);
});

Deno.test("put() names its destination by path where a proxy changed the host", async () => {
  await using scripted = await Scripted.start();
  const backend = await scripted.open();
  scripted.first = ({ method, headers }) => {
    const isWhole = String(headers["destination"]).startsWith("http:");
    return method === "MOVE" && isWhole ? { status: 502 } : undefined;
  };
  await put(backend, "a");
  await put(backend, "b");
  assert.deepEqual(await namesIn(backend), ["a", "b"]);
  assert.equal(scripted.server.asked.filter(({ method }) => method === "MOVE").length, 3);
});

Deno.test("a server that hides names with a dot is found out, and refused", async () => {
  await using scripted = await Scripted.start();
  const backend = await scripted.open();
  scripted.first = async (asked) => {
    if (asked.method !== "PROPFIND" || asked.headers["depth"] !== "1") return undefined;
    const reply = scripted.store.answer(asked);
    const body = String(reply.body).replace(
      /<d:response><d:href>[^<]*\/\.[^<]*<.*?<\/d:response>/g,
      "",
    );
    return await Promise.resolve({ ...reply, body });
  };
  await put(backend, "shown");
  const error = await assertCode("unsupported", () => backend.create(name(".f.lock"), SMALL));
  assert.match(error.message, /does not list/);
});

Deno.test("redirects are followed when the relay is opened, on the same server only", async () => {
  await using scripted = await Scripted.start();
  scripted.first = ({ path }) =>
    path.startsWith("/old/") ? { status: 301, headers: { Location: "/relay" } } : undefined;
  const backend = await scripted.open({ folder: "old" });
  await put(backend, "f");
  assert.ok(scripted.store.objects.has("/relay/f"));

  scripted.first = () => ({ status: 302, headers: { Location: "https://example.org/relay/" } });
  const error = await assertCode("denied", () => scripted.open());
  assert.match(error.hint ?? "", /https:\/\/example\.org\/relay\//);
  scripted.first = ({ path }) => ({ status: 302, headers: { Location: path } });
  await assertCode("protocol", () => scripted.open());
});

Deno.test("get() of a folder finds no object, however the server answers", async () => {
  await using scripted = await Scripted.start();
  const backend = await scripted.open();
  await backend.makeFolder(name("d"));
  const replies = [
    { status: 301, headers: { Location: "/relay/d/" } },
    { status: 403 },
    { status: 405 },
    {
      status: 200,
      headers: { "Transfer-Encoding": "chunked" },
      body: "<html>",
    },
  ];
  for (const reply of replies) {
    scripted.once("GET", reply);
    await assertCode("not-found", () => backend.get(name("d")));
  }
});

Deno.test("get() fails when the content ends early, or comes encoded", async () => {
  await using scripted = await Scripted.start();
  const backend = await scripted.open();
  await put(backend, "f", LARGE);
  for (const cutAt of [0, 1, 70_000, 599_999]) {
    scripted.once("GET", { status: 200, body: LARGE, cutAt });
    const error = await assertCode(
      "unavailable",
      async () => await Array.fromAsync(await backend.get(name("f"))),
    );
    assert.equal(error.retryable, true);
  }
  scripted.once("GET", { status: 200, headers: { "Content-Encoding": "gzip" }, body: SMALL });
  await assertCode("protocol", () => backend.get(name("f")));
});

Deno.test("a server that does not answer is given up after the time-out", async () => {
  await using scripted = await Scripted.start();
  const backend = await scripted.open({ timeoutMs: 100 });
  const never = Promise.withResolvers<undefined>();
  scripted.first = () => never.promise;
  const error = await assertCode("unavailable", () => backend.stat(name("f")));
  assert.match(error.message, /did not answer within 0.1 s/);
  never.resolve(undefined);
});

Deno.test("what is no WebDAV server is told apart", async () => {
  const rows = [
    [{ status: 405 }, "unsupported"],
    [{ status: 501 }, "unsupported"],
    [{ status: 200, body: "<html>" }, "protocol"],
    [{ status: 403 }, "denied"],
    [{ status: 503 }, "unavailable"],
    [multistatus([{ href: "/relay", sizeBytes: 4 }]), "not-found"],
    [multistatus([]), "not-found"],
  ] as const;
  await using scripted = await Scripted.start();
  for (const [reply, code] of rows) {
    scripted.first = () => reply;
    await assertCode(code, () => scripted.open());
  }
  scripted.first = ({ method }) => method === "OPTIONS" ? { status: 405 } : undefined;
  assert.equal((await scripted.open()).traits.exclusiveFolder, false);
});

Deno.test("openWebDav() makes a folder that is missing, with those above it", async () => {
  await using scripted = await Scripted.start();
  const backend = await scripted.open({ folder: "relay/a/b c" });
  await put(backend, "f");
  assert.deepEqual([...scripted.store.objects.keys()], ["/relay/a/b c/f"]);
});

Deno.test("nobody listens: an error that says so, which passes", async () => {
  await using scripted = await Scripted.start();
  const { port } = scripted.server;
  await scripted[Symbol.asyncDispose]();
  const error = await assertCode(
    "unavailable",
    () => openWebDav(addressOf({ port, path: "relay" })),
  );
  assert.match(error.message, /nobody listens there/);
  assert.equal(error.retryable, true);
});

Deno.test("an idle poll is one request", async () => {
  await using scripted = await Scripted.start();
  const backend = await scripted.open();
  await put(backend, "f");
  scripted.server.asked.length = 0;
  for (let i = 0; i < 3; i++) await listing(backend);
  assert.deepEqual(scripted.server.lines, Array.from({ length: 3 }, () => "PROPFIND /relay/"));
});
