import { createHash } from "node:crypto";

import {
  type Backend,
  BackendError,
  type ByteSource,
  type ObjectInfo,
  type ObjectName,
} from "../../backends/backend.ts";
import { EscaleError } from "../errors.ts";
import { printable } from "../path.ts";

/** The algorithm that tells copies apart. */
const ALGORITHM = "sha256";

/** What passes while objects are copied. */
export interface CopyCall {
  readonly signal: AbortSignal;
  /** Is told of each chunk that was written. */
  readonly moved?: (bytes: number) => void;
}

/** The SHA-256 of an object as it is stored, hexadecimal. @throws {BackendError} `not-found` */
export async function digestObject(
  backend: Pick<Backend, "get">,
  name: ObjectName,
  { signal }: Pick<CopyCall, "signal">,
): Promise<{ readonly digest: string; readonly sizeBytes: number }> {
  const hash = createHash(ALGORITHM);
  let sizeBytes = 0;
  for await (const chunk of await backend.get(name, { signal })) {
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  return { digest: hash.digest("hex"), sizeBytes };
}

/**
 * Copies an object as it is stored, reads the copy back and compares. One that stands there already and is the same stays.
 *
 * @returns the digest, and whether anything was written
 * @throws {EscaleError} `changed` if the object is not any more what `info` says; `corrupt` if the copy differs
 */
export async function copyObject(
  info: ObjectInfo,
  { source, target }: { readonly source: Backend; readonly target: Backend },
  call: CopyCall,
): Promise<{ readonly digest: string; readonly isWritten: boolean }> {
  const { name, sizeBytes } = info;
  const { signal } = call;
  const standing = await target.stat(name, { signal });
  if (standing?.sizeBytes === sizeBytes) {
    const ours = await changedIfGone(name, () => digestObject(source, name, { signal }));
    const theirs = await digestObject(target, name, { signal });
    if (ours.digest === theirs.digest) return { digest: ours.digest, isWritten: false };
  }
  let hash = createHash(ALGORITHM);
  const content: ByteSource = {
    sizeBytes,
    open() {
      hash = createHash(ALGORITHM);
      return ReadableStream.from(read(name, { source, hash, call }));
    },
  };
  await changedIfGone(name, () => target.put(name, content, { signal }));
  return {
    digest: await confirmObject(target, name, { digest: hash.digest("hex"), signal }),
    isWritten: true,
  };
}

/**
 * Reads an object back and returns its digest.
 *
 * @throws {EscaleError} `corrupt` if it is another than expected
 */
export async function confirmObject(
  target: Backend,
  name: ObjectName,
  { digest, signal }: { readonly digest: string; readonly signal: AbortSignal },
): Promise<string> {
  const read = await digestObject(target, name, { signal });
  if (read.digest === digest) return digest;
  throw new EscaleError(
    "corrupt",
    `Cannot copy "${printable(name)}": what was read back is not what was written`,
    { hint: "Try again; if it happens again, the storage does not keep what it is given" },
  );
}

/** What went before it was read has changed; the storage itself works. */
async function changedIfGone<T>(name: ObjectName, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const isGone = cause instanceof BackendError &&
      (cause.code === "not-found" || cause.code === "protocol");
    if (!isGone) throw cause;
    throw new EscaleError(
      "changed",
      `Cannot copy "${printable(name)}": it has changed meanwhile`,
      { hint: "Try again, without --fast", cause },
    );
  }
}

async function* read(
  name: ObjectName,
  { source, hash, call }: {
    readonly source: Backend;
    readonly hash: ReturnType<typeof createHash>;
    readonly call: CopyCall;
  },
): AsyncGenerator<Uint8Array> {
  for await (const chunk of await source.get(name, { signal: call.signal })) {
    hash.update(chunk);
    call.moved?.(chunk.length);
    yield chunk;
  }
}
