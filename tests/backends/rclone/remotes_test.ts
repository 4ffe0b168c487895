import type { Binding } from "../conformance.ts";
import { apache } from "../../servers/apache.ts";
import { startFtpServer, whyNoFtpServer } from "../../servers/ftp.ts";
import { isInstalled, PASSWORD, startWebDav, USER } from "../../servers/webdav.ts";
import { skip } from "../../support/skip.ts";
import { conformance } from "../conformance.ts";
import { addressAt, cannotName, Ground, hasRclone, relayAt } from "./_relay.ts";

/** A password as rclone's configuration has it. */
async function obscure(password: string): Promise<string> {
  const { stdout } = await new Deno.Command("rclone", { args: ["obscure", password] }).output();
  return new TextDecoder().decode(stdout).trim();
}

const encrypted: Binding = {
  cannotName,
  rounds: 20,
  skip: {
    // 143 characters become 255.
    "long names are kept or refused": "encrypted names are longer",
  },
  start() {
    const ground = new Ground(["[here]", "type = local"]);
    const folder = `${ground.root}/relay`;
    const address = addressAt(`here:${folder}`, ground.config, { nativePassphrase: "a key" });
    return relayAt(address, { folder, closing: ground });
  },
};

const overFtp: Binding = {
  cannotName,
  rounds: 10,
  async start() {
    await using opening = new AsyncDisposableStack();
    const server = opening.use(await startFtpServer({ program: "proftpd", tls: "plain" }));
    const ground = opening.use(
      new Ground([
        ...["[far]", "type = ftp", "host = 127.0.0.1", `port = ${server.port}`],
        // proftpd takes a star for a pattern; rclone's manual has this line for it.
        "encoding = Asterisk,Ctl,Dot,Slash",
        ...[`user = ${server.username}`, `pass = ${await obscure(server.password)}`],
      ]),
    );
    const closing = opening.move();
    return await relayAt(addressAt(`far:${server.folder}/relay`, ground.config), {
      folder: `${server.root}/relay`,
      closing,
    });
  },
};

const overWebDav: Binding = {
  cannotName,
  rounds: 10,
  async start() {
    await using opening = new AsyncDisposableStack();
    const server = opening.use(await startWebDav(apache, { login: "basic" }));
    const ground = opening.use(
      new Ground([
        ...["[far]", "type = webdav", `url = http://127.0.0.1:${server.port}/${server.path}`],
        ...["vendor = other", `user = ${USER}`, `pass = ${await obscure(PASSWORD)}`],
      ]),
    );
    const closing = opening.move();
    return await relayAt(addressAt("far:sub/relay", ground.config), {
      folder: `${server.folder}/sub/relay`,
      closing,
    });
  },
};

const BINDINGS: readonly (readonly [string, string | undefined, Binding])[] = [
  ["rclone crypt", undefined, encrypted],
  ["rclone ftp", whyNoFtpServer("proftpd"), overFtp],
  ["rclone webdav", isInstalled(apache) ? undefined : "no apache2 here", overWebDav],
];

for (const [label, whyNot, binding] of BINDINGS) {
  const reason = hasRclone() ? whyNot : "no rclone here";
  if (reason !== undefined) Deno.test(`${label} (SKIPPED)`, () => skip(reason));
  else conformance(label, binding);
}
