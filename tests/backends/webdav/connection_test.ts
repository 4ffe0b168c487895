import assert from "node:assert/strict";
import { createServer } from "node:net";
import { getCACertificates } from "node:tls";
import type { RelayAddress } from "../../../backends/backend.ts";
import { openWebDav } from "../../../backends/webdav/mod.ts";
import { type Certificates, makeCertificates } from "../../servers/certificates.ts";
import { apache } from "../../servers/apache.ts";
import { lighttpd } from "../../servers/lighttpd.ts";
import { nginx, plainNginx } from "../../servers/nginx.ts";
import { trustOnly } from "../../servers/trust.ts";
import { isInstalled, type WebDavOptions, type WebDavProgram } from "../../servers/webdav.ts";
import { endlessStream, noise } from "../../support/byte_streams.ts";
import { Proxy } from "../../support/proxy.ts";
import { skip } from "../../support/skip.ts";
import { sourceOf } from "../../support/sources.ts";
import { assertCode, assertStands, name, namesIn } from "../cases/case.ts";
import { addressOf, type OpenServer, PROGRAMS, serve } from "./_servers.ts";

const LARGE = noise(2_000_000);

/** Puts and gets a small and a large object. */
async function use(opened: OpenServer, changes: Partial<RelayAddress> = {}): Promise<void> {
  await using backend = await opened.open(changes);
  for (const [text, bytes] of [["d/small", noise(100)], ["d/large", LARGE]] as const) {
    await backend.put(name(text), sourceOf(bytes));
    await assertStands(backend, text, bytes);
  }
  assert.deepEqual(await namesIn(backend), ["d/large", "d/small"]);
}

/** Trusts the authority of `certificates` until it is disposed of. */
function trust({ authorityFile }: Certificates): Disposable {
  const before = getCACertificates("default");
  trustOnly([Deno.readTextFileSync(authorityFile)]);
  return { [Symbol.dispose]: () => trustOnly(before) };
}

function test(title: string, programs: readonly WebDavProgram[], run: () => Promise<void>): void {
  Deno.test(title, async () => {
    const missing = programs.find((program) => !isInstalled(program));
    if (missing !== undefined) return skip(`no ${missing.tool} here`);
    await run();
  });
}

for (const program of PROGRAMS) {
  test(
    `${program.name} is reached over https with each login, by name and by number`,
    [program],
    async () => {
      using certificates = await makeCertificates();
      using _trust = trust(certificates);
      for (const login of program.logins) {
        await using opened = await serve(program, { certificates, login });
        await use(opened);
        await use(opened, { protocol: "webdav", host: "localhost", tlsVersion: "TLSv1.2" });
        if (login === "none") continue;
        const wrong = await assertCode("denied", () => opened.open({ password: "wrong" }));
        assert.match(wrong.message, /does not accept the user's name and password/);
        const { username: _u, password: _p, ...nobody } = addressOf(opened.server, {
          certificates,
          login,
        });
        const missing = await assertCode("denied", () => openWebDav(nobody));
        assert.match(missing.hint ?? "", /Set "user" and "password"/);
      }
    },
  );
}

for (const allowsInfinity of [false, true]) {
  const title = `listings go level by level whether all at once is ${
    allowsInfinity ? "allowed" : "refused"
  }`;
  test(title, [apache, lighttpd], async () => {
    for (const program of [apache, lighttpd]) {
      await using opened = await serve(program, { allowsInfinity });
      await use(opened);
    }
  });
}

test("a certificate that does not hold is refused, unless it need not", [nginx], async () => {
  using certificates = await makeCertificates();
  await using opened = await serve(nginx, { certificates });
  const error = await assertCode("denied", () => opened.open());
  assert.match(
    error.message,
    /certificate does not hold: nobody that this machine trusts signed it/,
  );
  assert.match(error.hint ?? "", /"verify ssl = no"/);
  await use(opened, { verifyTls: false });
});

test("a certificate for another host is refused", [nginx], async () => {
  using certificates = await makeCertificates();
  using _trust = trust(certificates);
  // The client's certificate is by the same authority, but names no host.
  const { clientFile: serverFile, clientKeyFile: serverKeyFile } = certificates;
  await using opened = await serve(nginx, {
    certificates: { ...certificates, serverFile, serverKeyFile },
  });
  const error = await assertCode("denied", () => opened.open());
  assert.match(error.message, /certificate does not hold/);
});

test("the client's own certificate is shown to a server that asks", [apache], async () => {
  using certificates = await makeCertificates();
  using _trust = trust(certificates);
  const options: WebDavOptions = { certificates, wantsClientCertificate: true };
  await using opened = await serve(apache, options);
  const { clientFile: certificateFile, clientKeyFile: keyFile } = certificates;
  await use(opened, { certificateFile, keyFile });
  await assertCode(undefined, () => opened.open());
  await assertCode("denied", () => opened.open({ certificateFile: "/no/such.pem" }));
});

test(
  "a version of TLS that the server does not speak is not replaced by another",
  [nginx],
  async () => {
    using certificates = await makeCertificates();
    using _trust = trust(certificates);
    // Debian's nginx speaks nothing newer than 1.2 unless it is told to.
    await using opened = await serve(nginx, { certificates });
    await assertCode(undefined, () => opened.open({ tlsVersion: "TLSv1.3" }));
    await use(opened, { tlsVersion: "TLSv1.2" });
  },
);

test("nginx without listings is refused with a reason", [plainNginx], async () => {
  await using opened = await serve(plainNginx);
  const error = await assertCode("unsupported", () => opened.open());
  assert.match(error.message, /does not know PROPFIND/);
});

test("a server's limit for one request means full", [nginx, apache], async () => {
  for (const program of [nginx, apache]) {
    await using opened = await serve(program, { maxBodyBytes: 1_000_000 });
    await using backend = await opened.open();
    await backend.put(name("f"), sourceOf(noise(10)));
    const error = await assertCode("full", () => backend.put(name("f"), sourceOf(LARGE)));
    assert.equal(error.retryable, false);
    await assertStands(backend, "f", noise(10));
    assert.deepEqual(await namesIn(backend), ["f"]);
  }
});

test("an upload that is cut leaves what stood, on every server", PROGRAMS, async () => {
  for (const program of PROGRAMS) {
    await using opened = await serve(program);
    await using backend = await opened.open();
    for (const size of [100_000, 3_000_000]) {
      await backend.put(name("f"), sourceOf(noise(10)));
      await cutUpload(opened.server.port, `/${opened.server.path}/f`.replace("//", "/"), size);
      if (backend.traits.atomicReplace) await assertStands(backend, "f", noise(10));
      assert.deepEqual(await namesIn(backend), ["f"]);
    }
  }
});

/** Sends all but the last byte of a PUT under the final name, as a dying client would, and ends the connection. */
async function cutUpload(port: number, path: string, size: number): Promise<void> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const head = `PUT ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`;
  for (const bytes of [new TextEncoder().encode(head), noise(size - 1)]) {
    for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
  }
  await connection.closeWrite();
  // The server says that it has given up, or closes.
  const answer = new Uint8Array(1000);
  while (await connection.read(answer).catch(() => null) !== null);
}

