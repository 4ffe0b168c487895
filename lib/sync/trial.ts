import type { Section } from "../config/section.ts";
import { IndexRelay } from "../relay/index_relay.ts";
import { PlaceholderRelay } from "../relay/placeholder_relay.ts";
import { openToolbox, type ToolboxOptions } from "./toolbox.ts";

/** What a client that is new to a relay finds there. */
export interface Found {
  /** How many resources the relay knows. */
  readonly files: number;
  /** Somebody pushes under this client's name. */
  readonly isNameTaken: boolean;
}

/**
 * Looks whether the relay is kept as a section says: the layout, and the key as far as something there shows it. Changes
 * nothing.
 *
 * @throws {EscaleError} `wrong-key`; `config` if the layout is another one; else as `openToolbox()`
 */
export async function tryRelay(section: Section, options: ToolboxOptions): Promise<Found> {
  await using toolbox = await openToolbox(section, options);
  const { context, keyProof, signal } = toolbox;
  const relay = section.index.kind === "none"
    ? new PlaceholderRelay(context)
    : new IndexRelay(context);
  const survey = await relay.survey({ signal });
  await keyProof.check(survey, relay, { client: section.clientName });
  const isNameTaken = survey.entries.values().some(({ record }) =>
    record.kind === "present" && record.record.pusher === section.clientName
  );
  return { files: survey.entries.size, isNameTaken };
}
