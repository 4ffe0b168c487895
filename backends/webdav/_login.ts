import { createHash, randomBytes } from "node:crypto";

/** Who logs in. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  /** By lower-case name. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Hashes for Digest by the names of RFC 7616, the stronger one first. */
const HASHES: ReadonlyMap<string, string> = new Map([["SHA-256", "sha256"], ["MD5", "md5"]]);

interface Digest {
  readonly algorithm: string;
  readonly hash: string;
  readonly isSession: boolean;
  readonly hasQop: boolean;
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | undefined;
}

type Scheme = { readonly kind: "basic" } | ({ readonly kind: "digest" } & Digest);

/**
 * Answers a server that asks who is there (RFC 7617, RFC 7616): Digest where it is offered, else Basic. Nothing is sent
 * before the server asks.
 */
export class Login {
  readonly #credentials: Credentials | undefined;
  #scheme: Scheme | undefined;
  #uses = 0;

  constructor(credentials: Credentials | undefined) {
    this.#credentials = credentials;
  }

  /** Whether there is anything to log in with. */
  get hasCredentials(): boolean {
    return this.#credentials !== undefined;
  }

  /** The value of `Authorization` for a request; `undefined` as long as the server did not ask. */
  authorize(method: string, target: string): string | undefined {
    const credentials = this.#credentials;
    if (credentials === undefined || this.#scheme === undefined) return undefined;
    if (this.#scheme.kind === "basic") return basicValue(credentials);
    this.#uses++;
    return digestValue(this.#scheme, {
      credentials,
      method,
      target,
      uses: this.#uses,
      ownNonce: randomBytes(16).toString("hex"),
    });
  }

  /**
   * Learns from the `WWW-Authenticate` of a refusal, and says whether to ask once more: `sent` was refused, and what
   * can be sent now is another thing.
   */
  learn(header: string | undefined, sent: string | undefined): boolean {
    if (this.#credentials === undefined || header === undefined) return false;
    const challenges = parseChallenges(header);
    const digest = strongestDigest(challenges);
    if (digest !== undefined) {
      // A nonce that was used up comes with "stale", or with another one after it.
      const isSame = this.#scheme?.kind === "digest" && this.#scheme.nonce === digest.nonce;
      if (sent?.includes(`nonce="${digest.nonce}"`)) return false;
      if (!isSame) {
        this.#scheme = { kind: "digest", ...digest };
        this.#uses = 0;
      }
      return true;
    }
    if (!challenges.some(({ scheme }) => scheme === "basic")) return false;
    this.#scheme = { kind: "basic" };
    return sent === undefined;
  }
}

/** The value of `Authorization` or `Proxy-Authorization` by the scheme Basic. */
export function basicValue({ username, password }: Credentials): string {
  return `Basic ${new TextEncoder().encode(`${username}:${password}`).toBase64()}`;
}

/** What a digest is made of, besides the server's challenge. */
export interface DigestUse {
  readonly credentials: Credentials;
  readonly method: string;
  readonly target: string;
  /** How often the server's nonce was used, this time included. */
  readonly uses: number;
  readonly ownNonce: string;
}

function digestValue(digest: Digest, use: DigestUse): string {
  const { algorithm, hash, isSession, hasQop, realm, nonce, opaque } = digest;
  const { credentials: { username, password }, method, target, ownNonce } = use;
  const digestOf = (text: string) => createHash(hash).update(text).digest("hex");
  const count = use.uses.toString(16).padStart(8, "0");
  const user = digestOf(`${username}:${realm}:${password}`);
  const secret = isSession ? digestOf(`${user}:${nonce}:${ownNonce}`) : user;
  const asked = digestOf(`${method}:${target}`);
  const middle = hasQop ? `${nonce}:${count}:${ownNonce}:auth` : nonce;
  const quoted = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`;
  return `Digest ${
    [
      `username=${quoted(utf8AsLatin1(username))}`,
      `realm=${quoted(realm)}`,
      `nonce="${nonce}"`,
      `uri="${target}"`,
      `response="${digestOf(`${secret}:${middle}:${asked}`)}"`,
      `algorithm=${algorithm}`,
      ...(hasQop || isSession ? [`cnonce="${ownNonce}"`] : []),
      ...(hasQop ? ["qop=auth", `nc=${count}`] : []),
      ...(opaque === undefined ? [] : [`opaque="${opaque}"`]),
    ].join(", ")
  }`;
}

/** Headers are written byte by byte. */
function utf8AsLatin1(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

function strongestDigest(challenges: readonly Challenge[]): Digest | undefined {
  const digests = challenges.flatMap((challenge) => digestOf(challenge) ?? []);
  const order = [...HASHES.values()];
  return digests.toSorted((a, b) => order.indexOf(a.hash) - order.indexOf(b.hash))[0];
}

function digestOf({ scheme, parameters }: Challenge): Digest | undefined {
  if (scheme !== "digest") return undefined;
  const algorithm = parameters.get("algorithm") ?? "MD5";
  const hash = HASHES.get(algorithm.toUpperCase().replace(/-SESS$/, ""));
  const nonce = parameters.get("nonce");
  const qop = parameters.get("qop");
  const hasAuth = qop?.toLowerCase().split(",").some((it) => it.trim() === "auth") ?? false;
  if (hash === undefined || nonce === undefined || (qop !== undefined && !hasAuth)) {
    return undefined;
  }
  return {
    algorithm,
    hash,
    isSession: /-sess$/i.test(algorithm),
    hasQop: hasAuth,
    realm: parameters.get("realm") ?? "",
    nonce,
    opaque: parameters.get("opaque"),
  };
}

/** Reads `WWW-Authenticate`, in which several challenges may stand behind each other (RFC 9110, section 11.6.1). */
export function parseChallenges(header: string): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  const part =
    /\s*(?:,\s*)?(?:([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))|([\w-]+)(?=\s|,|$))/y;
  for (let found = part.exec(header); found !== null; found = part.exec(header)) {
    const [, name, quoted, token, scheme] = found;
    if (scheme !== undefined) {
      challenges.push({ scheme: scheme.toLowerCase(), parameters: new Map() });
    } else if (name !== undefined) {
      const value = quoted === undefined ? token : quoted.replace(/\\(.)/g, "$1");
      challenges.at(-1)?.parameters.set(name.toLowerCase(), value ?? "");
    }
  }
  return challenges;
}
