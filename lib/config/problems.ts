import { EscaleError } from "../errors.ts";
import { printable } from "../path.ts";

interface Remark {
  readonly line: number;
  readonly text: string;
}

/** What is wrong or doubtful in one configuration file, each said once. */
export class Problems {
  readonly #file: string;
  readonly #errors: Remark[] = [];
  readonly #warnings: Remark[] = [];

  constructor(file: string) {
    this.#file = printable(file);
  }

  error(line: number, text: string): void {
    add(this.#errors, { line, text });
  }

  warn(line: number, text: string): void {
    add(this.#warnings, { line, text });
  }

  /**
   * @throws {EscaleError} `config` with a line for each error, in the order of the file, and for each warning, since a
   * doubtful line is often why another is wrong
   */
  throwIfAny(): void {
    if (this.#errors.length === 0) return;
    const warnings = this.#warnings.map(({ line, text }) => ({ line, text: `warning: ${text}` }));
    throw new EscaleError("config", this.#lines([...this.#errors, ...warnings]).join("\n"));
  }

  warnings(): readonly string[] {
    return this.#lines(this.#warnings);
  }

  #lines(remarks: readonly Remark[]): readonly string[] {
    const ordered = remarks.toSorted((a, b) => a.line - b.line);
    return ordered.map(({ line, text }) => `${this.#file}:${line}: ${text}`);
  }
}

function add(remarks: Remark[], { line, text }: Remark): void {
  const isSaid = remarks.some((remark) => remark.line === line && remark.text === text);
  if (!isSaid) remarks.push({ line, text });
}
