import type {
  ClientState,
  ClientStatus,
  StatusDocument,
  TransferStatus,
} from "../daemon/status.ts";
import type { ClientResult } from "../sync/events.ts";
import type { Amount, Outlook, Standing } from "../sync/outlook.ts";
import { formatAge, formatBytes } from "./format.ts";
import { mendingCommand, wordOf } from "./mending.ts";
import { clean, summaryText } from "./words.ts";

/** What is needed to put a status into words. */
export interface StatusTextOptions {
  readonly nowMs: number;
  /** The number of the process that runs the clients; `undefined` if none does. */
  readonly pid: number | undefined;
  /** Each file that stands on the relay is listed. */
  readonly hasFiles: boolean;
  /** The names of the commands that can be recommended. */
  readonly commands: readonly string[];
}

const STATE_WORDS: Readonly<Record<ClientState, string>> = {
  starting: "starting",
  working: "at work",
  idle: "idle",
  silent: "does not answer",
  restarting: "failed, is started again",
  ended: "ended",
};

const OUTCOME_WORDS: Readonly<Record<ClientResult["outcome"], string>> = {
  done: "done",
  skipped: "done, but for some files",
  locked: "ended, since another client holds locks",
  failed: "failed",
  stopped: "stopped",
};

/** A status as lines to read. */
export function statusText(document: StatusDocument, options: StatusTextOptions): string {
  const { nowMs, pid } = options;
  const log = document.logFile === undefined ? "" : `; its log is "${clean(document.logFile)}"`;
  const head = pid === undefined
    ? `Nothing runs; this was so ${formatAge(nowMs - document.atMs)} ago`
    : `Runs as process ${pid} since ${formatAge(nowMs - document.startedMs)}${log}`;
  return [
    head,
    ...configLines(document, options),
    ...document.clients.flatMap((client) => clientLines(client, options)),
  ].join("\n");
}

function configLines(
  { configProblem }: StatusDocument,
  { nowMs, pid }: StatusTextOptions,
): readonly string[] {
  if (configProblem === undefined || pid === undefined) return [];
  const age = formatAge(nowMs - configProblem.sinceMs);
  return [
    `The configuration is not in force as it stands in its file since ${age}:`,
    ...configProblem.message.split("\n").map((line) => indent(clean(line))),
    indent("mend it, and run: escalectl reload"),
  ];
}

function clientLines(client: ClientStatus, options: StatusTextOptions): readonly string[] {
  const { nowMs } = options;
  const { outlook, lastRound, transfers } = client;
  const lines = [
    ...(lastRound === undefined
      ? []
      : [`last round ${formatAge(nowMs - lastRound.endedMs)} ago: ${summaryText(lastRound)}`]),
    ...(outlook === undefined ? [] : [pendingLine(outlook)]),
    ...transfers.map(transferLine),
    ...(outlook === undefined ? [] : relayLines(outlook, { ...options, client })),
    ...(outlook === undefined ? [] : conflictLines(outlook, { ...options, client })),
    ...(outlook === undefined ? [] : renamedLines(outlook)),
    ...(outlook === undefined ? [] : refusedLines(outlook)),
    ...(outlook === undefined ? [] : lockLines(outlook)),
    ...problemLines(client, options),
  ];
  const state = stateText(client, options);
  const told = client.isSuspended ? `suspended; ${state}` : state;
  const resume = client.isSuspended ? [`run: escalectl resume -r ${wordOf(client.name)}`] : [];
  return ["", `${clean(client.name)}: ${told}`, ...[...resume, ...lines].map(indent)];
}

function stateText(
  { state, sinceMs, nextMs, result, restarts }: ClientStatus,
  { nowMs, pid }: StatusTextOptions,
): string {
  const again = restarts === 0 ? "" : `, restarted ${countText(restarts, "time")}`;
  if (state === "ended") {
    const how = result === undefined ? STATE_WORDS.ended : OUTCOME_WORDS[result.outcome];
    return `${how}, ${formatAge(nowMs - sinceMs)} ago${again}`;
  }
  if (pid === undefined) return `not running; was ${STATE_WORDS[state]}`;
  if (state === "restarting" && nextMs !== undefined) {
    return `${STATE_WORDS[state]} in ${formatAge(nextMs - nowMs)}${again}`;
  }
  return `${STATE_WORDS[state]} for ${formatAge(nowMs - sinceMs)}${again}`;
}

function pendingLine({ toPush, toPull }: Outlook): string {
  return `to push: ${amountText(toPush)}; to pull: ${amountText(toPull)}`;
}

function amountText({ files, bytes }: Amount): string {
  return files === 0 ? "nothing" : `${countText(files, "file")}, ${formatBytes(bytes)}`;
}

function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function transferLine(transfer: TransferStatus): string {
  const { action, path, doneBytes, sizeBytes, startedMs, heardMs } = transfer;
  const rate = Math.round((doneBytes * 1_000) / Math.max(1, heardMs - startedMs));
  const done = `${formatBytes(doneBytes)} of ${formatBytes(sizeBytes)}`;
  return `${action}ing ${clean(path)}: ${done}, ${formatBytes(rate)}/s`;
}

type About = StatusTextOptions & { readonly client: ClientStatus };

