import { messageOf } from "../errors.ts";

/** How to watch. */
export interface WatchOptions {
  /** Ends the watching. */
  readonly signal: AbortSignal;
  /** Receives one line if the system cannot watch; then the caller must look by itself. */
  readonly warn?: (message: string) => void;
}

/**
 * Calls `changed` soon after something that is not hidden may have changed below `root`, often several times for one
 * change. A hint: calls may be late, spurious or missing, and end after one warning where the system cannot watch.
 * The promise is fulfilled when the watching has ended, and never rejected.
 */
export async function watchRepository(
  root: string,
  changed: () => void,
  options: WatchOptions,
): Promise<void> {
  const { signal, warn } = options;
  if (signal.aborted) return;
  try {
    using watcher = Deno.watchFs(root);
    const stop = () => watcher.close();
    signal.addEventListener("abort", stop, { once: true });
    try {
      for await (const event of watcher) {
        if (event.kind !== "access" && isOfInterest(root, event)) changed();
      }
    } finally {
      signal.removeEventListener("abort", stop);
    }
  } catch (cause) {
    if (!signal.aborted) {
      warn?.(`Cannot watch "${root}", so changes are found by looking: ${messageOf(cause)}`);
    }
  }
}

/** An event without a path tells that some were lost. */
function isOfInterest(root: string, event: Deno.FsEvent): boolean {
  return event.paths.length === 0 || event.paths.some((path) => !isHidden(root, path));
}

function isHidden(root: string, path: string): boolean {
  return path.startsWith(root) && /[/\\]\./.test(path.slice(root.length));
}
