import { resolve } from "node:path";

import { systemEnvironment } from "../config/environment.ts";
import { type RunFiles, runFiles } from "../config/paths.ts";
import { ControlClient, type ControlRequest } from "../daemon/control.ts";
import { holderOf } from "../daemon/pid_file.ts";
import { makeFolder } from "../daemon/small_file.ts";
import { EscaleError } from "../errors.ts";
import type { Ctl } from "./ctl.ts";
import { startDetached } from "./detach.ts";

/** The process that runs the clients of a configuration file, if there is one. */
export interface Running {
  /** Absolute. */
  readonly configFile: string;
  readonly files: RunFiles;
  /** Its number; `undefined` if nothing runs. */
  readonly pid: number | undefined;
}

/** Looks whether the clients of the configuration file run. The file itself is not read. @throws {EscaleError} `no-config` */
export function findRunning(ctl: Ctl): Running {
  const configFile = resolve(ctl.configFile());
  const files = runFiles(configFile, systemEnvironment().home);
  return { configFile, files, pid: holderOf(files.pid) };
}

/** Asks the running process for something. @throws {EscaleError} as it says; `denied` if it cannot be spoken to */
export async function askRunning(
  { files }: Running,
  { signal, ...request }: ControlRequest & { readonly signal: AbortSignal },
): Promise<readonly string[]> {
  using control = await ControlClient.open(files.control, { signal });
  return await control.ask(request);
}

/**
 * Stops the running process and waits for its end.
 *
 * @throws {EscaleError} `denied` if it cannot be spoken to or does not end
 */
export async function stopRunning(
  { files }: Running,
  { signal }: { readonly signal: AbortSignal },
): Promise<readonly string[]> {
  using control = await ControlClient.open(files.control, { signal });
  const names = await control.ask({ command: "stop", names: [] });
  await control.ended();
  const pid = holderOf(files.pid);
  if (pid === undefined) return names;
  throw new EscaleError("denied", `Cannot stop process ${pid}: it hung up and still runs`, {
    hint: `End it with "kill ${pid}"`,
  });
}

/** Starts a process with these arguments of `escale`, and waits until its clients have been started. */
export async function startRunning(
  ctl: Ctl,
  { files, args }: { readonly files: RunFiles; readonly args: readonly string[] },
): Promise<{ readonly pid: number; readonly logFile: string }> {
  makeFolder(files.folder);
  const { program, signal } = ctl;
  return await startDetached(program.escale, { args, errors: files.log, signal });
}
