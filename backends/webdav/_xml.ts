/** The most characters of one tag, one comment or one piece of text. */
const MAX_PIECE_LENGTH = 64 * 1024;
const MAX_DEPTH = 64;

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
]);

const TAG = /^([^\s<>/=&"']+)((?:\s+[^\s<>/=&"']+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)$/;
const ATTRIBUTE = /\s+([^\s<>/=&"']+)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/g;

/** What {@linkcode XmlReader} finds, in order. */
export interface XmlHandler {
  /** An element begins; `name` is its local name in `namespace`. */
  open(namespace: string, name: string): void;
  /** Text of the innermost open element, in one or several pieces. */
  text(text: string): void;
  /** The innermost open element ends. */
  close(): void;
}

/** Text that is no XML, or none that is read here. */
export class XmlError extends Error {
  override readonly name: string = "XmlError";
}

/** A text ended too early. */
export class XmlCut extends XmlError {
  override readonly name = "XmlCut";
}

interface Element {
  readonly tag: string;
  /** Namespaces by prefix, as they hold within. */
  readonly scope: ReadonlyMap<string, string>;
}

/**
 * Reads XML with namespaces as it comes, in memory bounded by one piece. Document types are refused, and with them every
 * entity but the five of XML itself: there is nothing to expand or to fetch.
 */
export class XmlReader {
  readonly #handler: XmlHandler;
  readonly #open: Element[] = [];
  #rest = "";
  #hasRoot = false;

  constructor(handler: XmlHandler) {
    this.#handler = handler;
  }

  /** Takes the next part of the text. @throws {XmlError} */
  push(text: string): void {
    this.#rest += text;
    let start = 0;
    for (;;) {
      const end = this.#takePiece(start);
      if (end === undefined) break;
      start = end;
    }
    this.#rest = this.#rest.slice(start);
    if (this.#rest.length > MAX_PIECE_LENGTH) throw new XmlError("a piece of it is too long");
  }

  /** Says that the text is at its end. @throws {XmlCut} if it was cut off */
  end(): void {
    if (this.#open.length > 0 || !this.#hasRoot || this.#rest.trim() !== "") {
      throw new XmlCut("it is cut off");
    }
  }

  /** Handles the piece that begins at `start` and gives its end; `undefined` if it is not whole yet. */
  #takePiece(start: number): number | undefined {
    const rest = this.#rest;
    if (rest[start] !== "<") {
      const end = rest.indexOf("<", start);
      if (end < 0) return undefined;
      this.#takeText(unescape(rest.slice(start, end)));
      return end;
    }
    if (rest.startsWith("<?", start)) return endOf(rest, "?>", start);
    if (rest.startsWith("<!--", start)) return endOf(rest, "-->", start + 2);
    if (rest.startsWith("<![CDATA[", start)) {
      const end = endOf(rest, "]]>", start);
      if (end !== undefined) this.#takeText(rest.slice(start + 9, end - 3));
      return end;
    }
    if (rest[start + 1] === "!") {
      // What begins as a comment or CDATA may not be whole yet.
      if (rest.length - start < 9) return undefined;
      throw new XmlError("it has a document type");
    }
    const end = endOfTag(rest, start);
    if (end !== undefined) this.#takeTag(rest.slice(start + 1, end - 1));
    return end;
  }

  #takeText(text: string): void {
    if (this.#open.length > 0) return this.#handler.text(text);
    if (text.replace(/^\ufeff/, "").trim() !== "") throw new XmlError("there is text around it");
  }

  #takeTag(tag: string): void {
    if (tag.startsWith("/")) return this.#close(tag.slice(1).trimEnd());
    const [, name, attributes = "", slash] = TAG.exec(tag) ?? [];
    if (name === undefined) throw new XmlError("a tag of it is malformed");
    if (this.#open.length === 0 && this.#hasRoot) throw new XmlError("it has several roots");
    if (this.#open.length >= MAX_DEPTH) throw new XmlError("it is nested too deeply");
    this.#hasRoot = true;
    const scope = scopeWith(this.#open.at(-1)?.scope ?? new Map(), attributes);
    const [prefix, local] = name.includes(":") ? splitName(name) : ["", name];
    this.#open.push({ tag: name, scope });
    this.#handler.open(scope.get(prefix) ?? "", local);
    if (slash === "/") this.#close(name);
  }

  #close(name: string): void {
    if (this.#open.pop()?.tag !== name) throw new XmlError("its tags do not match");
    this.#handler.close();
  }
}

function endOf(text: string, mark: string, start: number): number | undefined {
  const at = text.indexOf(mark, start + 2);
  return at < 0 ? undefined : at + mark.length;
}

/** The end of a tag; one within quotes does not count. */
function endOfTag(text: string, start: number): number | undefined {
  const next = /[>"']/g;
  next.lastIndex = start;
  for (let found = next.exec(text); found !== null; found = next.exec(text)) {
    if (found[0] === ">") return next.lastIndex;
    const closing = text.indexOf(found[0], next.lastIndex);
    if (closing < 0) return undefined;
    next.lastIndex = closing + 1;
  }
  return undefined;
}

function scopeWith(
  outer: ReadonlyMap<string, string>,
  attributes: string,
): ReadonlyMap<string, string> {
  if (!attributes.includes("xmlns")) return outer;
  const scope = new Map(outer);
  for (const [, name = "", double, single] of attributes.matchAll(ATTRIBUTE)) {
    const value = unescape(double ?? single ?? "");
    if (name === "xmlns") scope.set("", value);
    else if (name.startsWith("xmlns:")) scope.set(name.slice(6), value);
  }
  return scope;
}

function splitName(name: string): readonly [prefix: string, local: string] {
  const colon = name.indexOf(":");
  return [name.slice(0, colon), name.slice(colon + 1)];
}

function unescape(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&([^;&]{0,12};)?/g, (_, entity: string | undefined) => {
    const name = entity?.slice(0, -1) ?? "";
    const character = ENTITIES.get(name) ?? characterOf(name);
    if (character === undefined) throw new XmlError("it has an entity that is not known");
    return character;
  });
}

function characterOf(name: string): string | undefined {
  const [, hex, decimal] = /^#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}))$/.exec(name) ?? [];
  if (hex === undefined && decimal === undefined) return undefined;
  const code = hex === undefined ? Number(decimal) : parseInt(hex, 16);
  const isSurrogate = code >= 0xd800 && code <= 0xdfff;
  return code > 0 && code <= 0x10ffff && !isSurrogate ? String.fromCodePoint(code) : undefined;
}
