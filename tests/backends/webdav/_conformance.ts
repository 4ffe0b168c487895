import { isInstalled, type WebDavOptions, type WebDavProgram } from "../../servers/webdav.ts";
import { skip } from "../../support/skip.ts";
import { conformance, type TestRelay } from "../conformance.ts";
import { PROGRAMS, serve } from "./_servers.ts";

/** Binds the conformance suite to every real server, started with the options that are chosen for it. */
export function programConformance(
  label: string,
  choose: (program: WebDavProgram) => WebDavOptions,
): void {
  for (const program of PROGRAMS) {
    if (!isInstalled(program)) {
      Deno.test(`${label} on ${program.name} (SKIPPED)`, () => skip(`no ${program.tool} here`));
      continue;
    }
    conformance(`${label} on ${program.name}`, {
      start: () => start(program, choose(program)),
      cannotName: (name) => program.holdsControls ? undefined : whyNotName(name),
      rounds: 40,
    });
  }
}

async function start(program: WebDavProgram, options: WebDavOptions): Promise<TestRelay> {
  const opened = await serve(program, options);
  const { folder } = opened.server;
  return {
    open: () => opened.open(),
    removeRoot: () => Deno.remove(folder, { recursive: true }),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

function whyNotName(name: string): string | undefined {
  // deno-lint-ignore no-control-regex -- they are what is meant
  return /[\u0000-\u001f]/.test(name) ? "the server takes no control characters" : undefined;
}
