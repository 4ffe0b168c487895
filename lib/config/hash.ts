import { getHashes } from "node:crypto";

/** The hash algorithms proper in the runtime's list, which holds signature schemes and odd names for them too. */
const PROPER = /^(?:sha[1-9][\d-]*|blake2[bs]\d+|md5|md5-sha1|sm3|ripemd160)$/;

/**
 * The `node:crypto` name of a checksum algorithm as Python or OpenSSL may write it (`sha3_256`, `blake2b`, `SHA2-256`),
 * or `undefined` if this runtime has none of that name or its checksums have no fixed length.
 */
export function findHash(name: string): string | undefined {
  const wanted = essence(name);
  return getHashes().find((hash) => PROPER.test(hash) && essence(hash) === wanted);
}

/** A name without case and separators, as OpenSSL has it without the "2" of "SHA2-" and Python without BLAKE's length. */
function essence(name: string): string {
  return name.toLowerCase().replace(/^sha2-/, "sha").replace(/^(blake2[bs])\d+$/, "$1")
    .replace(/[-_/]/g, "");
}
