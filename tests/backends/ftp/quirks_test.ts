import assert from "node:assert/strict";
import type { Backend, RelayAddress } from "../../../backends/backend.ts";
import { openFtp } from "../../../backends/ftp/mod.ts";
import { withRetries } from "../../../backends/retry.ts";
import { collect, noise } from "../../support/byte_streams.ts";
import { FakeFtp, type FakeFtpQuirks } from "../../support/fake_ftp.ts";
import { sourceOf } from "../../support/sources.ts";
import { assertCode, assertStands, name, namesIn } from "../cases/case.ts";
import { conformance } from "../conformance.ts";

function addressOf({ port }: FakeFtp, changes: Partial<RelayAddress> = {}): RelayAddress {
  return {
    protocol: "ftp",
    host: "127.0.0.1",
    port,
    folder: "/relay",
    username: "me",
    password: "secret",
    verifyTls: true,
    maxTransfers: 2,
    timeoutMs: 5_000,
    ...changes,
  };
}

async function withServer(
  quirks: FakeFtpQuirks,
  body: (backend: Backend, server: FakeFtp) => Promise<void>,
): Promise<void> {
  await using server = new FakeFtp(quirks);
  await using backend = await openFtp(addressOf(server));
  await body(backend, server);
}

async function assertWorks(backend: Backend): Promise<void> {
  for (const text of ["a", ".hidden", "d/ e [1]", "d/f/g"]) {
    await backend.put(name(text), sourceOf(noise(100_000, text.length)));
  }
  assert.deepEqual(await namesIn(backend), [".hidden", "a", "d/ e [1]", "d/f/g"]);
  for (const text of ["a", ".hidden", "d/ e [1]", "d/f/g"]) {
    await assertStands(backend, text, noise(100_000, text.length));
  }
  await backend.put(name("a"), sourceOf(noise(7)));
  await assertStands(backend, "a", noise(7));
  assert.equal(await backend.remove(name("a")), true);
  assert.equal(await backend.stat(name("a")), undefined);
}

const NAMES_ALONE: FakeFtpQuirks = { mlsd: "missing", hasNoList: true };

const WORKING: Readonly<Record<string, FakeFtpQuirks>> = {
  "keeps to the documents": {},
  "has no EPSV, and a private address in PASV": { hasOnlyPrivatePasv: true },
  "has no MLSD": { mlsd: "missing" },
  "lists as DOS": { mlsd: "missing", listing: "dos" },
  "lists as IIS": { mlsd: "missing", listing: "iis" },
  "claims MLSD without having it": { mlsd: "lying" },
  "hides names in MLSD": { mlsd: "hiding" },
  "sends something else for MLSD": { mlsd: "foreign" },
  "lists names alone": NAMES_ALONE,
  "lists names alone, beside what nobody understands": { mlsd: "missing", listing: "foreign" },
  "lists the paths of names alone, with times": { ...NAMES_ALONE, nlst: "paths", hasTimes: true },
  "lists names alone, and all of them": { ...NAMES_ALONE, nlst: "without options" },
  "lists names alone, and no empty folder": { ...NAMES_ALONE, nlst: "refusing" },
  "lists names alone, and loses commands": { ...NAMES_ALONE, losesCommands: true },
  "sends its replies byte by byte": { isSplit: true },
  "loses commands that come together": { losesCommands: true },
  "refuses renames onto what stands there": { refusesReplace: true },
  "confirms before the data end": { confirmsEarly: true },
};

for (const [claim, quirks] of Object.entries(WORKING)) {
  Deno.test(`all is well with a server that ${claim}`, async () => {
    await withServer(quirks, assertWorks);
  });
}

