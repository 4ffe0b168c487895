import assert from "node:assert/strict";
import { BackendError, type ObjectInfo } from "../../../backends/backend.ts";
import { infoOf, listFolder } from "../../../backends/ftp/_list.ts";
import { openSession } from "../../../backends/ftp/_login.ts";
import { codingOf } from "../../../backends/ftp/_names.ts";
import { enterRoot } from "../../../backends/ftp/_probe.ts";
import { openFtp } from "../../../backends/ftp/mod.ts";
import { makeCertificates } from "../../servers/certificates.ts";
import { type FtpProgram, startFtpServer, whyNoFtpServer } from "../../servers/ftp.ts";
import { freePort } from "../../servers/process.ts";
import { noise } from "../../support/byte_streams.ts";
import { skip } from "../../support/skip.ts";
import { sourceOf } from "../../support/sources.ts";
import { assertCode, assertStands, name, namesIn } from "../cases/case.ts";
import { addressOf, startTrusted, trustedCertificates } from "./_server_relay.ts";

const PROGRAMS: readonly FtpProgram[] = ["pure-ftpd", "vsftpd", "proftpd"];

function testEach(claim: string, run: (program: FtpProgram) => Promise<void>): void {
  for (const program of PROGRAMS) {
    Deno.test(`${program}: ${claim}`, async () => {
      const why = whyNoFtpServer(program);
      if (why === undefined) await run(program);
      else skip(why);
    });
  }
}

testEach(
  "ftp moves to TLS where the server demands it, before it sends the password",
  async (program) => {
    await using server = await startTrusted(program, "explicit");
    const lines: string[] = [];
    const address = addressOf(server, { tls: "plain" });
    await using backend = await openFtp(address, { trace: (line) => lines.push(line) });
    await backend.put(name("f"), sourceOf(noise(100)));
    await assertStands(backend, "f", noise(100));
    assert.ok(lines.indexOf("> AUTH TLS") < lines.indexOf("> PASS ***"), lines.join("\n"));
  },
);

testEach("another kind of TLS on the same port is found out after one failure", async (program) => {
  // It has no implicit TLS.
  if (program === "pure-ftpd") return;
  const port = freePort();
  for (const tls of ["explicit", "implicit"] as const) {
    await using server = await startTrusted(program, tls, { port });
    const address = addressOf(server, { tls, timeoutMs: 10_000 });
    const first = await openFtp(address).catch((thrown: unknown) => {
      assert.ok(thrown instanceof BackendError && thrown.code === "unavailable", String(thrown));
    });
    await using backend = first ?? await openFtp(address);
    await backend.put(name("f"), sourceOf(noise(100)));
    await assertStands(backend, "f", noise(100));
  }
});

testEach("ftps does not go on where the server has no TLS", async (program) => {
  await using server = await startTrusted(program, "plain");
  const lines: string[] = [];
  const error = await assertCode("unsupported", () => {
    return openFtp(addressOf(server, { tls: "explicit" }), { trace: (line) => lines.push(line) });
  });
  assert.match(error.hint ?? "", /protocol = ftp/);
  assert.deepEqual(lines.filter((line) => /^> (USER|PASS)/.test(line)), []);
});

testEach(
  "a certificate that does not hold is an error that says why, and what to do",
  async (program) => {
    await trustedCertificates();
    using others = await makeCertificates();
    await using server = await startFtpServer({ program, tls: "explicit", certificates: others });
    const lines: string[] = [];
    const address = addressOf(server, { tls: "explicit" });
    const error = await assertCode("denied", () => {
      return openFtp(address, { trace: (line) => lines.push(line) });
    });
    assert.match(error.message, /certificate of "127.0.0.1" does not hold: no trusted authority/);
    assert.match(error.hint ?? "", /NODE_EXTRA_CA_CERTS.*verify ssl = no/);
    assert.deepEqual(lines.filter((line) => /^> (USER|PASS)/.test(line)), []);

    await using backend = await openFtp({ ...address, verifyTls: false });
    await backend.put(name("f"), sourceOf(noise(100)));
    await assertStands(backend, "f", noise(100));
  },
);

testEach("a wrong password is denied, and never shown", async (program) => {
  await using server = await startTrusted(program, "plain");
  const lines: string[] = [];
  const address = addressOf(server, { tls: "plain", password: "wr0ng" });
  const error = await assertCode("denied", () => {
    return openFtp(address, { trace: (line) => lines.push(line) });
  });
  assert.doesNotMatch(`${error.message} ${error.hint} ${lines.join()}`, /wr0ng/);
});

testEach("with fewer connections than wanted the work is done with those", async (program) => {
  await using server = await startFtpServer({ program, tls: "plain", maxConnections: 2 });
  await using backend = await openFtp(addressOf(server, { tls: "plain" }));
  const names = Array.from({ length: 20 }, (_, i) => `d/${i}`);
  await Promise.all(names.map((text, i) => backend.put(name(text), sourceOf(noise(5000, i)))));
  assert.deepEqual(await namesIn(backend), names.toSorted());
});

