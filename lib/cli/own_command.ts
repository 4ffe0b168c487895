import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** How the program was built, as `deno.json` tells. */
export interface BuildFacts {
  readonly tasks: { readonly escale: string };
  readonly unstable: readonly string[];
}

/**
 * How another process of `escale` is started: the compiled program itself, which stands beside `escalectl`; else the
 * runtime with the flags of the task `escale` and the module `main`.
 */
export function escaleCommand(
  main: URL,
  { tasks, unstable }: BuildFacts,
): readonly [string, ...string[]] {
  const executable = Deno.execPath();
  if (Deno.build.standalone) {
    const name = Deno.build.os === "windows" ? "escale.exe" : "escale";
    return [join(dirname(executable), name)];
  }
  const flags = tasks.escale.split(" ").filter((word) => word.startsWith("-"));
  // Where no "deno.json" stands beside the module, as in a bundle, these are asked for here.
  const features = unstable.map((name) => `--unstable-${name}`);
  const module = main.protocol === "file:" ? fileURLToPath(main) : main.href;
  return [executable, "run", ...flags, ...features, module];
}
