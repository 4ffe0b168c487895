/** How much a log line matters: `warn` asks the user to act, `info` tells what changed, `debug` why, `trace` the wire. */
export type LogLevel = "error" | "warn" | "info" | "debug" | "trace";

/** The levels from the most to the least important. */
export const LOG_LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug", "trace"];

/** Facts of an event, named; units are in the names. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Where the library writes its events: an event and its fields. Silent if nobody listens. */
export interface Log {
  error(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  debug(event: string, fields?: LogFields): void;
}

/** A {@linkcode Log} that hands every line to `write`. */
export function logTo(write: (level: LogLevel, event: string, fields: LogFields) => void): Log {
  return {
    error: (event, fields = {}) => write("error", event, fields),
    warn: (event, fields = {}) => write("warn", event, fields),
    info: (event, fields = {}) => write("info", event, fields),
    debug: (event, fields = {}) => write("debug", event, fields),
  };
}

/** A {@linkcode Log} that nobody reads. */
export const silentLog: Log = logTo(() => {});
