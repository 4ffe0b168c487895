import { BackendError, type ByteSource } from "../backend.ts";

/** What is attempted, for error messages, and what ends it early. */
interface SourceOptions {
  readonly action: string;
  readonly signal?: AbortSignal | undefined;
}

/** A small source whole. @throws {BackendError} `protocol` if it has another length than announced */
export async function bytesOf(source: ByteSource, options: SourceOptions): Promise<Uint8Array> {
  const bytes = source.bytes ?? await gather(source, options);
  if (bytes.length === source.sizeBytes) return bytes;
  throw wrongLength(options, source, bytes.length > source.sizeBytes ? "longer" : "shorter");
}

async function gather(source: ByteSource, options: SourceOptions): Promise<Uint8Array> {
  const bytes = new Uint8Array(source.sizeBytes);
  let end = 0;
  const sink = new WritableStream<Uint8Array>({
    write(chunk) {
      if (end + chunk.length > bytes.length) throw wrongLength(options, source, "longer");
      bytes.set(chunk, end);
      end += chunk.length;
    },
  });
  const { signal } = options;
  await source.open().pipeTo(sink, signal === undefined ? {} : { signal });
  return bytes.subarray(0, end);
}

/** The error for content that has another length than announced. */
export function wrongLength(
  { action }: SourceOptions,
  { sizeBytes }: Pick<ByteSource, "sizeBytes">,
  how: "longer" | "shorter",
): BackendError {
  return new BackendError(
    "protocol",
    `Cannot ${action}: its content is ${how} than the ${sizeBytes} bytes announced`,
  );
}
