import { EscaleError, messageOf } from "../errors.ts";
import type { RelativePath } from "../path.ts";
import type { RelayContext } from "./context.ts";
import { parseRecord } from "./metadata.ts";
import type { RecordView } from "./relay.ts";

/** Reads the texts of records and says which of them may be trusted. */
export class RecordViewer {
  readonly #context: Pick<RelayContext, "sealer" | "requireSeals" | "timeFormat" | "log">;
  #hasToldOfSeals = false;

  constructor(context: Pick<RelayContext, "sealer" | "requireSeals" | "timeFormat" | "log">) {
    this.#context = context;
  }

  /** What the text of a resource's record says. */
  view(resource: RelativePath, text: string): RecordView {
    const { sealer, requireSeals, timeFormat, log } = this.#context;
    try {
      const record = parseRecord(text, timeFormat);
      if (sealer === undefined) return { kind: "present", record, text };
      if (record.seal === undefined && requireSeals) {
        return {
          kind: "unreadable",
          why: 'it has no seal, and "legacy peers" is "no"',
          seal: "missing",
        };
      }
      if (record.seal === undefined) {
        if (!this.#hasToldOfSeals) {
          this.#hasToldOfSeals = true;
          log.warn('took records without a seal; "legacy peers = no" refuses them', {
            path: resource,
          });
        }
        return { kind: "present", record, text };
      }
      return sealer.isValid(resource, record)
        ? { kind: "present", record, text }
        : { kind: "unreadable", why: "its seal is wrong", seal: "wrong" };
    } catch (cause) {
      if (!(cause instanceof EscaleError)) throw cause;
      log.debug("unreadable record", { path: resource, why: cause.message });
      return { kind: "unreadable", why: messageOf(cause) };
    }
  }
}
