import type { BackendContext } from "../../../backends/backend.ts";
import {
  openRclone,
  type RcloneAddress,
  startRclone,
  writeEndpoint,
} from "../../../backends/rclone/mod.ts";
import type { TestRelay } from "../conformance.ts";

/** Whether rclone is on this machine. */
export function hasRclone(): boolean {
  try {
    new Deno.Command("rclone", { args: ["version"], stdout: "null", stderr: "null" }).outputSync();
    return true;
  } catch {
    return false;
  }
}

/** Why no remote can hold a name. */
export function cannotName(name: string): string | undefined {
  // deno-lint-ignore no-control-regex -- they are what is meant
  return /[\u0000-\u001f]/.test(name) ? "rclone keeps no control characters" : undefined;
}

/** The address of a relay at `place`, as `remote:folder`, with remotes of that file. */
export function addressAt(
  place: string,
  config: string,
  changes: Partial<RcloneAddress> = {},
): RcloneAddress {
  return {
    protocol: "rclone",
    folder: place,
    verifyTls: true,
    maxTransfers: 4,
    timeoutMs: 60_000,
    rcloneConfig: config,
    ...changes,
  };
}

/** Folders of its own for a test: `root` holds rclone's configuration and what the test wants. Disposing removes it. */
export class Ground implements AsyncDisposable {
  readonly root: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "escale-rclone-" }));
  readonly config: string = `${this.root}/rclone.conf`;

  /** With these lines as rclone's configuration. */
  constructor(lines: readonly string[]) {
    Deno.writeTextFileSync(this.config, `${lines.join("\n")}\n`, { mode: 0o600 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
  }
}

/**
 * A relay that one rclone serves to all its clients, as a daemon's clients have it. `folder` is where it stands on this
 * machine, if it does.
 */
export async function relayAt(
  address: RcloneAddress,
  { folder, closing }: { readonly folder?: string; readonly closing: AsyncDisposable },
): Promise<TestRelay> {
  await using opening = new AsyncDisposableStack();
  opening.use(closing);
  const rclone = opening.use(await startRclone(address));
  const program = writeEndpoint(rclone.endpoint);
  const held = opening.move();
  return {
    open: (context: BackendContext = {}) => openRclone({ ...address, program }, context),
    ...(folder === undefined ? {} : { removeRoot: () => Deno.remove(folder, { recursive: true }) }),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
