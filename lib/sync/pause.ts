/** Waits, or throws the signal's reason. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** Work on end between two turns of the event loop, milliseconds. */
const SLICE_MS = 50;

/** For long work that waits for nothing: gives everything else a turn when it is called, if none was given for a while. */
export function turnGiver(signal: AbortSignal): () => Promise<void> {
  let sliceEndMs = performance.now() + SLICE_MS;
  return async () => {
    if (performance.now() < sliceEndMs) return;
    await new Promise((resume) => setTimeout(resume, 0));
    signal.throwIfAborted();
    sliceEndMs = performance.now() + SLICE_MS;
  };
}
