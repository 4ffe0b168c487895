import { mustRunAll, skip } from "./skip.ts";

/** Whether a program is on this machine, or a module of Python's: "python3:MODULE". */
export function hasTool(name: string): boolean {
  const [program = "", module] = name.split(":");
  const args = module === undefined ? ["--version"] : ["-c", `import ${module}`];
  try {
    return new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

/**
 * Runs a program with `input` on its standard input and gives its standard output.
 *
 * @throws {Error} with what it wrote on standard error, if it fails
 */
export async function runTool(
  command: readonly [string, ...string[]],
  options: { readonly input?: Uint8Array; readonly cwd?: string } = {},
): Promise<Uint8Array> {
  const [name, ...args] = command;
  const child = new Deno.Command(name, {
    args,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const fed = new Response(new Uint8Array(options.input ?? [])).body?.pipeTo(child.stdin);
  const [output] = await Promise.all([child.output(), fed?.catch(() => {})]);
  if (output.success) return output.stdout;
  throw new Error(`${command.join(" ")}: ${new TextDecoder().decode(output.stderr)}`);
}

/** A test that needs programs; without them it is ignored, and its name says why. */
export function testWithTools(
  tools: readonly string[],
  name: string,
  run: () => Promise<void>,
): void {
  const missing = tools.filter((tool) => !hasTool(tool));
  if (missing.length === 0) return Deno.test(name, run);
  const reason = `no ${missing.join(", ")} here`;
  Deno.test({
    name: `${name} (SKIPPED: ${reason})`,
    ignore: !mustRunAll(),
    fn: () => skip(reason),
  });
}