conformance("fake server that refuses to replace", {
  start() {
    const server = new FakeFtp({ refusesReplace: true });
    return {
      open: () => openFtp(addressOf(server)),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
  rounds: 5,
  cannotName: (text) => /[\r\n]/.test(text) ? "a command is one line" : undefined,
});

Deno.test("the trait says whether a rename replaces, and nothing is left behind", async () => {
  for (const refusesReplace of [false, true]) {
    await withServer({ refusesReplace }, async (backend, server) => {
      assert.equal(backend.traits.atomicReplace, !refusesReplace);
      await backend.put(name("f"), sourceOf(noise(10, 1)));
      await backend.put(name("f"), sourceOf(noise(20, 2)));
      assert.deepEqual([...server.files.keys()], ["/relay/f"]);
    });
  }
});

Deno.test("a refused name is an error, and leaves nothing behind", async () => {
  await withServer({}, async (backend, server) => {
    server.quirks.refused = /bad/;
    await assertCode("denied", () => backend.put(name("bad"), sourceOf(noise(3))));
    await assertCode("invalid-name", () => backend.put(name("bad*"), sourceOf(noise(3))));
    assert.deepEqual([...server.files.keys()], []);
  });
});

Deno.test("a line break never reaches the server", async () => {
  await withServer({}, async (backend, server) => {
    const before = server.commands.length;
    for (const text of ["a\r\nDELE b", "a\nb", "a\rb"]) {
      await assertCode("invalid-name", () => backend.put(name(text), sourceOf(noise(3))));
      await assertCode("invalid-name", () => backend.stat(name(text)));
      await assertCode("invalid-name", () => backend.remove(name(text)));
      await assertCode("invalid-name", () => backend.makeFolder(name(text)));
    }
    assert.equal(server.commands.length, before);
  });
});

Deno.test("a transfer broken off half-way is a passing failure and changes nothing", async () => {
  for (const reply of ["426 Connection closed", "451 Local error"]) {
    await withServer({}, async (backend, server) => {
      await backend.put(name("f"), sourceOf(noise(200_000, 1)));
      for (
        const call of [
          () => backend.put(name("f"), sourceOf(noise(200_000, 2))),
          async () => void await collect(await backend.get(name("f"))),
        ]
      ) {
        server.quirks.broken = { times: 1, reply };
        assert.equal((await assertCode("unavailable", call)).retryable, true);
        await assertStands(backend, "f", noise(200_000, 1));
      }
      assert.deepEqual([...server.files.keys()], ["/relay/f"]);
    });
  }
});

Deno.test("a download that ends early is no success, whatever the server says", async () => {
  for (const quirks of [{}, { confirmsEarly: true }]) {
    await withServer(quirks, async (backend, server) => {
      for (const size of [1000, 300_000]) {
        await backend.put(name("f"), sourceOf(noise(size)));
        server.quirks.truncated = 1;
        await assertCode("unavailable", async () => await collect(await backend.get(name("f"))));
        server.quirks.truncated = 1;
        await assertCode("unavailable", () => backend.read(name("f"), { maxBytes: size }));
        await assertStands(backend, "f", noise(size));
      }
    });
  }
});

Deno.test("a session that the server ends, or a cut, is a passing failure; the next call goes on", async () => {
  await withServer({}, async (backend, server) => {
    await backend.put(name("f"), sourceOf(noise(10)));
    server.quirks.goodbyes = 1;
    assert.equal((await assertCode("unavailable", () => backend.stat(name("f")))).retryable, true);
    await assertStands(backend, "f", noise(10));
    const lasting = withRetries(backend, { firstWaitMs: 1 });
    for (const size of [10, 500_000]) {
      server.cut();
      await lasting.put(name("f"), sourceOf(noise(size)));
      server.cut();
      await assertStands(lasting, "f", noise(size));
    }
  });
});

Deno.test("endless replies and lines are cut off", async () => {
  for (const line of ["211-and so on\r\n", "211 without an end ", "no code at all\r\n"]) {
    await using server = new FakeFtp({ endless: { command: "FEAT", line } });
    await assertCode("protocol", () => openFtp(addressOf(server)));
  }
});

Deno.test("with fewer connections than wanted the work is done with those", async () => {
  await withServer({ maxConnections: 1 }, async (backend) => {
    const names = Array.from({ length: 12 }, (_, i) => `d/${i}`);
    await Promise.all(names.map((text, i) => backend.put(name(text), sourceOf(noise(5000, i)))));
    await Promise.all(names.map((text, i) => assertStands(backend, text, noise(5000, i))));
  });
});

Deno.test("a wrong password is an error that does not show it, nor does the trace", async () => {
  await using server = new FakeFtp();
  const lines: string[] = [];
  const error = await assertCode("denied", () => {
    const address = addressOf(server, { password: "wr0ng" });
    return openFtp(address, { trace: (line) => lines.push(line) });
  });
  assert.match(error.message, /refuses the user "me"/);
  assert.equal(error.retryable, false);
  assert.ok(lines.includes("> PASS ***"));
  assert.doesNotMatch(`${error.message} ${error.hint} ${lines.join()}`, /wr0ng/);
});

Deno.test("ftps never goes on without TLS", async () => {
  await using server = new FakeFtp();
  const error = await assertCode(
    "unsupported",
    () => openFtp(addressOf(server, { protocol: "ftps" })),
  );
  assert.match(error.message, /it has no TLS/);
  assert.equal(server.count("USER") + server.count("PASS"), 0);
});

Deno.test("an idle look is one listing on a connection that stands", async () => {
  await withServer({}, async (backend, server) => {
    await Array.fromAsync(backend.list(""));
    server.commands.splice(0);
    await Array.fromAsync(backend.list(""));
    assert.deepEqual(server.commands, ["EPSV", "MLSD /relay"]);
  });
});

Deno.test("a small object costs few commands", async () => {
  await withServer({}, async (backend, server) => {
    await backend.put(name("d/first"), sourceOf(noise(3)));
    server.commands.splice(0);
    await backend.put(name("d/f"), sourceOf(noise(10)));
    const verbs = () => server.commands.splice(0).map((command) => command.slice(0, 4));
    // The port of each but the first transfer was asked for at the end of the one before.
    assert.deepEqual(verbs(), ["STOR", "SIZE", "RNFR", "RNTO", "EPSV"]);
    await backend.read(name("d/f"), { maxBytes: 10 });
    assert.deepEqual(server.commands.splice(0), ["SIZE /relay/d/f", "RETR /relay/d/f"]);
    await backend.read(name("d/f"), { maxBytes: 10 });
    assert.deepEqual(server.commands.splice(0), ["EPSV", "SIZE /relay/d/f", "RETR /relay/d/f"]);
    assert.equal(await backend.create(name("d/g"), noise(3)), true);
    assert.deepEqual(verbs(), ["EPSV", "MLST", "STOR", "SIZE", "RNFR", "RNTO", "EPSV"]);
  });
});

Deno.test("short calls at the same time are sent together, and each gets its own answer", async () => {
  await withServer({}, async (backend, server) => {
    const names = ["a", "b", "c", "d"].map(name);
    await backend.put(name("b"), sourceOf(noise(1)));
    server.commands.splice(0);
    const made = await Promise.all(names.map((it) => backend.makeFolder(it)));
    assert.deepEqual(made, [true, false, true, true]);
    assert.deepEqual(
      server.commands.splice(0).slice(0, 4),
      ["MKD /relay/a", "MKD /relay/b", "MKD /relay/c", "MKD /relay/d"],
    );
    const removed = await Promise.all(names.map((it) => backend.removeFolder(it)));
    assert.deepEqual(removed, [true, false, true, true]);
    assert.deepEqual(await Promise.all(names.map((it) => backend.remove(it))), [
      ...[false, true, false, false],
    ]);
  });
});

Deno.test("space() counts what stands", async () => {
  await withServer({}, async (backend) => {
    await backend.put(name("a"), sourceOf(noise(10)));
    await backend.put(name("d/b"), sourceOf(noise(20)));
    assert.deepEqual(await backend.space(), { usedBytes: 30 });
  });
});
