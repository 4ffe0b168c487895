/**
 * The demonstration: two clients with a folder each and a relay directory between them, run as a user runs them. It
 * edits on both sides while they run, makes a conflict, and ends with status 0 only if both folders are identical
 * and nothing was lost.
 *
 * `deno task demo` works in a new temporary folder, `deno task demo DIR` in DIR, which must be empty or missing.
 */
import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { messageOf } from "../lib/errors.ts";
import { Program } from "./support/program.ts";

const SMALL_FILES = 300;
const BIG_BYTES = 50 * 1024 * 1024;
const DEADLINE_MS = 55_000;
/** Of the first exchange only so many lines a client are shown. */
const LINES_SHOWN = 4;

interface Side {
  readonly name: string;
  readonly folder: string;
  readonly config: string;
}

const startMs = Date.now();
const root = makeRoot(Deno.args[0]);
const relay = join(root, "relay");
Deno.mkdirSync(relay);
const sides: readonly [Side, Side] = [makeSide("laptop"), makeSide("desktop")];
const [laptop, desktop] = sides;
/** What must stand in the end: digests of contents, with what to call them. */
const precious = new Map<string, string>();

try {
  await main();
} catch (cause) {
  // Thrown, not exited on the spot: both clients are ended first.
  Deno.stderr.writeSync(new TextEncoder().encode(`demo: failed: ${messageOf(cause)}\n`));
  Deno.exitCode = 1;
}

async function main(): Promise<void> {
  step(`Two folders and a relay in ${root}`);
  fill();
  step("Both clients start; each pushes what it has and pulls the rest");
  await using first = start(laptop);
  await using second = start(desktop);
  const programs = [first, second];
  await untilIdentical("the first exchange", programs);
  quote(programs);

  step("An edit on each side, and a new file");
  write(laptop, "notes/plan.txt", "Edited on the laptop\n");
  write(desktop, "letters/draft.txt", "Edited on the desktop\n");
  write(desktop, "new/from the desktop.txt", "New\n");
  await untilIdentical("the edits", programs);
  quote(programs);

  step("Both change the same file at the same time");
  write(laptop, "notes/shared.txt", "What the laptop wrote\n");
  write(desktop, "notes/shared.txt", "What the desktop wrote\n");
  await untilIdentical("the conflict", programs);
  quote(programs);
  const copies = [...listFiles(laptop.folder).keys()].filter((path) => path.includes(".conflict-"));
  check(copies.length === 1, `one conflict copy should stand, not ${copies.length}`);

  step("Both clients are asked to stop");
  for (const program of programs) {
    const status = await program.stop();
    // Windows has no way to ask another process to stop.
    const isStopped = status === 130 || status === 0 || Deno.build.os === "windows";
    check(isStopped, `a stopped client ended with status ${status}`);
  }
  verify();
  const seconds = ((Date.now() - startMs) / 1000).toFixed(1);
  step(`Done in ${seconds} s: both folders are identical, and nothing was lost`);
  tellHowToGoOn(copies);
}

function makeRoot(wanted: string | undefined): string {
  if (wanted === undefined) {
    return Deno.realPathSync(Deno.makeTempDirSync({ prefix: "escale-demo-" }));
  }
  const root = resolve(wanted);
  Deno.mkdirSync(root, { recursive: true });
  if ([...Deno.readDirSync(root)].length > 0) {
    fail(`"${root}" is not empty: name a new folder`);
  }
  return Deno.realPathSync(root);
}

function makeSide(name: string): Side {
  const folder = join(root, name);
  Deno.mkdirSync(folder);
  const config = join(root, `${name}.conf`);
  const lines = [
    "[demo]",
    `client = ${name}`,
    `path = ${folder}`,
    "protocol = file",
    `relay path = ${relay}`,
    "refresh = 1",
    "legacy peers = no",
  ];
  Deno.writeTextFileSync(config, lines.join("\n") + "\n");
  return { name, folder, config };
}

/** Real files for both sides: nested, empty, with names of all kinds, and a large one. */
function fill(): void {
  for (let index = 0; index < SMALL_FILES; index++) {
    const side = index % 3 === 0 ? desktop : laptop;
    const kind = ["letters/letter", "photos/2026/été/image", "données/表/τιμή"][index % 3];
    write(side, `${kind} ${index}.txt`, `File ${index}\n`.repeat(index % 40));
  }
  write(laptop, "empty.txt", "");
  write(desktop, "empty too/نص فارغ.txt", "");
  write(laptop, "notes/plan.txt", "First plan\n", { replaced: true });
  write(desktop, "letters/draft.txt", "First letter\n", { replaced: true });
  write(laptop, "notes/shared.txt", "Before both changed it\n", { replaced: true });
  const big = new Uint8Array(BIG_BYTES);
  for (let at = 0; at < big.length; at += 65_536) {
    crypto.getRandomValues(big.subarray(at, Math.min(at + 65_536, big.length)));
  }
  write(laptop, "video/film.bin", big);
}

