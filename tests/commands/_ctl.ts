import { Program } from "../support/program.ts";
import type { YardClient } from "./_yard.ts";

/** How a command of `escalectl` ended. */
export interface CtlEnded {
  readonly status: number;
  /** Both streams. */
  readonly output: string;
  /** The lines of JSON, where that was asked for. */
  readonly objects: readonly Readonly<Record<string, unknown>>[];
}

/** Runs a command of `escalectl` with the configuration of a client, to its end. */
export async function ctl(client: YardClient, ...args: readonly string[]): Promise<CtlEnded> {
  const [command = "", ...rest] = args;
  await using program = Program.start("escalectl", [command, "-c", client.config, ...rest]);
  const status = await program.status();
  const output = program.output();
  const lines = output.split("\n").filter((line) => line.startsWith("{"));
  return { status, output, objects: lines.map((line) => JSON.parse(line)) };
}
