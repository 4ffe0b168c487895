import type { LocalFile } from "../local/scan.ts";
import type { Staged } from "../local/write.ts";
import type { RelativePath } from "../path.ts";
import type { RelayRecord } from "../relay/metadata.ts";
import type { RelayEntry } from "../relay/relay.ts";
import type { Compared } from "./compare.ts";
import type { Action } from "./plan.ts";

/** A decision taken again under the lock. */
export interface Decided {
  readonly resource: RelativePath;
  readonly entry: RelayEntry;
  readonly record: RelayRecord;
  readonly compared: Compared;
  readonly action: Action;
}

/** A content that came, verified, in a temporary file. */
export interface Arrived extends Decided {
  readonly staged: Staged;
  /** Digest of the plain content by this client's algorithm. */
  readonly digest: string;
}

/** A version whose content this client durably holds now. */
export interface Held extends Decided {
  readonly digest: string;
  readonly file: LocalFile | undefined;
  readonly byPull: boolean;
}
