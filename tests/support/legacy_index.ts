/** An index as 0.7 reads it: what each entry says, `undefined` if nothing, and who has pulled. */
export interface LegacyIndex {
  readonly entries: Map<string, string | undefined>;
  readonly pullers: readonly string[];
}

/**
 * Reads an index as 0.7 does (`indices.json`): lengths are bytes in a persistent index and characters elsewhere; trailing
 * blanks of a line go, and a blank line ends all.
 *
 * @throws {Error} if a line has no length
 */
export function readIndexAsLegacy(
  bytes: Uint8Array,
  { isGrouped }: { readonly isGrouped: boolean },
): LegacyIndex {
  const input = new LegacyInput(bytes, isGrouped);
  const entries = new Map<string, string | undefined>();
  let header = "";
  for (let line = input.line(); line !== ""; line = input.line()) {
    if (/^---group/.test(line)) {
      const lines: string[] = [];
      for (let next = input.line(); !/^-+$/.test(next); next = input.line()) {
        lines.push(`${next}\n`);
      }
      header = lines.join("");
    } else if (/^[-=+#%]/.test(line)) {
      const names = input.rest().split("\n").map((name) => name.trim());
      // It gains one without a name.
      return { entries, pullers: [...names, ""] };
    } else {
      const [, name, length] = /^(.*\S)\s+(\S+)$/.exec(line) ?? [];
      if (name === undefined) throw new Error("not enough values to unpack (expected 2, got 1)");
      const text = input.take(Number(length));
      entries.set(name, header + text === "" ? undefined : header + text);
    }
  }
  return { entries, pullers: [] };
}

/** The text of an index without groups, as 0.7 writes it. */
export function formatIndexAsLegacy(
  entries: ReadonlyMap<string, string | undefined>,
  pullers: readonly string[] = [],
): string {
  const parts = [...entries].map(([name, text = ""]) => `${name} ${[...text].length}\n${text}`);
  if (pullers.length > 0) parts.push(`---pullers---\n${pullers.join("\n")}`);
  return parts.join("");
}

/** The text of a persistent index, as 0.7 writes it: grouped by the lines of header and pusher. */
export function formatGroupsAsLegacy(entries: ReadonlyMap<string, string | undefined>): string {
  const groups = Map.groupBy(entries, ([, text]) => headerOf(text));
  return [...groups].map(([header, members]) => {
    const rest = members.map(([name, text = ""]) => [name, text.slice(header.length)] as const);
    return `---group---\n${header}-----------\n${formatIndexAsLegacy(new Map(rest))}`;
  }).join("");
}

function headerOf(text: string | undefined): string {
  return /^placeholder%[^\n]*\npusher:[^\n]*\n/.exec(text ?? "")?.[0] ?? "";
}

/** The text of an index, taken line by line and by lengths. */
class LegacyInput {
  readonly #bytes: Uint8Array;
  readonly #countsBytes: boolean;
  #at = 0;

  constructor(bytes: Uint8Array, countsBytes: boolean) {
    this.#bytes = new TextEncoder().encode(new TextDecoder().decode(bytes).replace(/\r\n/g, "\n"));
    this.#countsBytes = countsBytes;
  }

  line(): string {
    const newline = this.#bytes.indexOf(10, this.#at);
    return this.#slice(newline < 0 ? this.#bytes.length : newline + 1).trimEnd();
  }

  /** So many bytes or characters; a newline that was not counted goes with them. */
  take(length: number): string {
    const rest = this.#bytes.subarray(this.#at);
    const text = this.#countsBytes
      ? this.#slice(this.#at + length)
      : this.#skip([...new TextDecoder().decode(rest)].slice(0, length).join(""));
    if (length > 0 && !text.endsWith("\n") && this.#bytes[this.#at] === 10) this.#at++;
    return text;
  }

  rest(): string {
    return this.#slice(this.#bytes.length);
  }

  #skip(text: string): string {
    this.#at += new TextEncoder().encode(text).length;
    return text;
  }

  #slice(end: number): string {
    const text = new TextDecoder().decode(this.#bytes.subarray(this.#at, end));
    this.#at = Math.min(end, this.#bytes.length);
    return text;
  }
}