function relayLines(outlook: Outlook, { client, hasFiles }: About): readonly string[] {
  const { standing, standingFiles, usedBytes, toPush } = outlook;
  const isOver = usedBytes + toPush.bytes > (client.quotaBytes ?? Infinity);
  const quota = client.quotaBytes === undefined
    ? ""
    : ` of the quota of ${formatBytes(client.quotaBytes)}`;
  const head = `on the relay: ${countText(standingFiles, "content")}, ${
    formatBytes(usedBytes)
  }${quota}`;
  const known = knownClients(standing, client.clientName);
  const holders = standingFiles === 0 ? [] : known.map((name) => {
    const has = standing.filter((file) => file.pusher === name || file.have.includes(name));
    const lacks = standing.filter((file) => lackersOf(file, known).includes(name));
    return indent(`${clean(name)} has ${has.length}, lacks ${lacks.length}`);
  });
  const orphans = standing.filter(({ isOrphan }) => isOrphan).length;
  const cut = standing.length < standingFiles ? [`(of the first ${standing.length})`] : [];
  return [
    head,
    ...(isOver ? [indent("what does not fit into the quota waits until others fetch files")] : []),
    ...holders,
    ...(orphans === 0 ? [] : [indent(`${countText(orphans, "content")} without a record`)]),
    ...(hasFiles ? standing.map((file) => indent(standingText(file, known))) : []),
    ...cut.map(indent),
  ];
}

/** Everybody who is known to have something, and this client. */
function knownClients(standing: readonly Standing[], own: string): readonly string[] {
  const names = standing.flatMap(({ pusher, have }) => [pusher ?? own, ...have]);
  return [...new Set([own, ...names])].sort();
}

function lackersOf({ lacking, pusher, have }: Standing, known: readonly string[]) {
  return lacking === 0 ? [] : known.filter((name) => name !== pusher && !have.includes(name));
}

function standingText(file: Standing, known: readonly string[]): string {
  const { path, storedBytes, pusher, have, lacking, isOrphan } = file;
  const about = `${clean(path)} ${formatBytes(storedBytes)}`;
  if (isOrphan) return `${about}: no record tells of it`;
  const holders = [...(pusher === undefined ? [] : [pusher]), ...have].map(clean).join(", ");
  const lackers = lackersOf(file, known).map(clean).join(", ");
  const lack = lacking === 0
    ? "nobody lacks it"
    : lackers === ""
    ? `${countText(lacking, "client")} to come`
    : `lacking: ${lackers}`;
  return `${about}: with ${holders === "" ? "nobody known" : holders}; ${lack}`;
}

function renamedLines({ renamed, renamedFiles }: Outlook): readonly string[] {
  if (renamedFiles === 0) return [];
  const more = renamedFiles > renamed.length ? [indent("and more")] : [];
  return [
    `${countText(renamedFiles, "file")} kept under another name: here its own cannot be had`,
    ...renamed.map(({ path, place }) => indent(`${clean(path)} as ${clean(place)}`)),
    ...more,
  ];
}

function refusedLines({ refused, refusedFiles }: Outlook): readonly string[] {
  if (refusedFiles === 0) return [];
  const more = refusedFiles > refused.length ? [indent("and more")] : [];
  return [
    `${
      countText(refusedFiles, "file")
    } not replaced by the version on the relay, to keep what is here:`,
    ...refused.map((path) => indent(clean(path))),
    ...more,
  ];
}

function conflictLines({ conflictCopies }: Outlook, { client, commands }: About) {
  if (conflictCopies === 0) return [];
  const line = `run: escalectl conflicts -r ${wordOf(client.name)}`;
  const command = commands.includes("conflicts") ? [indent(line)] : [];
  const noun = conflictCopies === 1 ? "conflict copy" : "conflict copies";
  return [`${conflictCopies} ${noun} beside files here`, ...command];
}

function lockLines({ locks, lockedFiles }: Outlook): readonly string[] {
  const more = lockedFiles - locks.length;
  return [
    ...locks.map(({ path, owner, unchangedS }) =>
      `locked: ${clean(path)} by ${clean(owner)}, unchanged for ${
        formatAge(unchangedS * 1_000)
      }; ` +
      "taken over by itself once it is stale"
    ),
    ...(more === 0 ? [] : [`locked: ${countText(more, "more file")}`]),
  ];
}

function problemLines(client: ClientStatus, options: StatusTextOptions): readonly string[] {
  const { name, state, result, problems, problemCount } = client;
  const { commands: known, nowMs } = options;
  const failure = result?.error === undefined ? [] : [{ ...result.error, sinceMs: client.sinceMs }];
  const more = problemCount - problems.length;
  return [
    ...[...failure, ...problems].flatMap(({ code, message, hint, sinceMs }, at) => {
      const command = mendingCommand(code, { client: name, isEnded: state === "ended", known });
      const word = at < failure.length ? "error" : "warning";
      const [first = "", ...rest] = message.split("\n").map(clean);
      return [
        `${word}: ${first} (${formatAge(nowMs - sinceMs)} ago)`,
        ...rest.map(indent),
        ...(hint === undefined ? [] : [indent(`hint: ${clean(hint)}`)]),
        ...(command === undefined ? [] : [indent(`run: ${command}`)]),
      ];
    }),
    ...(more === 0 ? [] : [`warning: ${countText(more, "more problem")}`]),
  ];
}

function indent(line: string): string {
  return `  ${line}`;
}
