import type { RelayAddress } from "../../backends/backend.ts";
import { startHelper } from "../../backends/mod.ts";
import { addressOf as ftpAddressOf } from "../backends/ftp/_server_relay.ts";
import { addressAt, Ground, hasRclone } from "../backends/rclone/_relay.ts";
import { addressOf as webDavAddressOf, serve } from "../backends/webdav/_servers.ts";
import { apache } from "../servers/apache.ts";
import { type FtpProgram, startFtpServer, whyNoFtpServer } from "../servers/ftp.ts";
import { nginx } from "../servers/nginx.ts";
import { startSftp, whyNoSftpServer } from "../servers/sftp.ts";
import { isInstalled, type WebDavProgram } from "../servers/webdav.ts";
import { makeSection } from "../support/sections.ts";

/** A real storage that runs. Disposing ends it and removes all that was on it. */
export interface StartedRelay extends AsyncDisposable {
  /** Where its objects stand on this machine. */
  readonly folder: string;
  /** The way of one more client to it. */
  address(): Promise<RelayAddress>;
}

/** A kind of real storage. */
export interface LockRelay {
  readonly name: string;
  /** Its part of many acquisitions, as some are slower than others. */
  readonly weight: number;
  /** Nothing on it is exclusive, so that locks are read back after a wait. */
  readonly isTimed: boolean;
  /** Why it cannot be started here. */
  whyNot(): string | undefined;
  start(): Promise<StartedRelay>;
}

/** All of them. */
export const RELAYS: readonly LockRelay[] = [
  { name: "file", weight: 8, isTimed: false, whyNot: () => undefined, start: startFolder },
  ftp("pure-ftpd"),
  ftp("vsftpd"),
  ftp("proftpd"),
  webDav(apache),
  webDav(nginx),
  {
    name: "rclone local",
    weight: 1,
    isTimed: true,
    whyNot: whyNoRclone,
    start() {
      const ground = new Ground(["[here]", "type = local"]);
      const folder = `${ground.root}/relay`;
      return startRclone(addressAt(`here:${folder}`, ground.config), { folder, closing: ground });
    },
  },
  {
    name: "rclone sftp",
    weight: 1,
    isTimed: true,
    whyNot: () => whyNoRclone() ?? whyNoSftpServer(),
    async start() {
      await using opening = new AsyncDisposableStack();
      const server = opening.use(await startSftp());
      const ground = opening.use(new Ground(["[far]", ...server.remote]));
      const folder = `${server.folder}/relay`;
      const address = addressAt(`far:${folder}`, ground.config);
      return await startRclone(address, { folder, closing: opening.move() });
    },
  },
];

function startFolder(): Promise<StartedRelay> {
  const folder = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "escale-relay-" }));
  return Promise.resolve({
    folder,
    address: () => Promise.resolve({ ...makeSection().relay, folder }),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  });
}

function ftp(program: FtpProgram): LockRelay {
  return {
    name: program,
    weight: 2,
    isTimed: false,
    whyNot: () => whyNoFtpServer(program),
    async start() {
      const server = await startFtpServer({ program, tls: "plain" });
      return {
        folder: `${server.root}/relay`,
        address: () => Promise.resolve(ftpAddressOf(server, { tls: "plain" })),
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
  };
}

function webDav(program: WebDavProgram): LockRelay {
  return {
    name: program.name,
    weight: 2,
    isTimed: false,
    whyNot: () => isInstalled(program) ? undefined : `no ${program.tool} here`,
    async start() {
      const opened = await serve(program);
      return {
        folder: opened.server.folder,
        address: () => Promise.resolve(webDavAddressOf(opened.server)),
        [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
      };
    },
  };
}

function whyNoRclone(): string | undefined {
  return hasRclone() ? undefined : "no rclone here";
}

/** Each client has an rclone of its own, as on machines of their own. */
function startRclone(
  address: ReturnType<typeof addressAt>,
  { folder, closing }: { readonly folder: string; readonly closing: AsyncDisposable },
): Promise<StartedRelay> {
  const stack = new AsyncDisposableStack();
  stack.use(closing);
  // Of several that make it at the same time over sftp, one is refused.
  Deno.mkdirSync(folder);
  return Promise.resolve({
    folder,
    address: async () => stack.use(await startHelper(address)).relay,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  });
}
