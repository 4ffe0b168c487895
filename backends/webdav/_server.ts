import type { Answer } from "./_answer.ts";

/**
 * What is known of a server program beyond the standard, by what it says of itself. Each claim was measured (table in
 * `.github/ARCHITECTURE.md`); nothing is claimed of a server that is not recognised.
 */
export interface ServerProfile {
  readonly name: string;
  readonly isKnown: boolean;
  /** A `PUT` is stored beside its name and takes it only when complete. */
  readonly hasAtomicPut: boolean;
  /** One who reads while an object is replaced gets the former content or the new one, never a part. */
  readonly replacesAtomically: boolean;
  /** A `PUT` of an empty object or of a name of nearly 255 bytes goes wrong. */
  readonly mishandlesOddPuts: boolean;
  /** Of several `MKCOL` at the same time one succeeds. */
  readonly hasExclusiveFolders: boolean;
  /** A `PUT` with `If-None-Match: *` replaces nothing that stood before. */
  readonly honoursIfNoneMatch: boolean;
  /** A `DELETE` with `Depth: 0` removes no folder. */
  readonly sparesFolders: boolean;
  /** Listings leave out what begins with a dot. */
  readonly hidesDotNames: boolean;
  /** Names may have control characters. Others refuse them, or store them as something else. */
  readonly holdsControls: boolean;
}

/** A server that nothing is known of. */
export const UNKNOWN: ServerProfile = {
  name: "unknown",
  isKnown: false,
  hasAtomicPut: false,
  replacesAtomically: false,
  mishandlesOddPuts: false,
  hasExclusiveFolders: false,
  honoursIfNoneMatch: false,
  sparesFolders: false,
  hidesDotNames: false,
  holdsControls: false,
};

const FILE_SERVER = {
  isKnown: true,
  hasAtomicPut: true,
  hasExclusiveFolders: true,
  sparesFolders: true,
};

const APACHE: ServerProfile = {
  ...UNKNOWN,
  ...FILE_SERVER,
  name: "Apache mod_dav_fs",
  honoursIfNoneMatch: true,
  holdsControls: true,
};

const NGINX: ServerProfile = {
  ...UNKNOWN,
  ...FILE_SERVER,
  name: "nginx",
  replacesAtomically: true,
  hidesDotNames: true,
  holdsControls: true,
};

const LIGHTTPD: ServerProfile = {
  ...UNKNOWN,
  ...FILE_SERVER,
  name: "lighttpd mod_webdav",
  replacesAtomically: true,
  mishandlesOddPuts: true,
  honoursIfNoneMatch: true,
};

/** Methods as nginx with its two modules lists them, and nobody else. */
const NGINX_METHODS = "GET,HEAD,PUT,DELETE,MKCOL,COPY,MOVE,PROPFIND,OPTIONS";

/**
 * Tells the server program from its answer to `OPTIONS`. A proxy in front of another server may put its own name into
 * `Server`, so that alone is never enough.
 */
export function identify(answer: Pick<Answer, "header">): ServerProfile {
  const header = (name: string) => answer.header(name) ?? "";
  if (header("dav").includes("<http://apache.org/dav/propset/fs/1>")) return APACHE;
  const server = header("server");
  if (/^nginx\b/.test(server) && header("allow").startsWith(NGINX_METHODS)) return NGINX;
  const isLighttpd = /^lighttpd\b/.test(server) && header("ms-author-via") === "DAV";
  return isLighttpd && /^1,(?:\s*2,)?\s*3$/.test(header("dav")) ? LIGHTTPD : UNKNOWN;
}
