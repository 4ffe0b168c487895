import { DigestObserver } from "../crypto/digest.ts";
import { EscaleError } from "../errors.ts";
import type { RelayContext } from "./context.ts";
import type { RelayRecord } from "./metadata.ts";
import { contentName } from "./names.ts";
import type { ContentCheck, RelayEntry } from "./relay.ts";

/**
 * Reads a content and tells whether it is the record's. Without a checksum to go by, the size and the cipher's
 * authenticator decide; plain content without either counts as damaged, as nothing shows that it is whole.
 *
 * @throws {BackendError} if it cannot be read
 */
export async function checkContent(
  context: Pick<RelayContext, "backend" | "cipher" | "checksums">,
  entry: RelayEntry,
  record: RelayRecord,
): Promise<ContentCheck> {
  const { backend, cipher, checksums } = context;
  if (entry.storedBytes === undefined) return "absent";
  const algorithm = checksums.algorithmOf(record);
  const hash = algorithm === undefined ? undefined : new DigestObserver(algorithm);
  let sizeBytes = 0;
  try {
    const stored = await backend.get(contentName(entry.resource));
    for await (const chunk of stored.pipeThrough(cipher.decrypt())) {
      sizeBytes += chunk.length;
      if (record.sizeBytes !== undefined && sizeBytes > record.sizeBytes) return "damaged";
      hash?.update(chunk);
    }
  } catch (cause) {
    if (cause instanceof EscaleError && (cause.code === "corrupt" || cause.code === "wrong-key")) {
      return "damaged";
    }
    throw cause;
  }
  if (record.sizeBytes !== undefined && record.sizeBytes !== sizeBytes) return "damaged";
  if (hash !== undefined) {
    return checksums.matches(record, hash.finish().checksum) ? "whole" : "damaged";
  }
  return cipher.authenticates || record.sizeBytes !== undefined ? "whole" : "damaged";
}
