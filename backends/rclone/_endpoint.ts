/** Where a running rclone answers, who may ask, and what is known of the storage behind it. */
export interface Endpoint {
  /** On 127.0.0.1. */
  readonly port: number;
  readonly username: string;
  /** A secret, made for this run. */
  readonly password: string;
  /** The kind of storage that holds the objects in the end, as rclone calls it: `drive`. Empty if it is not known. */
  readonly type: string;
  /** The relay's own folder within the folder above it; empty if the relay is the top of the storage. */
  readonly base: string;
  /** rclone encrypts what stands in the relay. */
  readonly isEncrypted: boolean;
}

/** The relay's folder, as a remote of the rclone process that serves it. */
export const RELAY_REMOTE = "escale_relay:";
/** The same folder as it stands on the storage, encrypted or not. */
export const RAW_REMOTE = "escale_raw:";
/** The folder above it. */
export const PARENT_REMOTE = "escale_parent:";

/** An endpoint as a URL, so that it can stand where else the program to run is named. */
export function writeEndpoint({ port, username, password, ...facts }: Endpoint): string {
  const { type, base, isEncrypted } = facts;
  const query = new URLSearchParams({ type, base, encrypted: isEncrypted ? "yes" : "no" });
  return `http://${username}:${password}@127.0.0.1:${port}/?${query}`;
}

/** The endpoint that `program` is; `undefined` if it is the name of a program. */
export function parseEndpoint(program: string | undefined): Endpoint | undefined {
  if (program === undefined || !program.startsWith("http://")) return undefined;
  const url = URL.parse(program);
  if (url === null || url.hostname !== "127.0.0.1" || url.port === "") return undefined;
  return {
    port: Number(url.port),
    username: url.username,
    password: url.password,
    type: url.searchParams.get("type") ?? "",
    base: url.searchParams.get("base") ?? "",
    isEncrypted: url.searchParams.get("encrypted") === "yes",
  };
}
