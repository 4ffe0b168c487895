import assert from "node:assert/strict";
import { FakeFtp } from "../support/fake_ftp.ts";
import { commandOf, Program } from "../support/program.ts";
import { skip } from "../support/skip.ts";
import { hasTool } from "../support/tools.ts";
import { Yard } from "./_yard.ts";

/** Runs a program on a terminal of its own, types answers, and tells what was shown and whether it echoes again. */
const ON_TERMINAL = `
import os, pty, sys, termios
answers = sys.argv[1].encode().decode("unicode_escape").encode("latin1").split(b"|")
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
shown = b""
while True:
    try:
        chunk = os.read(fd, 4096)
    except OSError:
        break
    if not chunk:
        break
    shown += chunk
    if shown.rstrip(b" ").endswith(b":") and answers:
        os.write(fd, answers.pop(0))
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
echoes = bool(termios.tcgetattr(fd)[3] & termios.ECHO)
sys.stdout.write(shown.decode() + "\\nstatus %d echo %s" % (status, echoes))
`;

function lines({ port }: FakeFtp): string[] {
  return ["address = 127.0.0.1", `port = ${port}`, "directory = /relay"];
}

async function onTerminal(config: string, answers: string): Promise<string> {
  const [program = "", ...args] = commandOf("escale");
  const { stdout } = await new Deno.Command("python3", {
    args: ["-c", ON_TERMINAL, answers, program, ...args, "-c", config, "--once"],
    stdin: "null",
  }).output();
  return new TextDecoder().decode(stdout);
}

Deno.test("on a terminal a missing user and password are asked for, the password unseen", async () => {
  if (!hasTool("python3:pty")) return skip("no python3 here");
  await using server = new FakeFtp();
  await using yard = new Yard();
  const client = yard.client("a", lines(server), "ftp");
  client.write("f", "content");
  const shown = await onTerminal(client.config, "me\\n|secre\\xc3\\xb6\\x7ft\\r");
  assert.match(shown, /User at 127\.0\.0\.1: me/);
  assert.match(shown, /Password of me at 127\.0\.0\.1: /);
  assert.match(shown, /pushed f/);
  assert.match(shown, /status 0 echo True$/);
  assert.doesNotMatch(shown, /secre/);
});

Deno.test("a question that is broken off ends the program, and the terminal is as it was", async () => {
  if (!hasTool("python3:pty")) return skip("no python3 here");
  await using server = new FakeFtp();
  await using yard = new Yard();
  const client = yard.client("a", [...lines(server), "user = me"], "ftp");
  const shown = await onTerminal(client.config, "sec\\x03");
  assert.match(shown, /status 130 echo True$/);
  assert.deepEqual(server.commands, []);
});

Deno.test("without a terminal a missing password is an error", async () => {
  await using server = new FakeFtp();
  await using yard = new Yard();
  const client = yard.client("a", [...lines(server), "user = me"], "ftp");
  await using run = Program.start("escale", ["-c", client.config, "--once"]);
  assert.equal(await run.status(), 1, run.output());
  assert.match(run.output(), /no password is given\n.*Set "user" and "password"/);
});
