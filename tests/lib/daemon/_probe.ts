/**
 * A worker that tries what its section grants, and what it does not, and logs how each attempt ended: `done`, `denied`
 * or another error. The section's configuration file is not read: its name says, as JSON, where the rest is.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";

import type { Section } from "../../../lib/config/section.ts";
import type { FromWorker, ToWorker } from "../../../lib/daemon/messages.ts";

/** What the probe is told besides its section. */
export interface ProbeFacts {
  readonly otherFolder: string;
  readonly otherState: string;
  /** A program that exists. */
  readonly program: string;
  /** Of a server on 127.0.0.1. */
  readonly port: number;
}

type Attempt = () => unknown;

self.onmessage = async ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind !== "start") return;
  const fields: Record<string, string> = {};
  for (const [name, attempt] of Object.entries(attemptsOf(data.section))) {
    fields[name] = await outcomeOf(attempt);
  }
  send({ kind: "event", event: { kind: "log", level: "info", event: "probed", fields } });
  send({ kind: "result", result: { outcome: "done" } });
};

function send(message: FromWorker): void {
  self.postMessage(message);
}

async function outcomeOf(attempt: Attempt): Promise<string> {
  try {
    await attempt();
    return "done";
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotCapable) return "denied";
    // Modules that may not be loaded are told by message alone.
    if (thrown instanceof TypeError && /^Requires \w+ access/.test(thrown.message)) return "denied";
    return String(thrown);
  }
}

function attemptsOf(
  { localPath, relay, statePath, configFile }: Section,
): Record<string, Attempt> {
  const { otherFolder, otherState, program, port }: ProbeFacts = JSON.parse(configFile);
  const own = (name: string) => join(localPath, name);
  const other = (name: string) => join(otherFolder, name);
  return {
    "write the repository": () => Deno.writeTextFileSync(own("sub.txt"), "mine"),
    "read the repository": () => Deno.readTextFileSync(own("sub.txt")),
    "list the repository": () => [...Deno.readDirSync(localPath)],
    "watch the repository": () => Deno.watchFs(localPath).close(),
    "remove from the repository": () => Deno.removeSync(own("sub.txt")),
    "write the relay": () => Deno.writeTextFileSync(join(relay.folder ?? localPath, "a"), "ours"),
    "use the state": () => useDatabase(statePath),
    "hold the state's lock": () => useDatabase(`${statePath}.run`),
    "move the state aside": () => Deno.renameSync(statePath, `${statePath}.damaged`),
    "ask for the uptime": () => Deno.osUptime(),

    "read another section's file": () => Deno.readTextFileSync(other("secret")),
    "read it by node:fs": () => readFileSync(other("secret")),
    "read it over a parent folder": () => Deno.readTextFileSync(`${localPath}/../other/secret`),
    "read it by its URL": () => Deno.readTextFileSync(pathToFileURL(other("secret"))),
    "fetch it": () => fetch(pathToFileURL(other("secret"))),
    "import from another section": () => import(pathToFileURL(other("code.js")).href),
    "list another section": () => [...Deno.readDirSync(otherFolder)],
    "look at another section": () => Deno.lstatSync(otherFolder),
    "write another section": () => Deno.writeTextFileSync(other("new"), "x"),
    "remove from another section": () => Deno.removeSync(other("secret")),
    "move it here": () => Deno.renameSync(other("secret"), own("secret")),
    "link it here": () => Deno.linkSync(other("secret"), own("secret")),
    "link to it": () => Deno.symlinkSync(other("secret"), own("link")),
    "use another section's state": () => useDatabase(otherState),
    "list the folder of the states": () => [...Deno.readDirSync(dirname(statePath))],
    "make a file beside the state": () => Deno.writeTextFileSync(`${statePath}.new`, "x"),
    "read the program": () => Deno.openSync(Deno.build.os === "windows" ? "C:\\" : "/etc/passwd"),
    "make a temporary file": () => Deno.makeTempFileSync(),

    "connect to the relay's port": async () => (await connect("127.0.0.1", port)).close(),
    "connect to another port": async () => (await connect("127.0.0.1", port + 1)).close(),
    "connect to another host": async () => (await connect("localhost", port)).close(),
    "fetch from another port": () => fetch(`http://127.0.0.1:${port + 1}/`),
    "listen": () => Deno.listen({ port: 0, hostname: "127.0.0.1" }).close(),

    "run a program": () => new Deno.Command(program).outputSync(),
    "run a program by node": () => throwError(spawnSync(program, { env: {} }).error),
    "end a process": () => process.kill(Deno.ppid, 0),
    "read a variable": () => Deno.env.get("HOME"),
    "read all variables": () => Deno.env.toObject(),
    "set a variable": () => Deno.env.set("ESCALE_PROBE", "x"),
    "ask for the host's name": () => Deno.hostname(),
    "load a library": () => Deno.dlopen(program, {}),
  };
}

function connect(hostname: string, port: number): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname, port });
}

function throwError(error: unknown): void {
  if (error !== undefined) throw error;
}

function useDatabase(file: string): void {
  const database = new DatabaseSync(file);
  database.exec("PRAGMA journal_mode = WAL; CREATE TABLE a (b); INSERT INTO a VALUES (1)");
  database.close();
}
