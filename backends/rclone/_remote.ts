import { BackendError, type RelayAddress } from "../backend.ts";
import { isFields } from "./_rc.ts";

/** What rclone's own configuration says of a remote, as far as it matters here. */
export interface Remote {
  readonly type: string;
  /** The remote that this one is a view of, with its path. */
  readonly remote?: string;
}

/** The remotes that rclone's configuration has, by name. */
export type Remotes = ReadonlyMap<string, Remote>;

/** Where a relay stands, in rclone's terms. */
export interface Place {
  /** With its colon, as `dropbox:`. */
  readonly remote: string;
  /** Without slashes at its end; empty for the top of the remote. */
  readonly path: string;
  /** The kind of storage that holds the objects in the end; empty if the configuration does not tell. */
  readonly type: string;
}

/** What rclone calls the storages that have protocols of their own here. */
const TYPES: ReadonlyMap<string, string> = new Map([
  ["amazoncloud", "amazon cloud drive"],
  ["googlecloud", "google cloud storage"],
  ...["b2", "dropbox", "hubic", "onedrive", "s3", "sftp", "swift", "yandex"].map((it) =>
    [it, it] as const
  ),
]);

/** Every protocol that rclone speaks for us. */
export const RCLONE_PROTOCOLS: readonly string[] = ["rclone", ...TYPES.keys()];

/** How many views of views are followed. */
const MAX_VIEWS = 8;

/** What `rclone config dump` printed. @throws {BackendError} `protocol` if it is no JSON object */
export function parseRemotes(text: string): Remotes {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new BackendError("protocol", "Cannot read the remotes of rclone: it prints no JSON", {
      cause,
    });
  }
  const remotes = new Map<string, Remote>();
  for (const [name, fields] of Object.entries(isFields(value) ? value : {})) {
    if (!isFields(fields) || typeof fields["type"] !== "string") continue;
    const { remote } = fields;
    remotes.set(name, {
      type: fields["type"],
      ...(typeof remote === "string" ? { remote } : {}),
    });
  }
  return remotes;
}

/**
 * Where the relay of `address` stands. With protocol `rclone` its remote is named, as `remote:folder`,
 * `remote/folder`, or apart from the folder; with the protocol of a storage it is the remote of that type, unless one is
 * named.
 *
 * @throws {BackendError} `not-found`, with how to make it, if there is no such remote, or several
 */
export function placeOf(address: RelayAddress, remotes: Remotes): Place {
  const { protocol, host, folder = "" } = address;
  const type = TYPES.get(protocol);
  if (host !== undefined) return makePlace(host.replace(/:$/, ""), folder, remotes);
  const [, named, inner] = /^(:?[^:/]+):(.*)$/s.exec(folder) ?? [];
  if (type === undefined) {
    const [, first = "", rest = ""] = /^([^/]*)\/?(.*)$/s.exec(folder) ?? [];
    const [name, path] = named === undefined ? [first, rest] : [named, inner ?? ""];
    if (name === "") throw noName();
    return makePlace(name, path, remotes);
  }
  if (named !== undefined && remotes.get(named)?.type === type) {
    return makePlace(named, inner ?? "", remotes);
  }
  return makePlace(ofType({ protocol, type }, remotes), folder, remotes);
}

function makePlace(name: string, path: string, remotes: Remotes): Place {
  const plain = path.replace(/\/{2,}/g, "/").replace(/\/$/, "");
  return { remote: `${name}:`, path: plain, type: typeOf(name, remotes) };
}

/** The type of the storage beneath a remote that may be a view, as `crypt` is. */
function typeOf(name: string, remotes: Remotes): string {
  let current = name;
  for (let i = 0; i < MAX_VIEWS; i++) {
    if (current.startsWith(":")) return current.slice(1).split(",")[0] ?? "";
    const found = remotes.get(current.split(",")[0] ?? "");
    if (found?.remote === undefined) return found?.type ?? "";
    const [, next] = /^(:?[^:/]+):/.exec(found.remote) ?? [];
    if (next === undefined) return "local";
    current = next;
  }
  return "";
}

/** The one remote of a type, or the one of them that is called as the protocol. */
function ofType(
  { protocol, type }: { readonly protocol: string; readonly type: string },
  remotes: Remotes,
): string {
  const names = [...remotes].filter(([, it]) => it.type === type).map(([name]) => name);
  if (names.includes(protocol)) return protocol;
  const [only] = names;
  if (only !== undefined && names.length === 1) return only;
  if (only === undefined) {
    throw new BackendError(
      "not-found",
      `Cannot open the relay: rclone has no remote of type "${type}"`,
      {
        hint:
          `Make one with "rclone config create ${protocol} "${type}"", or step by step with "rclone config"`,
      },
    );
  }
  const list = names.map((it) => `"${it}"`).join(", ");
  throw new BackendError(
    "not-found",
    `Cannot open the relay: rclone has ${names.length} remotes of type "${type}": ${list}`,
    { hint: `Name the one to use: "address = rclone://${only}:folder"` },
  );
}

function noName(): BackendError {
  return new BackendError("not-found", "Cannot open the relay: its address names no remote", {
    hint: 'Write "address = rclone://remote:folder"; "rclone listremotes" shows the remotes',
  });
}
