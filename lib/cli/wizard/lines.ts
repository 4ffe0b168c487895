/** Where answers come from, a line at a time. */
export interface Lines {
  /** A user sits there, who can be asked again. */
  readonly isTerminal: boolean;
  /**
   * The next line without its end; `undefined` if there are no more. A hidden one is not shown while it is typed; `show`
   * is called as soon as it can be typed, and writes the question.
   *
   * @throws {DOMException} `AbortError` if the user breaks off
   */
  next(options: {
    readonly isHidden: boolean;
    readonly show: () => void;
  }): Promise<string | undefined>;
}

const CTRL_C = 3;
const CTRL_D = 4;
const BACKSPACES: readonly number[] = [8, 127];
const CARRIAGE_RETURN = 13;
const NEWLINE = 10;
const CHUNK_BYTES = 4096;

/** Standard input, line by line, until `signal` aborts. */
export function systemLines(signal: AbortSignal): Lines {
  const isTerminal = Deno.stdin.isTerminal();
  const bytes = new ByteReader(signal);
  return {
    isTerminal,
    next: ({ isHidden, show }) => {
      if (isHidden && isTerminal) return nextHidden(bytes, show);
      show();
      return nextLine(bytes);
    },
  };
}

async function nextLine(bytes: ByteReader): Promise<string | undefined> {
  const line: number[] = [];
  for (let byte = await bytes.next();; byte = await bytes.next()) {
    if (byte === undefined && line.length === 0) return undefined;
    if (byte === undefined || byte === NEWLINE) return textOf(line).replace(/\r$/, "");
    line.push(byte);
  }
}

async function nextHidden(bytes: ByteReader, show: () => void): Promise<string | undefined> {
  const line: number[] = [];
  // Before the question, so that not even a hasty answer is echoed.
  Deno.stdin.setRaw(true);
  try {
    show();
    for (;;) {
      const byte = await bytes.next() ?? CTRL_D;
      if (byte === CTRL_C) throw new DOMException("The question was not answered", "AbortError");
      if (byte === CTRL_D && line.length === 0) return undefined;
      if (byte === CARRIAGE_RETURN || byte === NEWLINE) return textOf(line);
      if (BACKSPACES.includes(byte)) eraseCharacter(line);
      else line.push(byte);
    }
  } finally {
    Deno.stdin.setRaw(false);
  }
}

/** Takes the last character from a line in UTF-8. */
function eraseCharacter(line: number[]): void {
  for (let byte = line.pop(); byte !== undefined; byte = line.pop()) {
    // The other bytes of a character begin with 10.
    if ((byte & 0xc0) !== 0x80) return;
  }
}

function textOf(bytes: readonly number[]): string {
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

/** Reads standard input so that a signal can end the wait. */
class ByteReader {
  readonly #signal: AbortSignal;
  readonly #buffer = new Uint8Array(CHUNK_BYTES);
  #chunk: Uint8Array = new Uint8Array();
  #at = 0;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  async next(): Promise<number | undefined> {
    if (this.#at === this.#chunk.length) await this.#read();
    return this.#chunk[this.#at++];
  }

  async #read(): Promise<void> {
    const signal = this.#signal;
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      // A read that is under way cannot be taken back; the program ends soon after.
      const count = await Promise.race([Deno.stdin.read(this.#buffer), aborted.promise]);
      this.#chunk = this.#buffer.subarray(0, count ?? 0);
      this.#at = 0;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }
}
