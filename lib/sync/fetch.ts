import { type DigestAlgorithm, DigestObserver } from "../crypto/digest.ts";
import type { Staged } from "../local/write.ts";
import type { RelativePath } from "../path.ts";
import type { PlainContent } from "../relay/relay.ts";
import { watchProgress } from "./progress.ts";
import type { Workshop } from "./round.ts";

/** A content in a temporary file, not yet durable. */
export interface Fetched {
  readonly staged: Staged;
  /** Its digest by this client's algorithm. */
  readonly digest: string;
  /** Its digest by the algorithm that was asked for. */
  readonly theirDigest: string | undefined;
}

/**
 * Fetches a resource's content from the relay into a temporary file beside its place, decrypted and hashed on the way.
 *
 * @throws {EscaleError} `corrupt`, `wrong-key` if it is not authentic; `full`, `denied`, `refused`
 */
export async function fetchContent(
  resource: RelativePath,
  options: {
    readonly content: () => Promise<PlainContent>;
    readonly workshop: Workshop;
    /** What is expected to come, for progress. */
    readonly sizeBytes: number;
    /** The length that the record states: more is refused as it comes, before it fills the disk. */
    readonly statedBytes?: number | undefined;
    readonly timeS?: number | undefined;
    readonly algorithm?: DigestAlgorithm | undefined;
  },
): Promise<Fetched> {
  const { workshop, sizeBytes, statedBytes, timeS } = options;
  const { checksums, misfits, stager, signal } = workshop;
  const place = misfits.findPlace(resource);
  const algorithms = new Set([checksums.algorithm, options.algorithm ?? checksums.algorithm]);
  const observers = new Map(
    [...algorithms].map((algorithm) => [algorithm, new DigestObserver(algorithm)]),
  );
  const progress = watchProgress(workshop, { action: "pull", path: resource, sizeBytes });
  const see = (chunk: Uint8Array) => {
    for (const observer of observers.values()) observer.update(chunk);
    progress(chunk.length);
  };
  const content = await options.content();
  if (content instanceof Uint8Array) see(content);
  const staged = await stager.stage(
    place,
    content instanceof Uint8Array ? content : content.pipeThrough(
      new TransformStream({
        transform(chunk, controller) {
          see(chunk);
          controller.enqueue(chunk);
        },
      }),
    ),
    {
      signal,
      ...(statedBytes === undefined ? {} : { sizeBytes: statedBytes }),
      ...(timeS === undefined ? {} : { timeS }),
    },
  );
  const digests = new Map(
    [...observers].map(([algorithm, observer]) => [algorithm, observer.finish().checksum]),
  );
  return {
    staged,
    digest: digests.get(checksums.algorithm) ?? "",
    theirDigest: options.algorithm && digests.get(options.algorithm),
  };
}
