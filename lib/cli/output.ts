/** Where a program writes, and what it knows of the terminal. */
export interface Output {
  /** Writes to standard output: results. */
  out(text: string): void;
  /** Writes to standard error: everything else. */
  err(text: string): void;
  /** Whether standard error is a terminal. */
  readonly isTerminal: boolean;
  /** Whether colours may be used there. */
  readonly hasColor: boolean;
  /** The terminal's width. */
  columns(): number;
}

const encoder = new TextEncoder();

/** The program's own streams. What a closed pipe or terminal does not take is dropped: the work goes on. */
export function systemOutput(): Output {
  const isTerminal = Deno.stderr.isTerminal();
  return {
    out: (text) => writeAll(Deno.stdout, text),
    err: (text) => writeAll(Deno.stderr, text),
    isTerminal,
    hasColor: isTerminal && !Deno.noColor,
    columns,
  };
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let rest = encoder.encode(text);
  try {
    while (rest.length > 0) rest = rest.subarray(stream.writeSync(rest));
  } catch (thrown) {
    if (!isGone(thrown)) throw thrown;
  }
}

/** A closed pipe, or a terminal that was hung up. */
function isGone(thrown: unknown): boolean {
  if (thrown instanceof Deno.errors.BrokenPipe) return true;
  return thrown instanceof Error && "code" in thrown && thrown.code === "EIO";
}

function columns(): number {
  try {
    return Deno.consoleSize().columns;
  } catch {
    return 80;
  }
}
