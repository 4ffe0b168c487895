import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";

import { skip } from "./support/skip.ts";
import { runTool, testWithTools } from "./support/tools.ts";

const SCRIPT = fileURLToPath(new URL("../.github/install.sh", import.meta.url));
const NAME = "escale-linux-x64";

/** A release on loopback with an archive of two scripts, and a machine to install it on. */
class Site implements AsyncDisposable {
  readonly root = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "escale-install-" }));
  readonly files = new Map<string, Uint8Array>();
  readonly #server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const file = this.files.get(new URL(request.url).pathname);
    return file === undefined ? new Response("", { status: 404 }) : new Response(file.slice());
  });

  constructor() {
    for (const path of [NAME, "bin", "home"]) Deno.mkdirSync(`${this.root}/${path}`);
    for (const program of ["escale", "escalectl"]) {
      this.#script(`${NAME}/${program}`, `echo ${program} 9.9.9`);
    }
    this.system("Linux", "x86_64");
    const archive = this.#archive();
    const digest = createHash("sha256").update(archive).digest("hex");
    for (const place of ["latest/download", "download/v9.9.9"]) {
      this.files.set(`/${place}/${NAME}.tar.gz`, archive);
      this.files.set(`/${place}/SHA256SUMS`, encode(`${digest}  ${NAME}.tar.gz\n`));
    }
  }

  /** What `uname` says from now on. */
  system(name: string, machine: string): void {
    this.#script("bin/uname", `case "$1" in -s) echo ${name} ;; *) echo ${machine} ;; esac`);
  }

  async install(env: Record<string, string> = {}) {
    const command = new Deno.Command("/bin/sh", {
      args: [SCRIPT],
      env: {
        HOME: `${this.root}/home`,
        PATH: `${this.root}/bin:${Deno.env.get("PATH")}`,
        ESCALE_RELEASES: `http://127.0.0.1:${this.#server.addr.port}`,
        no_proxy: "127.0.0.1",
        ...env,
      },
    });
    const { code, stdout, stderr } = await command.output();
    return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
  }

  installed(): string[] {
    try {
      return [...Deno.readDirSync(`${this.root}/home/.local/bin`)].map(({ name }) => name).sort();
    } catch {
      return [];
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
    Deno.removeSync(this.root, { recursive: true });
  }

  #script(path: string, text: string): void {
    Deno.writeTextFileSync(`${this.root}/${path}`, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }

  #archive(): Uint8Array {
    const args = ["-czf", "-", "-C", this.root, NAME];
    return new Deno.Command("tar", { args }).outputSync().stdout;
  }
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function test(name: string, work: (site: Site) => Promise<void>): void {
  testWithTools(["curl", "tar"], name, async () => {
    if (Deno.build.os === "windows") return skip("needs a POSIX shell");
    await using site = new Site();
    await work(site);
  });
}

testWithTools(["shellcheck"], "shellcheck finds nothing in install.sh", async () => {
  await runTool(["shellcheck", SCRIPT]);
});

test("install.sh installs what the checksums name, and again over it", async (site) => {
  for (const env of [{}, { ESCALE_VERSION: "v9.9.9" }]) {
    const { code, text } = await site.install(env);
    assert.equal(code, 0, text);
    assert.match(text, /Installed escale 9\.9\.9 in .*\.local\/bin\nAdd .* to your PATH/);
    assert.deepEqual(site.installed(), ["escale", "escalectl"]);
  }
});

test("install.sh installs nothing whose checksum is another or is not given", async (site) => {
  const archive = `/latest/download/${NAME}.tar.gz`;
  const original = site.files.get(archive) ?? new Uint8Array();
  site.files.set(archive, new Uint8Array([...original, 0]));
  const changed = await site.install();
  assert.equal(changed.code, 1);
  assert.match(changed.text, /error: Refused "escale-linux-x64.tar.gz": its checksum is/);
  site.files.set(archive, original);
  site.files.set("/latest/download/SHA256SUMS", encode(`${"0".repeat(64)}  other.tar.gz\n`));
  const unnamed = await site.install();
  assert.equal(unnamed.code, 1);
  assert.match(unnamed.text, /SHA256SUMS does not name it/);
  site.files.delete("/latest/download/SHA256SUMS");
  assert.match((await site.install()).text, /error: Cannot fetch ".*SHA256SUMS"/);
  assert.deepEqual(site.installed(), []);
});

test("install.sh says where there are no programs for a machine", async (site) => {
  site.system("Plan9", "x86_64");
  assert.match((await site.install()).text, /Cannot install on "Plan9"/);
  site.system("Linux", "riscv64");
  assert.match((await site.install()).text, /Cannot install on "riscv64"/);
  site.system("Darwin", "arm64");
  assert.match((await site.install()).text, /Cannot fetch ".*escale-macos-arm64.tar.gz"/);
  assert.deepEqual(site.installed(), []);
});
