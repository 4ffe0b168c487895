import type { Backend, RelayAddress } from "../../../backends/backend.ts";
import { openGoogleDrive } from "../../../backends/googledrive/mod.ts";
import { FakeDrive } from "../../support/fake_drive.ts";
import type { TestRelay } from "../conformance.ts";

/** Why drive can hold no such name. */
export function cannotName(name: string): string | undefined {
  // deno-lint-ignore no-control-regex -- they are what is meant
  if (/[\u0000-\u001f\u007f]/.test(name)) return "drive shows names line by line";
  if (/ (\/|$)/.test(name)) return "drive shows names with blanks after them";
  return name.includes("%2F") ? "drive takes it for a slash" : undefined;
}

/** A relay on a stand-in for drive, with its folder. Disposing removes it. */
export class DriveRelay implements TestRelay {
  readonly drive: FakeDrive;
  readonly address: RelayAddress;
  readonly #root: string;

  constructor(changes: Partial<RelayAddress> = {}) {
    this.#root = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "escale-drive-" }));
    this.drive = new FakeDrive(this.#root);
    this.address = {
      protocol: "googledrive",
      host: this.drive.mount("my drive"),
      folder: "Escale/the relay",
      program: this.drive.program,
      verifyTls: true,
      maxTransfers: 4,
      timeoutMs: 60_000,
      ...changes,
    };
  }

  open(changes: Partial<RelayAddress> = {}): Promise<Backend> {
    return openGoogleDrive({ ...this.address, ...changes });
  }

  removeRoot(): Promise<void> {
    this.drive.change((files) => {
      for (const file of Object.values(files)) {
        if (file.title === "the relay") file.trashed = true;
      }
    });
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#root, { recursive: true });
  }
}
