import type { TestClient, World } from "./engine.ts";

/** A file of a client, as a golden manifest describes it. */
export interface GoldenFile {
  readonly size: number;
  readonly mtime: number;
  readonly sha512: string;
  readonly base64: string | null;
}

/** What stands in `golden/relays/NAME.json`. */
export interface GoldenRelay {
  readonly name: string;
  readonly local: Readonly<Record<string, Readonly<Record<string, GoldenFile>>>>;
  readonly relay: Readonly<Record<string, { readonly size: number; readonly decoded: string }>>;
}

const FOLDER = new URL("../golden/", import.meta.url);
const BLOCK = 512;

/** Reads a table of `golden/`. */
export function readGolden<T>(name: string): T {
  return JSON.parse(Deno.readTextFileSync(new URL(name, FOLDER)));
}

/** Puts the golden relay `name` in the place of the world's and gives its manifest. */
export function unpackRelay(world: World, name: string): GoldenRelay {
  const archive = Deno.readFileSync(new URL(`relays/${name}.tar`, FOLDER));
  for (const { path, bytes } of membersOf(archive)) {
    const place = world.pathOnRelay(path);
    Deno.mkdirSync(place.slice(0, place.lastIndexOf("/")), { recursive: true });
    Deno.writeFileSync(place, bytes);
  }
  return readRelay(name);
}

/** Reads the manifest of the golden relay `name`. */
export function readRelay(name: string): GoldenRelay {
  return readGolden(`relays/${name}.json`);
}

/** Writes the files that the golden client `name` had into the folder of `client`. */
export function writeLocal(client: TestClient, golden: GoldenRelay, name: string): void {
  for (const [path, file] of Object.entries(golden.local[name] ?? {})) {
    client.write(path, contentOf(path, file), file.mtime);
  }
}

/** The tree, with contents as text, of the golden client `name`. */
export function localTree(golden: GoldenRelay, name: string): Record<string, string> {
  const decoder = new TextDecoder();
  return Object.fromEntries(
    Object.entries(golden.local[name] ?? {})
      .map(([path, file]) => [path, decoder.decode(contentOf(path, file))] as const)
      .sort(([a], [b]) => a < b ? -1 : 1),
  );
}

/** Contents of 2000 bytes or more are not in the manifests; there is one, described in `golden/README.md`. */
function contentOf(path: string, { base64 }: GoldenFile): Uint8Array<ArrayBuffer> {
  if (base64 !== null) return Uint8Array.fromBase64(base64);
  if (path !== "bytes.bin") throw new Error(`No content is known for "${path}"`);
  return Uint8Array.from({ length: 40 * 256 }, (_, at) => at % 256);
}

/** The files of a tar archive with PAX names. */
function* membersOf(archive: Uint8Array): Generator<{ path: string; bytes: Uint8Array }> {
  const text = (from: number, to: number) =>
    new TextDecoder().decode(archive.subarray(from, to)).replace(/\0.*$/s, "");
  let longName: string | undefined;
  for (let at = 0; at < archive.length && archive[at] !== 0;) {
    const size = parseInt(text(at + 124, at + 136), 8);
    const type = text(at + 156, at + 157);
    const from = at + BLOCK;
    if (type === "x") longName = /^\d+ path=(.*)$/m.exec(text(from, from + size))?.[1];
    else {
      const path = longName ?? text(at, at + 100);
      longName = undefined;
      if (type === "0") yield { path, bytes: archive.subarray(from, from + size) };
    }
    at = from + Math.ceil(size / BLOCK) * BLOCK;
  }
}
