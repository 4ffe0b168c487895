import assert from "node:assert/strict";
import { makeCertificates } from "../servers/certificates.ts";
import { type FtpProgram, type FtpTls, startFtpServer, whyNoFtpServer } from "../servers/ftp.ts";
import { Program } from "../support/program.ts";
import { skip } from "../support/skip.ts";
import { Yard } from "./_yard.ts";

const SERVERS: readonly (readonly [FtpProgram, FtpTls])[] = [
  ["pure-ftpd", "plain"],
  ["vsftpd", "reuse"],
  ["proftpd", "reuse"],
];

for (const [program, tls] of SERVERS) {
  Deno.test(`two escale programs agree over ${program} ${tls}, within their permissions`, async () => {
    const why = whyNoFtpServer(program);
    if (why !== undefined) return skip(why);
    using certificates = await makeCertificates();
    await using server = await startFtpServer({ program, tls, certificates });
    await using yard = new Yard();
    const secret = `${yard.root}/secret`;
    Deno.writeTextFileSync(secret, `${server.username}:${server.password}\n`, { mode: 0o600 });
    const protocol = tls === "plain" ? "ftp" : "ftps";
    const lines = [
      `address = 127.0.0.1`,
      `port = ${server.port}`,
      `directory = ${server.folder}/deep/relay`,
      `secret file = ${secret}`,
    ];
    const [a, b] = ["a", "b"].map((name) => yard.client(name, lines, protocol));
    assert(a !== undefined && b !== undefined);
    // Taken by the runtime when it starts, so that workers need no permission for it.
    const env = { NODE_EXTRA_CA_CERTS: certificates.authorityFile };
    a.write("photos/one.txt", "first");
    b.write("two.txt", "second");
    for (const { config } of [a, b, a, b, a]) {
      await using run = Program.start("escale", ["-c", config, "--once"], { env });
      assert.equal(await run.status(), 0, run.output());
      assert.doesNotMatch(run.output(), /rd%/);
    }
    assert.equal(a.read("two.txt"), "second");
    assert.equal(b.read("photos/one.txt"), "first");
  });
}
