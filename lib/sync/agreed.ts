import type { Agreed } from "../local/state.ts";
import { identityOf } from "../relay/checksum.ts";
import type { RelayRecord } from "../relay/metadata.ts";

/** What is remembered of a record whose content, of this digest, is durably held. */
export function agreedOn(
  record: RelayRecord,
  held: { readonly digest: string; readonly byPull: boolean },
): Agreed {
  return {
    id: identityOf(record),
    digest: held.digest,
    base: record.base,
    pusher: record.pusher ?? "",
    timeS: record.timeS,
    byPull: held.byPull,
    pullers: record.pullers,
  };
}
