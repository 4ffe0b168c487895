import type { Output } from "../../lib/cli/output.ts";

/** An output whose texts are kept. */
export interface RecordedOutput extends Output {
  stdout(): string;
  stderr(): string;
}

/** Makes a {@linkcode RecordedOutput}, 80 columns wide. */
export function recordOutput(
  { isTerminal = false, hasColor = false }: {
    readonly isTerminal?: boolean;
    readonly hasColor?: boolean;
  } = {},
): RecordedOutput {
  let [stdout, stderr] = ["", ""];
  return {
    out: (text) => stdout += text,
    err: (text) => stderr += text,
    isTerminal,
    hasColor,
    columns: () => 80,
    stdout: () => stdout,
    stderr: () => stderr,
  };
}
