/** What ends the program. Never SIGUSR1, which the runtime takes for itself. */
const STOP_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];

/** What is to be done at signals. */
export interface SignalActions {
  readonly stop: () => void;
  readonly kill: () => void;
  /** At SIGHUP; without it that signal ends the program, as it does where nobody listens. */
  readonly reload?: () => void;
}

/** Calls `stop` at the first signal to stop and `kill` at each later one, until it is disposed of. */
export function listenForSignals({ stop, kill, reload }: SignalActions): Disposable {
  let isStopping = false;
  const hear = () => {
    if (isStopping) return kill();
    isStopping = true;
    stop();
  };
  const heard: (readonly [Deno.Signal, () => void])[] = STOP_SIGNALS.map((name) => [name, hear]);
  if (reload !== undefined && Deno.build.os !== "windows") heard.push(["SIGHUP", reload]);
  for (const [name, action] of heard) Deno.addSignalListener(name, action);
  return {
    [Symbol.dispose]() {
      for (const [name, action] of heard) Deno.removeSignalListener(name, action);
    },
  };
}