/** Writes a file; unless it is to be `replaced` later on, its content must stand in the end. */
function write(
  side: Side,
  path: string,
  content: string | Uint8Array,
  options: { readonly replaced?: boolean } = {},
): void {
  const file = join(side.folder, path);
  Deno.mkdirSync(join(file, ".."), { recursive: true });
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  if (!options.replaced) precious.set(digestOf(bytes), `${path} of the ${side.name}`);
  Deno.writeFileSync(file, bytes);
}

function start(side: Side): Program {
  return Program.start("escale", ["-c", side.config], { label: side.name });
}

/** Shows what the clients have said since the last time, a long list cut. */
function quote(programs: readonly Program[]): void {
  for (const program of programs) {
    const lines = program.takeLines().filter((line) => !line.startsWith("round "));
    for (const line of lines.slice(0, LINES_SHOWN)) say(`  [${program.label}] ${line}`);
    if (lines.length > LINES_SHOWN) {
      say(`  [${program.label}] ... and ${lines.length - LINES_SHOWN} more lines`);
    }
  }
}

/** Waits until both folders hold the same files and all that is precious. */
async function untilIdentical(what: string, programs: readonly Program[]): Promise<void> {
  for (;;) {
    if (isSettled()) return;
    for (const program of programs) {
      check(
        program.isRunning,
        `the client on the ${program.label} ended by itself:\n${lastLines(program.output())}`,
      );
    }
    const outputs = programs.map((program) => lastLines(program.output())).join("\n");
    check(Date.now() - startMs < DEADLINE_MS, `${what} took too long:\n${outputs}`);
    await new Promise((resume) => setTimeout(resume, 100));
  }
}

/** Sizes are compared first, so that waiting costs little. */
function isSettled(): boolean {
  const [ours, theirs] = [listFiles(laptop.folder), listFiles(desktop.folder)];
  if (ours.size !== theirs.size) return false;
  for (const [path, sizeBytes] of ours) if (theirs.get(path) !== sizeBytes) return false;
  const digests = digestsOf(laptop);
  const others = digestsOf(desktop);
  for (const [path, digest] of digests) if (others.get(path) !== digest) return false;
  const standing = new Set(digests.values());
  return [...precious.keys()].every((digest) => standing.has(digest));
}

function verify(): void {
  check(isSettled(), "the folders differ after both clients stopped");
  const standing = new Set(digestsOf(desktop).values());
  for (const [digest, name] of precious) check(standing.has(digest), `${name} is lost`);
  const left = [...listFiles(relay, { hidden: true }).keys()].filter((name) =>
    !name.endsWith(".placeholder")
  );
  check(
    left.length === 0,
    `the relay should hold nothing but placeholders, not ${left.join(", ")}`,
  );
}

function digestsOf(side: Side): Map<string, string> {
  const paths = [...listFiles(side.folder).keys()];
  return new Map(paths.map((path) => [path, digestOf(Deno.readFileSync(join(side.folder, path)))]));
}

function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Sizes of the files below a folder; one that goes meanwhile is left out. */
function listFiles(
  folder: string,
  options: { readonly hidden?: boolean } = {},
): Map<string, number> {
  const files = new Map<string, number>();
  const visit = (prefix: string) => {
    for (const entry of Deno.readDirSync(join(folder, prefix))) {
      if (entry.name.startsWith(".") && !options.hidden) continue;
      const path = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
      if (entry.isDirectory) visit(path);
      else {
        try {
          files.set(path, Deno.statSync(join(folder, path)).size);
        } catch (cause) {
          if (!(cause instanceof Deno.errors.NotFound)) throw cause;
        }
      }
    }
  };
  visit("");
  return files;
}

function tellHowToGoOn(copies: readonly string[]): void {
  say(`
Both versions of notes/shared.txt were kept: the other one is
  ${copies.join("\n  ")}

To go on by hand, start the clients in two terminals (Ctrl-C stops them):
  npx -y deno@2.9.6 task escale -c ${laptop.config}
  npx -y deno@2.9.6 task escale -c ${desktop.config}
then change files in
  ${laptop.folder}
  ${desktop.folder}
Everything stands in ${root}; remove it when you are done.`);
}

function lastLines(text: string): string {
  return text.split("\n").slice(-20).join("\n");
}

function step(text: string): void {
  say(`\n== ${text}`);
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

function check(holds: boolean, message: string): asserts holds {
  if (!holds) fail(message);
}

function fail(message: string): never {
  throw new Error(message);
}
