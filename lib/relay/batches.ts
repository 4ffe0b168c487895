/** How much one batch of locked resources may hold. */
export interface BatchLimits {
  readonly maxItems: number;
  readonly maxBytes: number;
  /** This many are taken together however large they are, so that transfers overlap. */
  readonly minItems: number;
}

/** Cuts `items` into batches, in their order. */
export function* batches<T extends { readonly sizeBytes: number }>(
  items: readonly T[],
  limits: BatchLimits,
): Generator<T[]> {
  let batch: T[] = [];
  let bytes = 0;
  for (const item of items) {
    const isFull = batch.length >= limits.maxItems ||
      (batch.length >= limits.minItems && bytes + item.sizeBytes > limits.maxBytes);
    if (isFull) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(item);
    bytes += item.sizeBytes;
  }
  if (batch.length > 0) yield batch;
}