testEach("names in latin1 stand so on the server", async (program) => {
  // It takes names in UTF-8 only, as Debian configures it.
  if (program === "proftpd") return;
  await using server = await startTrusted(program, "plain");
  // The server has the password's bytes in UTF-8.
  const password = new TextDecoder("latin1").decode(new TextEncoder().encode(server.password));
  const address = addressOf(server, { tls: "plain", encoding: "latin1", password });
  await using backend = await openFtp(address);
  await assertCode("invalid-name", () => backend.put(name("\u65e5"), sourceOf(noise(3))));
  await backend.put(name("h\u00e4"), sourceOf(noise(3)));
  await assertStands(backend, "h\u00e4", noise(3));
  const { stdout } = await new Deno.Command("ls", { args: ["-1", `${server.root}/relay`] })
    .output();
  assert.deepEqual([...stdout], [0x68, 0xe4, 0x0a]);
});

Deno.test("proftpd: odd names can be folders, but for those with a *", async () => {
  const why = whyNoFtpServer("proftpd");
  if (why !== undefined) return skip(why);
  await using server = await startTrusted("proftpd", "plain");
  await using backend = await openFtp(addressOf(server, { tls: "plain" }));
  const texts = [
    "[a] {b}",
    "-x",
    "~t",
    "a b ",
    " c",
    "tab\there",
    "%20#?",
    "\u00e4",
    "back\\slash",
  ];
  for (const text of texts) await backend.put(name(`${text}/f`), sourceOf(noise(3)));
  assert.deepEqual(await namesIn(backend), texts.map((text) => `${text}/f`).sort());
  await assertCode("invalid-name", () => backend.put(name("*/f"), sourceOf(noise(3))));
});

Deno.test("proftpd: what cannot resume sessions says so", async () => {
  const why = whyNoFtpServer("proftpd");
  if (why !== undefined) return skip(why);
  await using server = await startTrusted("proftpd", "reuse");
  const { clientFile, clientKeyFile } = await trustedCertificates();
  const own = { certificateFile: clientFile, keyFile: clientKeyFile };
  for (const changes of [own, { tlsVersion: "TLSv1.3" as const }]) {
    const address = addressOf(server, { tls: "reuse", ...changes });
    const error = await assertCode("unsupported", () => openFtp(address));
    assert.match(`${error.message} ${error.hint}`, /TLS session/);
  }
});

testEach(
  "TLS 1.3 and a client's certificate are used where sessions need not be resumed",
  async (program) => {
    await using server = await startTrusted(program, "explicit");
    const { clientFile, clientKeyFile } = await trustedCertificates();
    const own = { certificateFile: clientFile, keyFile: clientKeyFile };
    for (const changes of [own, { tlsVersion: "TLSv1.3" as const }]) {
      const folder = Object.keys(changes).join("");
      await using backend = await openFtp(
        addressOf(server, { tls: "explicit", folder, ...changes }),
      );
      await backend.put(name("f"), sourceOf(noise(300_000)));
      await assertStands(backend, "f", noise(300_000));
    }
  },
);

testEach("a large object is read slowly over TLS, and whole", async (program) => {
  await using server = await startTrusted(program, "explicit");
  await using backend = await openFtp(addressOf(server, { tls: "explicit" }));
  const sizeBytes = 24 * 1024 * 1024;
  await backend.put(name("large"), sourceOf(noise(sizeBytes)));
  let gotBytes = 0;
  for await (const chunk of await backend.get(name("large"))) {
    gotBytes += chunk.length;
    // Another call each time is slower than the server sends.
    if (gotBytes % 3 === 0) await backend.stat(name("large"));
  }
  assert.equal(gotBytes, sizeBytes);
});

testEach("a list of names tells as much as any other, hidden ones included", async (program) => {
  await using server = await startTrusted(program, "plain");
  const address = addressOf(server, { tls: "plain" });
  await using backend = await openFtp(address);
  for (const text of ["d/a b", "d/.hidden", "d/-x", "d/[q]", "d/below/f"]) {
    await backend.put(name(text), sourceOf(noise(12)));
  }
  await backend.makeFolder(name("empty"));
  const session = await openSession({
    ...{ address, host: "127.0.0.1", coding: codingOf(), facts: { listing: "NLST -a" } },
    tls: { host: "127.0.0.1", verify: true, version: "TLS" },
    trace: () => {},
  });
  try {
    await enterRoot(session, address.folder ?? "");
    const empty = await listFolder(session, name("empty"));
    assert.deepEqual(empty, { kind: "listed", entries: [] });
    const listed = await listFolder(session, name("d"));
    assert.ok(listed.kind === "listed");
    const folders = listed.entries.filter(({ kind }) => kind === "folder");
    assert.deepEqual(folders.map((entry) => entry.name), ["below"]);
    const files = listed.entries.filter(({ kind }) => kind === "file");
    const infos = files.map((entry) => infoOf(name("d"), entry)).sort(byName);
    for (const { modifiedMs } of infos) assert.ok(modifiedMs !== undefined);
    assert.deepEqual(infos, (await Array.fromAsync(backend.list(name("d")))).sort(byName));
    // What knows no options shows hidden names without.
    assert.equal(session.facts.listing, program === "pure-ftpd" ? "NLST" : "NLST -a");
  } finally {
    await session.quit();
  }
});

function byName(a: ObjectInfo, b: ObjectInfo): number {
  return a.name < b.name ? -1 : 1;
}
