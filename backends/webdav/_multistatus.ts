import { BackendError } from "../backend.ts";
import type { Answer } from "./_answer.ts";
import { XmlCut, XmlError, type XmlHandler, XmlReader } from "./_xml.ts";

/** The most resources of one answer, and the most bytes. */
const MAX_RESOURCES = 1_000_000;
const MAX_BYTES = 512 * 1024 * 1024;

/** What is asked of each resource. `allprop` would make some servers read every file for its checksum. */
export const RESOURCE_REQUEST: Uint8Array = requestOf([
  ...["resourcetype", "getcontentlength", "getlastmodified", "getetag"],
]);

/** What is asked of the relay's own folder when it is opened, and for its space. */
export const ROOT_REQUEST: Uint8Array = requestOf([
  ...["resourcetype", "getlastmodified", "quota-available-bytes", "quota-used-bytes"],
]);

/** A file or folder as a server describes it. What it did not tell, or not well, is absent. */
export interface Resource {
  /** As it came. */
  readonly href: string;
  readonly isFolder: boolean;
  readonly sizeBytes?: number;
  readonly modifiedMs?: number;
  /** As it came, with its quotes. */
  readonly etag?: string;
  readonly freeBytes?: number;
  readonly usedBytes?: number;
}

/**
 * Reads the answer to a `PROPFIND` (RFC 4918, section 14.16), in memory bounded by the resources that it gives.
 *
 * @throws {BackendError} `protocol` if it is none, or too large
 */
export async function readMultistatus(answer: Answer, action: string): Promise<Resource[]> {
  const resources: Resource[] = [];
  const reader = new XmlReader(
    new Collector((resource) => {
      if (resources.length === MAX_RESOURCES) throw new XmlError("it has too many entries");
      resources.push(resource);
    }),
  );
  // The reader knows the mark; the decoder would take it from the start of any later chunk as well.
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let sizeBytes = 0;
  try {
    for await (const chunk of answer.chunks()) {
      sizeBytes += chunk.length;
      if (sizeBytes > MAX_BYTES) throw new XmlError("it is too long");
      reader.push(decoder.decode(chunk, { stream: true }));
    }
    reader.push(decoder.decode());
    reader.end();
  } catch (thrown) {
    if (!(thrown instanceof XmlError) && !(thrown instanceof TypeError)) throw thrown;
    const why = thrown instanceof XmlError ? thrown.message : "it is not in UTF-8";
    throw new BackendError(
      "protocol",
      `Cannot ${action}: the server's answer cannot be read: ${why}`,
      // A server may break off when what it lists goes meanwhile, as rclone serve does.
      { cause: thrown, retryable: thrown instanceof XmlCut },
    );
  }
  return resources;
}

type Property = keyof Omit<Resource, "href" | "isFolder"> | "isFolder";
type Draft = { -readonly [key in Property]?: Resource[key] };

/** Gathers resources from the elements of a multistatus. Whatever is not looked for is passed over. */
class Collector implements XmlHandler {
  readonly #give: (resource: Resource) => void;
  readonly #path: string[] = [];
  #text = "";
  #href: string | undefined;
  #isRefused = false;
  #properties: Draft = {};
  #found: Draft = {};
  #foundStatus = "";

  constructor(give: (resource: Resource) => void) {
    this.#give = give;
  }

  open(namespace: string, name: string): void {
    const element = namespace === "DAV:" ? name : `{}${name}`;
    if (this.#path.length === 0 && element !== "multistatus") {
      throw new XmlError("it is no multistatus");
    }
    this.#path.push(element);
    this.#text = "";
    if (element === "collection" && this.#path.at(-2) === "resourcetype") {
      this.#found.isFolder = true;
    } else if (element === "propstat") {
      this.#found = {};
      this.#foundStatus = "";
    } else if (element === "response") {
      this.#href = undefined;
      this.#isRefused = false;
      this.#properties = {};
    }
  }

  text(text: string): void {
    this.#text += text;
    if (this.#text.length > MAX_TEXT_LENGTH) throw new XmlError("a piece of it is too long");
  }

  close(): void {
    const element = this.#path.pop() ?? "";
    const text = this.#text.trim();
    this.#text = "";
    switch (this.#path.length) {
      case 1:
        if (element === "response") this.#endResponse();
        return;
      case 2:
        if (element === "href") this.#href ??= text;
        else if (element === "status") this.#isRefused = !isSuccess(text);
        else if (element === "propstat") this.#endProperties();
        return;
      case 3:
        if (element === "status") this.#foundStatus = text;
        return;
      case 4:
        this.#property(element, text);
    }
  }

  #property(element: string, text: string): void {
    switch (element) {
      case "getcontentlength":
        return set(this.#found, "sizeBytes", countOf(text));
      case "getlastmodified":
        return set(this.#found, "modifiedMs", timeOf(text));
      case "getetag":
        return set(this.#found, "etag", text === "" ? undefined : text);
      case "quota-available-bytes":
        return set(this.#found, "freeBytes", countOf(text));
      case "quota-used-bytes":
        return set(this.#found, "usedBytes", countOf(text));
    }
  }

  #endProperties(): void {
    if (isSuccess(this.#foundStatus)) Object.assign(this.#properties, this.#found);
  }

  #endResponse(): void {
    if (this.#href === undefined || this.#isRefused) return;
    this.#give({ href: this.#href, isFolder: false, ...this.#properties });
  }
}

const MAX_TEXT_LENGTH = 64 * 1024;

/** Whether a status line tells of success. One that is missing does. */
function isSuccess(line: string): boolean {
  return line === "" || /^HTTP\/\S+\s+2\d\d\b/.test(line);
}

function set<Key extends Property>(draft: Draft, key: Key, value: Draft[Key] | undefined): void {
  if (value !== undefined) draft[key] = value;
}

/** A number of bytes; some servers say "unlimited" or "unknown" by a negative one. */
function countOf(text: string): number | undefined {
  const count = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(count) ? count : undefined;
}

/** A time as servers write it, which is always GMT; milliseconds since 1970. */
export function timeOf(text: string): number | undefined {
  const ms = Date.parse(text);
  return Number.isFinite(ms) && ms >= 0 ? ms : undefined;
}

function requestOf(properties: readonly string[]): Uint8Array {
  const elements = properties.map((name) => `<${name}/>`).join("");
  return new TextEncoder().encode(
    `<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop>${elements}</prop></propfind>`,
  );
}

/** The folder's own path among those of an answer. A proxy may show others than were asked for; then it is the shortest. */
export function ownPath(
  paths: ReadonlyMap<string, Resource>,
  asked: string | undefined,
): string | undefined {
  if (asked !== undefined && paths.has(asked)) return asked;
  return [...paths.keys()].toSorted((a, b) => a.length - b.length)[0];
}
