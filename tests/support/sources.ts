import type { ByteSource } from "../../backends/backend.ts";

/** How {@linkcode sourceOf} gives its bytes. */
export interface SourceOptions {
  /** The length announced; by default the true one. */
  readonly sizeBytes?: number;
  /** The length of each chunk; 64 KiB by default. */
  readonly chunkBytes?: number;
  /** What the stream errors with when all bytes are given, instead of ending. */
  readonly error?: unknown;
}

/** A source of `bytes`. */
export function sourceOf(bytes: Uint8Array, options: SourceOptions = {}): ByteSource {
  const chunkBytes = options.chunkBytes ?? 64 * 1024;
  return {
    sizeBytes: options.sizeBytes ?? bytes.length,
    open() {
      let end = 0;
      return new ReadableStream({
        pull(controller) {
          if (end < bytes.length) {
            controller.enqueue(bytes.slice(end, end + chunkBytes));
            end += chunkBytes;
          } else if ("error" in options) controller.error(options.error);
          else controller.close();
        },
      }, { highWaterMark: 0 });
    },
  };
}

/** A source that stops before its last byte until it is let go. */
export interface HeldSource extends ByteSource {
  /** Settles when the source has given all but the last byte and is asked for more. */
  readonly reached: Promise<void>;
  /** Whether the stream was cancelled. */
  readonly isCancelled: () => boolean;
  letGo(): void;
}

/** A source of `bytes`, at least one, that can be opened once. */
export function heldSource(bytes: Uint8Array): HeldSource {
  const reached = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  let cancelled = false;
  let given = false;
  return {
    sizeBytes: bytes.length,
    reached: reached.promise,
    isCancelled: () => cancelled,
    letGo: gate.resolve,
    open: () =>
      new ReadableStream({
        async pull(controller) {
          if (!given && bytes.length > 1) {
            given = true;
            return controller.enqueue(bytes.slice(0, -1));
          }
          reached.resolve();
          await gate.promise;
          if (cancelled) return;
          controller.enqueue(bytes.slice(-1));
          controller.close();
        },
        cancel() {
          cancelled = true;
          gate.resolve();
        },
      }, { highWaterMark: 0 }),
  };
}

/** Whether two byte strings are equal; far faster than a deep comparison. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
