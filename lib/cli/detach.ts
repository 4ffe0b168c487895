import { type ErrorCode, EscaleError, messageOf } from "../errors.ts";

/** What a process that runs on its own says once it does, or why it does not. */
export type DetachAnswer =
  | { readonly pid: number; readonly logFile: string }
  | {
    readonly error: {
      readonly code: ErrorCode;
      readonly message: string;
      readonly hint?: string | undefined;
    };
  };

/** The flag of a process that was started by {@linkcode startDetached}. */
export const DETACHED_FLAG = "--detached";
const START_MS = 60_000;

/**
 * Starts `escale` in a session of its own, without a terminal, and waits until its clients have been started.
 *
 * @throws {EscaleError} as the other process says; `denied` if it cannot be started
 */
export async function startDetached(
  escale: readonly [string, ...string[]],
  { args, errors, signal }: {
    readonly args: readonly string[];
    /** Ends the waiting; the other process goes on. */
    readonly signal?: AbortSignal;
    /** The file for what the runtime itself has to say, which goes past the log. */
    readonly errors: string;
  },
): Promise<{ readonly pid: number; readonly logFile: string }> {
  const [command, ...own] = escale;
  const line = [command, ...own, DETACHED_FLAG, ...args];
  let child: Deno.ChildProcess;
  try {
    child = spawn(line, errors);
  } catch (cause) {
    throw new EscaleError("denied", `Cannot start "${command}": ${messageOf(cause)}`, { cause });
  }
  const text = await firstLine(child, signal);
  signal?.throwIfAborted();
  if (text === "") {
    throw new EscaleError("internal", "Cannot start escale in the background: it has ended", {
      hint: `See the end of "${errors}", or start it without "-d"`,
    });
  }
  const answer: DetachAnswer = JSON.parse(text);
  if (!("error" in answer)) return answer;
  const { code, message, hint } = answer.error;
  throw new EscaleError(code, message, hint === undefined ? {} : { hint });
}

function spawn(line: readonly string[], errors: string): Deno.ChildProcess {
  if (Deno.build.os === "windows") {
    return new Deno.Command(line[0] ?? "", commandOptions(line)).spawn();
  }
  // The shell would make it readable for everybody.
  Deno.openSync(errors, { append: true, create: true, mode: 0o600 }).close();
  // The runtime cannot send a child's standard error into a file, and a pipe ends with this process.
  const shell = ["/bin/sh", "-c", 'exec "$@" 2>>"$0"', errors, ...line];
  // No folder is kept from being unmounted.
  return new Deno.Command("/bin/sh", { ...commandOptions(shell), cwd: "/" }).spawn();
}

function commandOptions([, ...args]: readonly string[]): Deno.CommandOptions {
  return { args, detached: true, stdin: "null", stdout: "piped", stderr: "null" };
}

async function firstLine(
  child: Deno.ChildProcess,
  signal: AbortSignal | undefined,
): Promise<string> {
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const giveUp = () => void reader.cancel().catch(() => {});
  const timer = setTimeout(giveUp, START_MS);
  signal?.addEventListener("abort", giveUp, { once: true });
  let text = "";
  try {
    while (!text.includes("\n")) {
      const { value, done } = await reader.read();
      if (done) return "";
      text += value;
    }
    await reader.cancel();
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
  }
  child.unref();
  return text.slice(0, text.indexOf("\n"));
}
