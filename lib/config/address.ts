/** The protocols whose addresses hold a path here, a path there, or both, and no host. */
export const MULTI_PATH_PROTOCOLS: readonly string[] = [
  ...["amazoncloud", "b2", "dropbox", "google", "googlecloud", "googledrive", "hubic", "onedrive"],
  ...["rclone", "s3", "sftp", "swift", "yandex"],
];

/** The parts of a relay's address, as they stand in it; nothing is checked. */
export interface Address {
  readonly protocol?: string;
  /** What stands before `@`; a password that does not belong there is still in it. */
  readonly username?: string;
  /** The host, without the brackets of an IPv6 address; or a local path, with `~` expanded. */
  readonly host?: string;
  readonly port?: string;
  /** The folder at the relay. */
  readonly path?: string;
}

/** How {@linkcode parseAddress} reads. */
export interface AddressOptions {
  /** What `~` stands for, without a final slash. */
  readonly home: string;
  /** Whether {@linkcode MULTI_PATH_PROTOCOLS} are known; if not, they are read like the others. Yes by default. */
  readonly isMultiPath?: boolean;
}

/**
 * Takes `protocol://host:port/path` apart, of which each part may be missing. An address that starts with `/` or `~`
 * is a local path. With a multi-path protocol, `//` parts a local path from the one at the relay.
 */
export function parseAddress(text: string, { home, isMultiPath = true }: AddressOptions): Address {
  const multiPath = isMultiPath ? MULTI_PATH_PROTOCOLS : [];
  if (isLocal(text)) return { host: expandHome(text, home) };
  if (multiPath.includes(text)) return { protocol: text };
  const parts = text.split("://");
  const [protocol, rest] = parts.length === 2 ? parts : [undefined, text];
  if (protocol === undefined || rest === undefined) return parseHost(text);
  if (multiPath.includes(protocol)) return { protocol, ...parseMultiPath(rest, home) };
  if (protocol === "file" || isLocal(rest)) return { protocol, host: expandHome(rest, home) };
  return { protocol, ...parseHost(rest) };
}

function parseMultiPath(text: string, home: string): Address {
  if (!isLocal(text)) return text === "" ? {} : { path: text };
  const [host, path, ...others] = text.split("//");
  const isPair = host !== undefined && path !== undefined && others.length === 0;
  return isPair ? { host: expandHome(host, home), path } : { host: expandHome(text, home) };
}

function parseHost(text: string): Address {
  const slash = text.indexOf("/");
  const authority = slash < 0 ? text : text.slice(0, slash);
  const path = slash < 0 ? {} : { path: text.slice(slash + 1) };
  const at = authority.lastIndexOf("@");
  const user = at < 0 ? {} : { username: authority.slice(0, at) };
  const place = authority.slice(at + 1);
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::([^:]*))?$/.exec(place) ?? [];
  const host = bracketed ?? plain ?? place;
  return { ...user, host, ...(port === undefined ? {} : { port }), ...path };
}

function isLocal(text: string): boolean {
  return text.startsWith("/") || text.startsWith("~");
}

function expandHome(path: string, home: string): string {
  return path === "~" || path.startsWith("~/") ? home + path.slice(1) : path;
}
