import assert from "node:assert/strict";

import { parseConfiguration } from "../lib/config/load.ts";
import { fakeEnvironment } from "./lib/config/_fake_environment.ts";
import { FERNET_KEY } from "./lib/config/_load.ts";
import { blocksOf } from "./readme.ts";
import { commandOf } from "./support/program.ts";
import { skip } from "./support/skip.ts";

const blocks = blocksOf(Deno.readTextFileSync(new URL("../README.md", import.meta.url)));

Deno.test("blocksOf() finds fenced and indented blocks and what they are", () => {
  const text = [
    "Text.",
    "",
    "    [a]",
    "    local path = ~/a",
    "",
    "    # more",
    "",
    "<!-- run -->",
    "",
    "```sh",
    "true",
    "```",
    "",
    "<!-- run -->",
    "Text between.",
    "",
    "    echo = no",
    "    false",
  ];
  assert.deepEqual(blocksOf(text.join("\n")), [
    { kind: "config", text: "[a]\nlocal path = ~/a\n\n# more" },
    { kind: "run", text: "true" },
    { kind: "other", text: "echo = no\nfalse" },
  ]);
});

Deno.test("each configuration in the README can be used", () => {
  const files = ["photos.key", "ftp.password", "webdav.password"].map((name) =>
    [`/home/me/.config/escale/${name}`, name.endsWith(".key") ? FERNET_KEY : "secret"] as const
  );
  const environment = fakeEnvironment(Object.fromEntries(files));
  const examples = blocks.filter(({ kind }) => kind === "config");
  assert(examples.length >= 4, `${examples.length} found`);
  for (const { text } of examples) {
    const { sections, warnings } = parseConfiguration(wholeOf(text), {
      file: "/home/me/.config/escale/escale.conf",
      environment,
    });
    assert(sections.length > 0, text);
    assert.deepEqual(warnings, [], text);
  }
});

/** A part of a section, with what else it needs. */
function wholeOf(text: string): string {
  if (text.startsWith("[")) return text;
  const relay = text.includes("protocol =") ? "" : "protocol = file\nrelay path = /relay\n";
  return `[x]\nclient = x\npath = ~/x\nlegacy peers = no\n${relay}${text}\n`;
}

Deno.test("the README's examples do what they say, one after the other", async () => {
  if (Deno.build.os === "windows") return skip("needs a POSIX shell");
  const home = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "escale-readme-" }));
  const inHome = (text: string) => text.replaceAll("/mnt/share", `${home}/share`);
  const folder = `${home}/.config/escale`;
  for (const path of ["bin", "photos", "share/photos-relay", ".config/escale"]) {
    Deno.mkdirSync(`${home}/${path}`, { recursive: true });
  }
  for (const name of ["escale", "escalectl"] as const) {
    const command = commandOf(name).map((word) => `'${word}'`).join(" ");
    Deno.writeTextFileSync(`${home}/bin/${name}`, `#!/bin/sh\nexec ${command} "$@"\n`, {
      mode: 0o755,
    });
  }
  Deno.writeTextFileSync(`${home}/photos/a.txt`, "one\n");
  try {
    for (const { kind, text } of blocks) {
      if (kind === "run") await runScript(inHome(text), home);
      if (kind !== "config" || text.includes("protocol =") !== text.startsWith("[")) continue;
      const append = !text.startsWith("[");
      Deno.writeTextFileSync(`${folder}/escale.conf`, `${inHome(text)}\n`, { append });
    }
    await runScript("escalectl stop; escale --once", home);
    const relay = Deno.readTextFileSync(`${folder}/escale.conf`).match(/share\/new-relay/);
    assert(relay, "the relay was moved");
    const record = Deno.readTextFileSync(`${home}/share/new-relay/.a.txt.placeholder`);
    assert.match(record, /^seal: /m);
    assert(Deno.statSync(`${home}/photos-relay.tar.zst`).isFile);
  } finally {
    await runScript("escalectl stop || true", home);
    Deno.removeSync(home, { recursive: true });
  }
});

async function runScript(script: string, home: string): Promise<void> {
  const path = `${home}/bin:${Deno.env.get("PATH")}`;
  const { code, stdout, stderr } = await new Deno.Command("/bin/sh", {
    args: ["-ec", script],
    env: { HOME: home, PATH: path, DENO_DIR: denoDir(), NO_COLOR: "1" },
    cwd: home,
  }).output();
  const text = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  assert.equal(code, 0, `${script}\n${text}`);
}

/** Where the runtime keeps its packages, which does not move with the home folder. */
function denoDir(): string {
  const { stdout } = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).outputSync();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}
