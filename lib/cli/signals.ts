/** What ends the program. Never SIGUSR1, which the runtime takes for itself. */
const STOP_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];

/** Calls `stop` at the first signal to stop and `kill` at each later one, until it is disposed of. */
export function listenForSignals(
  { stop, kill }: { readonly stop: () => void; readonly kill: () => void },
): Disposable {
  let isStopping = false;
  const hear = () => {
    if (isStopping) return kill();
    isStopping = true;
    stop();
  };
  for (const signal of STOP_SIGNALS) Deno.addSignalListener(signal, hear);
  return {
    [Symbol.dispose]() {
      for (const signal of STOP_SIGNALS) Deno.removeSignalListener(signal, hear);
    },
  };
}
