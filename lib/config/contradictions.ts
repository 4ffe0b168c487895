import { sep } from "node:path";

import { printable } from "../path.ts";
import type { OptionName } from "./option_types.ts";
import type { Problems } from "./problems.ts";
import type { RelaySettings, Section } from "./section.ts";
import type { Settings } from "./settings.ts";

/** A section as it was built, with what it was built of. */
export interface Draft {
  readonly section: Section;
  readonly settings: Settings;
  /** The line of its header. */
  readonly line: number;
}

/** Reports what cannot be together, in one section or in two, and what has no effect. */
export function reportContradictions(drafts: readonly Draft[], problems: Problems): void {
  for (const [i, draft] of drafts.entries()) {
    reportRelayInside(draft, problems);
    reportLegacy(draft, problems);
    reportCipher(draft, problems);
    reportWithoutEffect(draft, problems);
    for (const other of drafts.slice(0, i)) reportPair(draft, other, problems);
  }
  reportWithoutIndex(drafts, problems);
}

function reportRelayInside({ section, settings, line }: Draft, problems: Problems): void {
  const { folder, protocol } = section.relay;
  if (protocol !== "file" || folder === undefined || !overlap(section.localPath, folder)) return;
  const at = settings.given("local path")?.line ?? line;
  const detail = `and its relay "${printable(folder)}" are one inside the other: should be apart`;
  problems.error(at, `local path "${printable(section.localPath)}" ${detail}`);
}

function reportLegacy({ section, settings, line }: Draft, problems: Problems): void {
  const legacy = settings.given("legacy peers");
  if (!section.legacyPeers && section.cipher !== "off" && section.checksum === undefined) {
    const detail = 'contradicts "legacy peers = no" with encryption, which seals every checksum';
    problems.error(
      settings.given("checksum")?.line ?? line,
      `option "checksum" is "no": ${detail}`,
    );
  }
  const compression = settings.given("compression");
  const isReadable = section.compression === "bz2" || section.index.kind === "none";
  if (!section.legacyPeers || isReadable || compression === undefined) return;
  const text =
    `option "compression" is "${section.compression}": clients of Escale 0.7 read only bz2`;
  if (legacy === undefined) problems.warn(compression.line, `${text}; set "legacy peers = no"`);
  else problems.error(compression.line, `${text}: contradicts "legacy peers = yes"`);
}

function reportCipher({ section, settings, line }: Draft, problems: Problems): void {
  const { protocol } = section.relay;
  const encrypts = !["file", "ftp", "ftps", "webdav", "http", "https"].includes(protocol);
  if (section.cipher !== "native") return;
  if (protocol === "googledrive") {
    const detail = "drive is given the passphrase where all users of this machine can read it";
    problems.warn(
      settings.given("encryption")?.line ?? line,
      `option "encryption" is "native": ${detail}; use "fernet"`,
    );
  }
  if (encrypts) return;
  const detail = `a relay by "${protocol}" does not encrypt by itself: should be another cipher`;
  problems.error(
    settings.given("encryption")?.line ?? line,
    `option "encryption" is "native": ${detail}`,
  );
}

function reportWithoutEffect({ settings }: Draft, problems: Problems): void {
  const cache = settings.given("checksum cache");
  if (cache !== undefined && cache.value !== undefined && cache.value !== true) {
    const detail = "has no effect: checksums are always kept in the client's state";
    problems.warn(cache.line, `option "checksum cache" ${detail}`);
  }
  const retry = settings.given("retry on error");
  if (retry !== undefined) {
    const detail = "has no effect: what may succeed later is tried again anyway";
    problems.warn(retry.line, `option "${retry.writtenName}" ${detail}`);
  }
}

const INDEX_OPTIONS: readonly OptionName[] = [
  "maxpagesize",
  "compression",
  "allow page deletion",
  "priority",
];

/** A global option has an effect if it has one in any section. */
function reportWithoutIndex(drafts: readonly Draft[], problems: Problems): void {
  const isIndexed = drafts.some(({ section }) => section.index.kind === "pages");
  for (const { section, settings } of drafts) {
    if (section.index.kind === "pages") continue;
    for (const name of INDEX_OPTIONS) {
      const setting = settings.given(name);
      if (setting === undefined || (isIndexed && !settings.isOwn(name))) continue;
      problems.warn(setting.line, `option "${setting.writtenName}" has no effect without an index`);
    }
  }
}

function reportPair(draft: Draft, other: Draft, problems: Problems): void {
  const [a, b] = [draft.section, other.section];
  const name = `section "${printable(b.name)}"`;
  if (overlap(a.localPath, b.localPath) && !areSiblings(a, b)) {
    const at = draft.settings.given("local path")?.line ?? draft.line;
    const detail = `is that of ${name}, or one is inside the other: ` +
      'should be apart, or one mode "upload" and one "download" on the same relay';
    problems.error(at, `local path "${printable(a.localPath)}" ${detail}`);
  }
  if (a.clientName === b.clientName && relayKey(a.relay) === relayKey(b.relay)) {
    const detail = `is on the relay of ${name} under the same "client name": should have another`;
    problems.error(draft.line, `section "${printable(a.name)}" ${detail}`);
  }
}

/** Whether two clients share a folder and a relay, one to send and one to receive. */
export function areSiblings(a: Section, b: Section): boolean {
  const modes = [a.mode, b.mode].toSorted().join(" ");
  return modes === "download upload" && a.localPath === b.localPath &&
    relayKey(a.relay) === relayKey(b.relay);
}

function relayKey({ protocol, host, port, folder }: RelaySettings): string {
  return JSON.stringify([protocol, host?.toLowerCase(), port, folder?.replace(/\/+$/, "")]);
}

/** Whether two absolute paths are the same folder or one is inside the other. */
function overlap(a: string, b: string): boolean {
  const [inner, outer] = [a, b].map((path) => path.endsWith(sep) ? path : path + sep)
    .toSorted((x, y) => y.length - x.length);
  return inner !== undefined && outer !== undefined && inner.startsWith(outer);
}
