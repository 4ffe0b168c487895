import assert from "node:assert/strict";

import { FakeFtp } from "../support/fake_ftp.ts";
import { commandOf, Program } from "../support/program.ts";
import { skip } from "../support/skip.ts";
import { hasTool } from "../support/tools.ts";
import { run } from "./_site.ts";
import { escaleOnTerminal } from "./_terminal.ts";

/** A place for configurations and folders, removed in the end. */
class Place implements Disposable {
  readonly root: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "escale-wizard-" }));
  readonly config: string = `${this.root}/conf/escale.conf`;

  /** The paths of all that stands there. */
  names(): readonly string[] {
    const visit = (folder: string): string[] =>
      [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => [
        `${folder}/${name}`.slice(this.root.length + 1),
        ...isDirectory ? visit(`${folder}/${name}`) : [],
      ]);
    return visit(this.root).sort();
  }

  read(name: string): string {
    return Deno.readTextFileSync(`${this.root}/${name}`);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.root, { recursive: true });
  }
}

/** Runs `escale` with lines on its standard input. */
async function escaleWithLines(args: readonly string[], lines: readonly string[]) {
  const [program = "", ...flags] = commandOf("escale");
  const child = new Deno.Command(program, {
    args: [...flags, ...args],
    env: { NO_COLOR: "1" },
    ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { status: code, stdout: text(stdout), stderr: text(stderr) };
}

const FTP_ANSWERS = ["simple", "files", "FOLDER", "?", "RELAY", "me"];

/** Types what is asked up to the password. */
function ftpAnswers({ root }: Place, { port }: FakeFtp): string[] {
  const of: Readonly<Record<string, string>> = {
    FOLDER: `${root}/files`,
    RELAY: `ftp://127.0.0.1:${port}/relay`,
  };
  return FTP_ANSWERS.map((answer) => `${of[answer] ?? answer}\n`);
}

Deno.test("on a terminal, escale -i makes a configuration that works, and never shows the password", async () => {
  if (!hasTool("python3:pty")) return skip("no python3 here");
  await using server = new FakeFtp();
  using place = new Place();
  const rest = ["", "laptop\n", "\n", "\n", "\n", "\n", "\n", "\n", "\n", "\n"];
  const answers = [...ftpAnswers(place, server), "secv\u007fret\r", "\n", ...rest.slice(1)];
  const { shown, status, echoes } = await escaleOnTerminal(["-i", "-c", place.config], answers);
  assert.equal(status, 0, shown);
  assert(echoes);
  assert.doesNotMatch(shown, /secv|secret/);
  assert.match(shown, /It was reached, written, read and cleaned/);
  assert.match(shown, /an FTP server, secured/);
  assert.deepEqual(place.names(), [
    ...["conf", "conf/escale.conf", "conf/files.key", "conf/files.password", "files"],
  ]);
  for (const name of place.names().filter((it) => it.startsWith("conf/"))) {
    assert.equal((Deno.statSync(`${place.root}/${name}`).mode ?? 0) & 0o777, 0o600, name);
  }
  assert.equal(place.read("conf/files.password"), "me:secret\n");
  assert.deepEqual([...server.files.keys()], []);
  Deno.writeTextFileSync(`${place.root}/files/a.txt`, "content");
  await using client = Program.start("escale", ["-c", place.config, "--once"]);
  assert.equal(await client.status(), 0, client.output());
  assert.match(client.output(), /pushed a\.txt/);
});

Deno.test("Ctrl-C in escale -i leaves everything as it was, and the terminal too", async () => {
  if (!hasTool("python3:pty")) return skip("no python3 here");
  await using server = new FakeFtp();
  using place = new Place();
  const answers = ftpAnswers(place, server);
  const folder = [...answers.slice(0, 3), `${place.root}/relay\n`, "yes\n"];
  for (const typed of [answers.slice(0, 2), answers, [...answers, "secret\r"], folder]) {
    const last = [...typed, "abc\x03"];
    const { shown, status, echoes, left } = await escaleOnTerminal(
      ["-i", "-c", place.config],
      last,
    );
    assert.deepEqual({ status, echoes, left }, { status: 130, echoes: true, left: 0 }, shown);
    assert.deepEqual(place.names(), [], shown);
    assert.deepEqual([...server.files.keys()], []);
  }
});

Deno.test("escale -i fits a narrow window and has no colours", async () => {
  if (!hasTool("python3:pty")) return skip("no python3 here");
  using place = new Place();
  const { shown } = await escaleOnTerminal(["-i", "-c", place.config], ["?\n", "\x03"], {
    columns: 30,
  });
  // The runtime itself draws and clears a line while it starts.
  const own = shown.slice(shown.indexOf("An empty"));
  const said = own.split(/\r?\n/).filter((line) => !line.includes(": "));
  assert(said.length > 8, shown);
  assert(said.every((line) => line.length < 30), shown);
  // deno-lint-ignore no-control-regex -- escape sequences are what is looked for
  assert.doesNotMatch(own, /\x1b/);
});

Deno.test("without a terminal escale -i takes answers from standard input, and the export makes the next client", async () => {
  using place = new Place();
  const { root } = place;
  const of = (name: string) => `${root}/${name}.conf`;
  const first = await escaleWithLines(["-i", "-c", of("one")], [
    ...[
      "",
      "files",
      `${root}/one`,
      `${root}/relay`,
      "",
      "",
      "first",
      "",
      "",
      "",
      "",
      "",
      "",
      "",
      "",
    ],
  ]);
  assert.equal(first.status, 0, first.stderr);
  assert.match(first.stdout, /escale -i files\.escale/);
  const exported = await run([
    ...commandOf("escalectl"),
    ...["export", "-c", of("one"), "files", `${root}/files.escale`],
  ]);
  assert.equal(exported.status, 0, exported.stderr);
  assert.doesNotMatch(place.read("files.escale"), /one|first/);
  const second = await escaleWithLines(
    ["-i", `${root}/files.escale`, "-c", of("two"), "--yes"],
    [],
  );
  assert.equal(second.status, 2);
  assert.match(second.stderr, /Folder here.*an answer is needed/);
  const set = [`path=${root}/two`, "client=second", `key=${root}/files.key`];
  const args = ["-i", `${root}/files.escale`, "-c", of("two"), "--yes"];
  const third = await run([
    ...commandOf("escale"),
    ...args,
    ...set.flatMap((answer) => ["--set", answer]),
  ]);
  assert.equal(third.status, 0, third.stderr);
  Deno.writeTextFileSync(`${root}/one/a.txt`, "content");
  for (const name of ["one", "two"]) {
    await using client = Program.start("escale", ["-c", of(name), "--once"]);
    assert.equal(await client.status(), 0, client.output());
  }
  assert.equal(place.read("two/a.txt"), "content");
  const before = place.read("two.conf");
  const clash = await run([...commandOf("escale"), ...args, "--set", `path=${root}/three`]);
  assert.equal(clash.status, 1);
  assert.match(clash.stderr, /section "files".*one of that name already/);
  assert.equal(place.read("two.conf"), before);
});

Deno.test("escale -i says what is wrong with a relay, and ends with its status", async () => {
  using place = new Place();
  Deno.writeTextFileSync(`${place.root}/file`, "");
  const { status, stderr } = await escaleWithLines(
    ["-i", "-c", place.config, "--section", "a"],
    ["simple", `${place.root}/a`, `${place.root}/file/relay`, "yes"],
  );
  assert.equal(status, 1, stderr);
  assert.match(stderr, /Cannot look at the folder ".*\/file\/relay": Not a directory/);
  assert.match(stderr, /hint: Nothing was changed; --no-try/);
  assert.deepEqual(place.names(), ["file"]);
});

Deno.test("a signal ends escale -i while it waits for a relay that does not answer", async () => {
  using place = new Place();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const set = [`path=${place.root}/a`, `relay=http://127.0.0.1:${listener.addr.port}/x`, "user="];
  const args = ["-i", "-c", place.config, "--yes", "--section", "a"];
  await using program = Program.start("escale", [
    ...args,
    ...set.flatMap((answer) => ["--set", answer]),
  ]);
  using _connection = await listener.accept();
  program.signal("SIGINT");
  assert.equal(await program.status(), 130, program.output());
  assert.match(program.output(), /Trying the relay[^]*Nothing was changed/);
  assert.deepEqual(place.names(), []);
});
