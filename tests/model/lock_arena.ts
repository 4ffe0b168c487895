/** Who is inside what a lock covers, as it is outside of any relay: in a folder of the machine that all processes share. */

/** Where processes that got a lock meet those who have no right to be there. */
export class Arena {
  readonly #folder: string;
  readonly #client: string;

  constructor(folder: string, client: string) {
    this.#folder = folder;
    this.#client = client;
  }

  /**
   * Goes in where the lock `name` leads, works, and adds one to what everybody counts there: by reading before it and
   * writing after it, as one may who is alone. Whom it meets is written down.
   */
  async inside(name: string, work: () => Promise<void>): Promise<void> {
    const isFirst = this.#enter(name);
    this.note(`is inside ${name}`);
    try {
      const before = countOf(this.#folder, name);
      await work();
      Deno.writeTextFileSync(`${this.#folder}/count-${name}`, String(before + 1));
    } finally {
      if (isFirst) Deno.removeSync(insideOf(this.#folder, name));
    }
  }

  /** Writes down what this client did, for the story of an overlap. */
  note(text: string): void {
    append(`${this.#folder}/story-${this.#client}`, `${now()} ${text}`);
  }

  #enter(name: string): boolean {
    const me = `${this.#client} since ${now()}`;
    try {
      Deno.writeTextFileSync(insideOf(this.#folder, name), me, { createNew: true });
      return true;
    } catch (cause) {
      if (!(cause instanceof Deno.errors.AlreadyExists)) throw cause;
      const other = whoIsInside(this.#folder, name) ?? "another";
      append(`${this.#folder}/meetings`, `${name}: ${me} with ${other}`);
      return false;
    }
  }
}

/** What was counted under a lock. */
export function countOf(folder: string, name: string): number {
  return Number(textOf(`${folder}/count-${name}`) ?? "0");
}

/** Who is inside, and since when. */
export function whoIsInside(folder: string, name: string): string | undefined {
  return textOf(insideOf(folder, name));
}

/** Who met whom inside, one a line. */
export function meetingsIn(folder: string): string[] {
  return linesOf(`${folder}/meetings`);
}

/** What all clients did last, in order of time. */
export function storyIn(folder: string, lines: number): string[] {
  const told = [...Deno.readDirSync(folder)].filter(({ name }) => name.startsWith("story-"))
    .flatMap(({ name }) => {
      const client = name.slice("story-".length);
      return linesOf(`${folder}/${name}`).map((line) => line.replace(" ", ` ${client} `));
    });
  return told.sort((a, b) => parseFloat(a) - parseFloat(b)).slice(-lines);
}

/** Milliseconds on the one clock of the machine that no test moves. */
function now(): string {
  return (performance.timeOrigin + performance.now()).toFixed(2);
}

function insideOf(folder: string, name: string): string {
  return `${folder}/inside-${name}`;
}

function append(file: string, line: string): void {
  Deno.writeTextFileSync(file, `${line}\n`, { append: true });
}

function linesOf(file: string): string[] {
  return (textOf(file) ?? "").split("\n").filter((line) => line !== "");
}

function textOf(file: string): string | undefined {
  try {
    return Deno.readTextFileSync(file);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw cause;
  }
}
