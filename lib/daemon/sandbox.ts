import { proxyAddress } from "../config/proxy.ts";
import type { RelaySettings, Section } from "../config/section.ts";

/**
 * The database, what SQLite keeps beside it, the lock of the running client, a database that was damaged, and an
 * archive that is being sent.
 */
const STATE_SUFFIXES = ["", "-wal", "-shm", ".run", ".run-journal", ".damaged", ".spool"];

/**
 * The permissions that a client's worker needs, and no more: its repository, its state, its relay. Grants are for the
 * paths as configured and for what `realPath` makes of them, since the runtime compares paths as text.
 */
export function permissionsFor(
  section: Section,
  { realPath }: { readonly realPath: (path: string) => string },
): Deno.PermissionOptionsObject {
  const { relay, statePath } = section;
  const both = (paths: readonly (string | undefined)[]) => {
    const given = paths.filter((path) => path !== undefined);
    return [...new Set(given.flatMap((path) => [path, realPath(path)]))];
  };
  const state = both([statePath]).flatMap((path) => STATE_SUFFIXES.map((suffix) => path + suffix));
  const write = [
    ...both([section.localPath, relay.protocol === "file" ? relay.folder : undefined]),
    ...state,
  ];
  return {
    read: [...write, ...both([relay.certificateFile, relay.keyFile])],
    write,
    net: netFor(relay),
    run: runFor(relay),
    env: false,
    ffi: false,
    import: false,
    // The free space of disks is asked for.
    sys: ["osUptime", "statfs"],
  };
}

function netFor({ protocol, host, port, proxy, program }: RelaySettings): string[] | false {
  // A program that runs already, beside the worker, is all that is spoken to.
  const helper = helperAddress(program);
  if (helper !== undefined) return [helper];
  if (host === undefined) return false;
  // Through a proxy nothing else is spoken to.
  if (proxy !== undefined) return [proxyAddress(proxy)].filter((it) => it !== undefined);
  const address = host.includes(":") ? `[${host}]` : host;
  switch (protocol) {
    case "ftp":
    case "ftps":
      // The server picks the port of each data connection.
      return [address];
    case "http":
    case "https":
    case "webdav":
      return (port === undefined ? [80, 443] : [port]).map((number) => `${address}:${number}`);
    default:
      return false;
  }
}

/** The host and port of a program that is named by the URL where it answers. */
function helperAddress(program: string | undefined): string | undefined {
  if (program === undefined || !program.startsWith("http://")) return undefined;
  return URL.parse(program)?.host;
}

function runFor(relay: RelaySettings): string[] | false {
  const { protocol, program } = relay;
  if (helperAddress(program) !== undefined) return false;
  if (protocol === "googledrive") return [program ?? "drive"];
  return needsHelper(relay) ? [program ?? "rclone"] : false;
}

/** Whether the relay is reached through a program that is to run beside the worker: rclone. */
export function needsHelper({ protocol }: RelaySettings): boolean {
  switch (protocol) {
    case "file":
    case "ftp":
    case "ftps":
    case "http":
    case "https":
    case "webdav":
    case "googledrive":
      return false;
    default:
      return true;
  }
}

/**
 * Whether workers can be given permissions of their own. To ask for that without the flag
 * `--unstable-worker-options` ends the whole program, and the runtime has no way to ask whether it was given; but it
 * hands its flags on to forked programs. So one is prepared whose path cannot exist, and its arguments are looked at.
 *
 * Not looked at under permissions listed one by one: who lists them lists this flag too, or is told by the runtime.
 */
export async function canLimitWorkers(): Promise<boolean> {
  if (Deno.build.standalone || !isGranted("env") || !isGranted("run")) return true;
  const { fork } = await import("node:child_process");
  const child = fork("none", [], { execPath: "/dev/null/none", stdio: "ignore", env: {} });
  child.on("error", () => {});
  return child.spawnargs.includes("--unstable-worker-options");
}

function isGranted(name: "env" | "run"): boolean {
  return Deno.permissions.querySync({ name }).state === "granted";
}
