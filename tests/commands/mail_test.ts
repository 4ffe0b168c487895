import assert from "node:assert/strict";

import { hasTool } from "../support/tools.ts";
import { mustRunAll, skip } from "../support/skip.ts";
import { Site, sleep } from "./_site.ts";

const MAIL_PORT = 25;

/** A mail server for this machine, which only the super user may be. */
class MailServer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #folder: string;

  private constructor(child: Deno.ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
  }

  static async start(): Promise<MailServer> {
    const folder = `${Deno.makeTempDirSync({ prefix: "escale-mail-" })}/box`;
    const args = ["-m", "aiosmtpd", "-n", "-l", `127.0.0.1:${MAIL_PORT}`];
    const child = new Deno.Command("python3", {
      args: [...args, "-c", "aiosmtpd.handlers.Mailbox", folder],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const server = new MailServer(child, folder);
    while (!await canConnect()) await sleep(50);
    return server;
  }

  /** The mails that came, in their order. */
  mails(): string[] {
    try {
      const names = [...Deno.readDirSync(`${this.#folder}/new`)].map(({ name }) => name).sort();
      return names.map((name) => Deno.readTextFileSync(`${this.#folder}/new/${name}`));
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) return [];
      throw cause;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await Deno.remove(this.#folder.replace(/\/box$/, ""), { recursive: true });
  }
}

async function canConnect(): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port: MAIL_PORT })).close();
    return true;
  } catch {
    return false;
  }
}

const lack = Deno.build.os !== "linux"
  ? "no such server here"
  : Deno.uid() !== 0
  ? "only the super user may listen on the port for mail"
  : hasTool("python3:aiosmtpd")
  ? undefined
  : "no aiosmtpd here";
const title = "a client that stops is told of by one mail, not by one for each failure or start";

Deno.test({
  name: lack === undefined ? title : `${title} (SKIPPED: ${lack})`,
  ignore: lack !== undefined && !mustRunAll(),
  async fn() {
    if (lack !== undefined) return skip(lack);
    await using server = await MailServer.start();
    await using site = new Site(["one"], { globals: ["maintainer = keeper@example.org"] });
    Deno.removeSync(`${site.root}/one`);
    await site.escale("-d", "-r", "1");
    await site.until("two failures", () => {
      return (site.read("site/.escale.log")?.split("is started again").length ?? 0) > 2;
    });
    await site.until("a mail", () => server.mails().length > 0);
    await site.ctl("stop");
    // Without restarts the process ends with its client, after it has sent what there is to send.
    await site.ctl("start");
    await site.until("its end", () => site.read("site.pid") === undefined);

    const [mail = "", ...others] = server.mails();
    assert.deepEqual(others, []);
    const end = mail.indexOf("\n\n");
    const head = mail.slice(0, end);
    assert.match(head, /^To: keeper@example\.org$/m);
    assert.match(head, /^Subject: Escale on \S+: a client stopped$/m);
    assert.match(head, /^Auto-Submitted: auto-generated$/m);
    const body = new TextDecoder().decode(Uint8Array.fromBase64(mail.slice(end)));
    assert.match(body, new RegExp(`configuration "${site.config}"`));
    assert.match(body, /one: .*"\/.*\/one"/);
    assert.match(body, /escalectl status/);
    const { pending } = JSON.parse(site.read("site/.notices.json") ?? "");
    assert(pending.length >= 2, "what came later waits for the next mail");
  },
});

Deno.test({
  name: "without a mail server clients go on, and the log says so once",
  ignore: Deno.build.os !== "linux",
  async fn() {
    if (await canConnect()) return skip("a mail server runs here");
    await using site = new Site(["one"], { globals: ["maintainer = keeper@example.org"] });
    Deno.removeSync(`${site.root}/one`);
    await site.escale("-d", "-r", "1");
    await site.until("two failures", () => {
      return (site.read("site/.escale.log")?.split("is started again").length ?? 0) > 2;
    });
    await site.ctl("stop");
    assert.equal(site.read("site/.escale.log")?.match(/Cannot hand a mail/g)?.length, 1);
  },
});
