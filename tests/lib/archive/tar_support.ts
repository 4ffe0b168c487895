import assert from "node:assert/strict";
import { type TarHeader, type TarSource, unpackTar } from "../../../lib/archive/tar.ts";
import { EscaleError } from "../../../lib/errors.ts";
import { parseRelativePath } from "../../../lib/path.ts";
import { collect, streamOf } from "../../support/byte_streams.ts";

/** Accepts every member. */
export const anything = (): void => {};

/** A member that was read; its bytes as the characters of that number. */
export interface Unpacked {
  readonly path: string;
  readonly timeS: number;
  readonly text: string;
}

/** All files of an archive, read in chunks of the given sizes. */
export async function unpack(
  archive: Uint8Array,
  options: { accept?: (header: TarHeader) => void; sizes?: readonly number[] } = {},
): Promise<Unpacked[]> {
  const found: Unpacked[] = [];
  const stream = streamOf(archive, options.sizes);
  for await (const member of unpackTar(stream, options.accept ?? anything)) {
    const content = await collect(member.content);
    assert.equal(content.length, member.sizeBytes);
    const { path, timeS } = member;
    found.push({ path, timeS, text: new TextDecoder("latin1").decode(content) });
  }
  return found;
}

/** Whether an error has one of these codes. */
export function hasCode(...codes: readonly string[]): (error: unknown) => boolean {
  return (error) => error instanceof EscaleError && codes.includes(error.code);
}

/** A file to be packed. */
export function source(path: string, content: Uint8Array, timeS = 1600000000): TarSource {
  return {
    path: parseRelativePath(path),
    sizeBytes: content.length,
    timeS,
    open: () => streamOf(content, [1000]),
  };
}