test("a proxy is used for http and https, and is told who is there", [nginx], async () => {
  using certificates = await makeCertificates();
  using _trust = trust(certificates);
  for (const options of [{}, { certificates }]) {
    await using proxy = await Proxy.start();
    await using opened = await serve(nginx, options);
    await use(opened, { proxy: proxy.url });
    const target = "certificates" in options
      ? `CONNECT 127.0.0.1:${opened.server.port}`
      : `PROPFIND http://127.0.0.1:${opened.server.port}/`;
    assert.ok(proxy.targets.includes(target), proxy.targets.join());
    assert.deepEqual([...new Set(proxy.logins)], [`Basic ${btoa("joe:s@crt")}`]);
  }
});

test("content that nobody reads over https stays on the server", [nginx], async () => {
  using certificates = await makeCertificates();
  using _trust = trust(certificates);
  await using proxy = await Proxy.start();
  await using opened = await serve(nginx, { certificates });
  const sizeBytes = 200_000_000;
  using file = await Deno.create(`${opened.server.folder}/large`);
  await file.truncate(sizeBytes);
  await using backend = await opened.open({ proxy: proxy.url });
  const held = (await backend.get(name("large"))).getReader();
  await held.read();
  // All of it passes beside the reader that waits.
  let readBytes = 0;
  for await (const chunk of await backend.get(name("large"))) readBytes += chunk.length;
  assert.equal(readBytes, sizeBytes);
  const [least = 0] = proxy.tunnelledBytes.toSorted((a, b) => a - b);
  assert.ok(proxy.tunnelledBytes.length === 2 && least < 60_000_000, proxy.tunnelledBytes.join());
  await held.cancel();
});

test("an upload takes no more memory than a few chunks", [nginx], async () => {
  await using opened = await serve(nginx);
  await using backend = await opened.open();
  const sizeBytes = 400_000_000;
  let mostBytes = 0;
  const before = Deno.memoryUsage().external;
  const taken = () => mostBytes = Math.max(mostBytes, Deno.memoryUsage().external - before);
  const open = () => endlessStream(sizeBytes, noise(256 * 1024), taken);
  await backend.put(name("large"), { sizeBytes, open });
  assert.equal((await backend.stat(name("large")))?.sizeBytes, sizeBytes);
  assert.ok(mostBytes < sizeBytes / 2, `${mostBytes} bytes are held`);
});

Deno.test("a proxy of another kind is refused, and one that does not answer is named", async () => {
  const address = addressOf({ port: 9, path: "" }, {}, { protocol: "https" });
  await assertCode("unsupported", () => openWebDav({ ...address, proxy: "socks5://127.0.0.1:1" }));
  const refusing = createServer((socket) => {
    socket.on("error", () => {});
    socket.resume();
    socket.end("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", () => {
      socket.destroy();
    });
  });
  await new Promise<void>((resolve) => refusing.listen(0, "127.0.0.1", resolve));
  const listening = refusing.address();
  const port = typeof listening === "object" && listening !== null ? listening.port : 0;
  try {
    const error = await assertCode(
      "denied",
      () => openWebDav({ ...address, proxy: `http://127.0.0.1:${port}` }),
    );
    assert.match(error.message, /through the proxy: it asks who is there/);
  } finally {
    await new Promise<void>((resolve) => refusing.close(() => resolve()));
  }
});
