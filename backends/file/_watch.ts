import { isTemporaryName } from "./_names.ts";

/** Calls `changed` for each change below `folder`, temporary files left out, until `signal` aborts. Never throws. */
export async function watchFolder(
  folder: string,
  { changed, signal, trace }: {
    readonly changed: () => void;
    readonly signal: AbortSignal;
    readonly trace: (line: string) => void;
  },
): Promise<void> {
  if (signal.aborted) return;
  try {
    using watcher = Deno.watchFs(folder);
    const close = () => watcher.close();
    signal.addEventListener("abort", close, { once: true });
    for await (const event of watcher) {
      if (isOfInterest(event)) changed();
    }
    signal.removeEventListener("abort", close);
  } catch (thrown) {
    trace(`watch "${folder}" failed: ${String(thrown)}`);
  }
}

function isOfInterest(event: Deno.FsEvent): boolean {
  if (event.kind === "access") return false;
  return event.paths.length === 0 || event.paths.some((path) => !isTemporaryName(baseOf(path)));
}

function baseOf(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}
