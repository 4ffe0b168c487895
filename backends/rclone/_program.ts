import { BackendError } from "../backend.ts";

/** The oldest rclone that has what is asked of it here. */
export const MIN_VERSION: readonly [number, number] = [1, 60];

const GET_IT =
  `Install rclone ${MIN_VERSION.join(".")} or newer, from https://rclone.org/downloads ` +
  'or your system\'s packages, or set "rclone binary" to where it is';

/** A short run of rclone. */
export interface Run {
  readonly program: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** What it reads. */
  readonly input?: string;
  readonly signal: AbortSignal | undefined;
}

/** What rclone prints. @throws {BackendError} `unsupported` if there is none; `protocol` with its words if it fails */
export async function runRclone(
  { program, args, environment, input, signal }: Run,
): Promise<string> {
  signal?.throwIfAborted();
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args: [...args],
      env: { ...environment },
      stdin: input === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
      ...(signal === undefined ? {} : { signal }),
    }).spawn();
  } catch (cause) {
    throw noProgram(program, cause);
  }
  if (input !== undefined) {
    const writer = child.stdin.getWriter();
    // One that has ended already tells by its status.
    await writer.write(new TextEncoder().encode(input)).catch(() => {});
    await writer.close().catch(() => {});
  }
  const { success, stdout, stderr } = await child.output();
  signal?.throwIfAborted();
  if (success) return new TextDecoder().decode(stdout);
  const [command = ""] = args;
  throw new BackendError(
    "protocol",
    `Cannot run "rclone ${command}": ${lastWords(new TextDecoder().decode(stderr))}`,
    {
      hint:
        "A configuration with a password is opened by the environment variable RCLONE_CONFIG_PASS",
    },
  );
}

/** The error for a program that cannot be started. */
export function noProgram(program: string, cause: unknown): BackendError {
  const why = cause instanceof Deno.errors.NotFound
    ? "there is no such program"
    : cause instanceof Error
    ? cause.message
    : String(cause);
  return new BackendError("unsupported", `Cannot start rclone as "${program}": ${why}`, {
    hint: GET_IT,
    cause,
  });
}

/** @throws {BackendError} `unsupported` if a version, as rclone has it in numbers, is too old */
export function checkVersion(numbers: unknown): void {
  const [major = 0, minor = 0] = Array.isArray(numbers) ? numbers.map(Number) : [];
  const [minMajor, minMinor] = MIN_VERSION;
  if (major > minMajor || (major === minMajor && minor >= minMinor)) return;
  throw new BackendError(
    "unsupported",
    `Cannot use rclone ${major}.${minor}: should be ${MIN_VERSION.join(".")} or newer`,
    { hint: GET_IT },
  );
}

/** The last line of what a program wrote, without its date. */
export function lastWords(text: string): string {
  const last = text.trim().split("\n").at(-1) ?? "";
  return last.replace(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /, "").trim() || "it says nothing";
}
