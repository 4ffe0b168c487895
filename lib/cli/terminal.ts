/** Where a user can be asked. */
export interface Terminal {
  /** Asks for a line that is shown while it is typed. */
  ask(question: string): string;
  /** Asks for a line that is not shown. */
  askHidden(question: string): string;
}

const CTRL_C = 3;
const CTRL_D = 4;
const BACKSPACES: readonly number[] = [8, 127];
const LINE_ENDS: readonly number[] = [10, 13];

/** The terminal at standard input and standard error; `undefined` if they are none. */
export function systemTerminal(): Terminal | undefined {
  if (!Deno.stdin.isTerminal() || !Deno.stderr.isTerminal()) return undefined;
  return {
    ask(question) {
      write(question);
      return readLine();
    },
    askHidden(question) {
      // Before the question: what is typed at once must not be shown either.
      Deno.stdin.setRaw(true);
      try {
        write(question);
        return readLine();
      } finally {
        Deno.stdin.setRaw(false);
        write("\n");
      }
    },
  };
}

/** @throws {DOMException} `AbortError` if the user breaks off */
function readLine(): string {
  const line: number[] = [];
  const buffer = new Uint8Array(1);
  while (Deno.stdin.readSync(buffer) === 1) {
    const [byte = CTRL_C] = buffer;
    if (LINE_ENDS.includes(byte)) return new TextDecoder().decode(Uint8Array.from(line));
    if (byte === CTRL_C || (byte === CTRL_D && line.length === 0)) break;
    if (BACKSPACES.includes(byte)) eraseCharacter(line);
    else line.push(byte);
  }
  throw new DOMException("The question was not answered", "AbortError");
}

/** Takes the last character from a line in UTF-8. */
function eraseCharacter(line: number[]): void {
  for (let byte = line.pop(); byte !== undefined; byte = line.pop()) {
    // The other bytes of a character begin with 10.
    if ((byte & 0xc0) !== 0x80) return;
  }
}

function write(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}
