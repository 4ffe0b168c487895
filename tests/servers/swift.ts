import { fileURLToPath } from "node:url";
import { hasTool } from "../support/tools.ts";
import { freePort, startServer } from "./process.ts";

const PROGRAM = fileURLToPath(new URL("./object_storage.py", import.meta.url));
/** The most that the server takes in one request. */
export const MAX_BYTES: number = 32 * 1024 * 1024;
/** The account of {@linkcode PROGRAM}. */
const [USER, KEY] = ["escale:me", "secret"];

/** A running OpenStack Swift, at first without any containers. Disposing ends it and removes its folder. */
export interface SwiftServer extends AsyncDisposable {
  /** The lines of rclone remotes that reach it, without their names: by S3, whose buckets are its containers. */
  readonly s3: readonly string[];
  /** By its own protocol. */
  readonly swift: readonly string[];
  output(): string;
}

/** Why the server cannot be started here; `undefined` if it can. */
export function whyNoSwift(): string | undefined {
  return hasTool("python3:swift") ? undefined : "no python3-swift here";
}

/** Starts the server on a free port of 127.0.0.1. */
export async function startSwift(): Promise<SwiftServer> {
  // rclone 1.60 cannot use S3 at all where this is set.
  Deno.env.delete("AWS_CA_BUNDLE");
  const home = await Deno.makeTempDir({ prefix: "escale-swift-" });
  const port = freePort();
  const server = await startServer({
    program: "python3",
    args: ["-B", PROGRAM, home, `${port}`],
    port,
  });
  const url = `http://127.0.0.1:${port}`;
  return {
    s3: [
      ...["type = s3", "provider = Other", `endpoint = ${url}`, "force_path_style = true"],
      ...["region = us-east-1", `access_key_id = ${USER}`, `secret_access_key = ${KEY}`],
    ],
    swift: ["type = swift", `auth = ${url}/auth/v1.0`, `user = ${USER}`, `key = ${KEY}`],
    output: () => server.output(),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Deno.remove(home, { recursive: true });
    },
  };
}
