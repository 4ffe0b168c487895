import { printable } from "../path.ts";
import type { ActionName, ClientEvent, RoundSummary } from "../sync/events.ts";
import { formatBytes } from "./format.ts";

/** What happens, in words: the same on a terminal and in a log. */

type EventOf<Kind extends ClientEvent["kind"]> = Extract<ClientEvent, { readonly kind: Kind }>;

const ACTION_WORDS: Readonly<Record<ActionName, readonly [done: string, planned: string]>> = {
  push: ["pushed", "would push"],
  pull: ["pulled", "would pull"],
  agree: ["agreed on", "would agree on"],
  acknowledge: ["acknowledged", "would acknowledge"],
  conflict: ["kept both versions of", "would keep both versions of"],
  request: ["requested", "would request"],
  repair: ["repaired", "would repair"],
};

/** What was done with a file, or would be. */
export function actionText(
  { action, path, sizeBytes, detail, planned }: EventOf<"action">,
): string {
  const [done, would] = ACTION_WORDS[action];
  const size = sizeBytes === undefined ? "" : ` ${formatBytes(sizeBytes)}`;
  const more = detail === undefined ? "" : `: ${clean(detail)}`;
  return `${planned ? would : done} ${clean(path)}${size}${more}`;
}

/** An event of the engine and its fields. */
export function logText({ event, fields }: EventOf<"log">): string {
  const facts = Object.entries(fields).filter(([, value]) => value !== undefined);
  return [event, ...facts.map(([name, value]) => `${name}=${clean(String(value))}`)].join(" ");
}

/** A file that no longer has a problem. */
export function mendedText({ path }: EventOf<"mended">): string {
  return `mended ${clean(path)}`;
}

/** The end of a round. */
export function roundText({ summary }: EventOf<"round">): string {
  return `round of ${summaryText(summary)}`;
}

/** A round, counted. */
export function summaryText(summary: RoundSummary): string {
  const counts: readonly [number, string][] = [
    [summary.pushed, "pushed"],
    [summary.pulled, "pulled"],
    [summary.conflicts, "in conflict"],
    [summary.problems, "with problems"],
    [summary.waiting, "waiting"],
  ];
  const told = counts.filter(([count]) => count > 0).map(([count, word]) => `, ${count} ${word}`);
  const seconds = (summary.ms / 1_000).toFixed(1);
  const { localFiles, relayFiles } = summary;
  return `${seconds} s: ${localFiles} here, ${relayFiles} on the relay${told.join("")}`;
}

/** `text` with control characters escaped, and not cut. */
export function clean(text: string): string {
  return text.replace(/.{1,200}/gs, (part) => printable(part));
}
