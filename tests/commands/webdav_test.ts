import assert from "node:assert/strict";
import { apache } from "../servers/apache.ts";
import { makeCertificates } from "../servers/certificates.ts";
import { lighttpd } from "../servers/lighttpd.ts";
import { nginx } from "../servers/nginx.ts";
import { rcloneServe } from "../servers/rclone_serve.ts";
import {
  isInstalled,
  PASSWORD,
  startWebDav,
  USER,
  type WebDavOptions,
  type WebDavProgram,
} from "../servers/webdav.ts";
import { Proxy } from "../support/proxy.ts";
import { skip } from "../support/skip.ts";
import { Yard } from "./_yard.ts";

/** Runs two clients in turn over a server; each line of options goes into both sections. */
async function exchange(
  program: WebDavProgram,
  options: WebDavOptions,
  lines: readonly string[] = [],
): Promise<void> {
  if (!isInstalled(program)) return skip(`no ${program.tool} here`);
  await using server = await startWebDav(program, options);
  await using yard = new Yard();
  const path = server.path === "" ? "" : `/${server.path}`;
  const all = [
    `address = ${
      options.certificates === undefined ? "http" : "https"
    }://127.0.0.1:${server.port}${path}/of the yard`,
    ...(options.login === undefined ? [] : [`user = ${USER}`, `password = ${yard.root}/secret`]),
    ...lines,
  ];
  Deno.writeTextFileSync(`${yard.root}/secret`, `${PASSWORD}\n`, { mode: 0o600 });
  const [a, b] = [yard.client("a", all, "webdav"), yard.client("b", all, "webdav")];
  a.write("letter", "from a");
  a.write("d/large", "0123456789".repeat(200_000));
  b.write("other", "from b");
  for (const client of [a, b, a]) {
    assert.equal(await client.once(), 0, `${client.output}\n${server.output()}`);
    assert.doesNotMatch(client.output, /all the permissions/);
  }
  assert.equal(b.read("letter"), "from a");
  assert.equal(b.read("d/large")?.length, 2_000_000);
  assert.equal(a.read("other"), "from b");
}

Deno.test("escale runs over http with its worker's permissions, and makes the relay's folder", async () => {
  await exchange(nginx, {});
});

Deno.test("escale logs in over http with Digest", async () => {
  await exchange(lighttpd, { login: "digest" }, ["index = yes"]);
});

Deno.test("escale goes through the proxy that the environment names, and needs no other way", async () => {
  using certificates = await makeCertificates();
  for (const options of [{}, { certificates }]) {
    await using proxy = await Proxy.start();
    const variable = "certificates" in options ? "https_proxy" : "HTTP_PROXY";
    Deno.env.set(variable, proxy.url);
    try {
      await exchange(nginx, options, ["verify ssl = no"]);
    } finally {
      Deno.env.delete(variable);
    }
    assert.ok(proxy.targets.length > 0);
  }
});

Deno.test("escale runs over https that is not verified", async () => {
  using certificates = await makeCertificates();
  await exchange(rcloneServe, { login: "basic", certificates }, ["verify ssl = no"]);
});

Deno.test("escale trusts the authority that NODE_EXTRA_CA_CERTS names", async () => {
  using certificates = await makeCertificates();
  Deno.env.set("NODE_EXTRA_CA_CERTS", certificates.authorityFile);
  try {
    await exchange(nginx, { login: "basic", certificates });
  } finally {
    Deno.env.delete("NODE_EXTRA_CA_CERTS");
  }
});

Deno.test("escale shows its own certificate", async () => {
  using certificates = await makeCertificates();
  await exchange(apache, { certificates, wantsClientCertificate: true }, [
    `certificate = ${certificates.clientFile}`,
    `keyfile = ${certificates.clientKeyFile}`,
    "verify ssl = no",
    "ssl version = TLSv1.2",
  ]);
});

Deno.test("escale says why a certificate does not hold, and which option accepts it", async () => {
  if (!isInstalled(nginx)) return skip(`no ${nginx.tool} here`);
  using certificates = await makeCertificates();
  await using server = await startWebDav(nginx, { certificates });
  await using yard = new Yard();
  const a = yard.client("a", [`address = 127.0.0.1:${server.port}`], "webdav");
  a.write("letter", "from a");
  assert.equal(await a.once(), 1);
  assert.match(a.output, /the server's certificate does not hold: nobody .* signed it/);
  assert.match(a.output, /"verify ssl = no"/);
});
