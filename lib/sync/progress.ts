import type { Workshop } from "./round.ts";

/** Transfers below this size are not worth a progress line. */
const WORTH_TELLING_BYTES = 4 * 1024 * 1024;
const TELL_EVERY_MS = 250;

/** Tells how far a transfer has come, a few times a second. Call what it returns with the size of each chunk. */
export function watchProgress(
  { emit, nowMs }: Pick<Workshop, "emit" | "nowMs">,
  about: { readonly action: "push" | "pull"; readonly path: string; readonly sizeBytes: number },
): (chunkBytes: number) => void {
  if (about.sizeBytes < WORTH_TELLING_BYTES) return () => {};
  let doneBytes = 0;
  let toldMs = 0;
  return (chunkBytes) => {
    doneBytes += chunkBytes;
    const now = nowMs();
    if (doneBytes < about.sizeBytes && now - toldMs < TELL_EVERY_MS) return;
    toldMs = now;
    emit({ kind: "transfer", ...about, doneBytes });
  };
}
