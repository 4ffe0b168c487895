import type { Command } from "commander";

import type { Section } from "../../config/section.ts";
import type { ClientStatus, StatusDocument } from "../../daemon/status.ts";
import { readStatus } from "../../daemon/status_file.ts";
import { State } from "../../local/state.ts";
import { pause } from "../../sync/pause.ts";
import { isSuspended } from "../../sync/suspension.ts";
import { EscaleError } from "../../errors.ts";
import { type Ctl, ctlCommand } from "../ctl.ts";
import { type ExitStatus, mostSevere, statusOfResult } from "../exit.ts";
import { lookAt } from "../look.ts";
import { findRunning } from "../running.ts";
import { statusText } from "../status_text.ts";

interface StatusOptions {
  readonly watch?: true;
  readonly look?: true;
  readonly files?: true;
}

const WATCH_EVERY_MS = 1_000;
/** To the first column of the first line; and all from there on away. */
const [HOME, CLEAR_REST] = ["\x1b[H", "\x1b[J"];

/** `escalectl status`: shows how clients are. */
export function statusCommand(ctl: Ctl): Command {
  return ctlCommand("status", {
    summary:
      "Shows how clients are: their state, what is pending, what went wrong and what mends " +
      "it. Ends with status 3 if files have problems, and as a client that failed has ended.",
    examples: ["escalectl status", "escalectl status --watch photos", "escalectl status --look"],
  })
    .argument("[section...]", "the clients to show; all without")
    .option("--look", "look at the folders and the relays now, instead of at what was noted last")
    .option("--files", "list the files that stand on the relay")
    .option("--watch", "show it again each second, until interrupted")
    .action(async (names: string[], options: StatusOptions, command: Command) => {
      const commands = command.parent?.commands.map((other) => other.name()) ?? [];
      await status(ctl, { ...options, names, commands });
    });
}

type Request = StatusOptions & {
  readonly names: readonly string[];
  readonly commands: readonly string[];
};

async function status(ctl: Ctl, request: Request): Promise<void> {
  const sections = sectionsOf(ctl, request.names);
  let shown: string | undefined;
  for (;;) {
    const { pid, files, configFile } = findRunning(ctl);
    const noted = readStatus(files.status);
    const isLooking = request.look === true || noted === undefined && pid === undefined;
    const looked = isLooking ? await lookAtAll(ctl, sections ?? []) : [];
    const names = sections?.map(({ name }) => name) ?? request.names;
    const suspended = (sections ?? []).filter(isSuspendedSection).map(({ name }) => name);
    const document = documentOf({ names, noted, looked, suspended, configFile });
    const text = statusText(document, {
      nowMs: Date.now(),
      pid,
      hasFiles: request.files === true,
      commands: request.commands,
    });
    const value = { kind: "status", isRunning: pid !== undefined, ...document };
    const isFirst = shown === undefined;
    const next = ctl.isJson ? JSON.stringify(value) : text;
    if (next !== shown) show(ctl, { value, text, isFirst, isWatching: request.watch === true });
    shown = next;
    ctl.end(severityOf(document));
    if (request.watch !== true) return;
    await pause(WATCH_EVERY_MS, ctl.signal);
  }
}

/** The sections to show. While clients run, a file that is wrong leaves only what is noted of them: `undefined`. */
function sectionsOf(ctl: Ctl, names: readonly string[]): readonly Section[] | undefined {
  try {
    return ctl.sections(names);
  } catch (thrown) {
    const isWrong = thrown instanceof EscaleError && thrown.code === "config";
    if (!isWrong || findRunning(ctl).pid === undefined) throw thrown;
    ctl.warn(thrown.message, "The clients go on with what was there before");
    return undefined;
  }
}

function show(
  ctl: Ctl,
  { value, text, isFirst, isWatching }: {
    readonly value: Readonly<Record<string, unknown>> & { readonly kind: string };
    readonly text: string;
    readonly isFirst: boolean;
    readonly isWatching: boolean;
  },
): void {
  const isDrawn = isWatching && !ctl.isJson && Deno.stdout.isTerminal();
  if (!isDrawn) return ctl.result(value, isFirst ? text : `\n${text}`);
  const lines = text.split("\n").map((line) => `${line}\x1b[K`).join("\n");
  ctl.output.out(`${isFirst ? `${HOME}${CLEAR_REST}` : HOME}${lines}\n${CLEAR_REST}`);
}

/** What was seen now goes before what was noted, but for what only the running process knows. */
function documentOf(
  { names, noted, looked, suspended, configFile }: {
    /** The clients to show, all that are known if empty. */
    readonly names: readonly string[];
    readonly noted: StatusDocument | undefined;
    readonly looked: readonly ClientStatus[];
    readonly suspended: readonly string[];
    readonly configFile: string;
  },
): StatusDocument {
  const atMs = Date.now();
  const nothing = { version: 1, configFile, pid: 0, startedMs: atMs, atMs, args: [] } as const;
  const base = noted ?? { ...nothing, clients: [] };
  const shown = names.length > 0 ? names : base.clients.map(({ name }) => name);
  const clients = shown.flatMap((name): readonly ClientStatus[] => {
    const now = looked.find((client) => client.name === name);
    const then = base.clients.find((client) => client.name === name);
    const client = now !== undefined && then !== undefined ? seen(then, now) : now ?? then;
    if (client === undefined) return [];
    return [suspended.includes(name) ? { ...client, isSuspended: true } : client];
  });
  return { ...base, atMs: looked.length > 0 ? atMs : base.atMs, clients };
}

function seen(then: ClientStatus, { outlook, problems, problemCount }: ClientStatus): ClientStatus {
  return { ...then, ...(outlook === undefined ? {} : { outlook }), problems, problemCount };
}

function isSuspendedSection({ statePath }: Section): boolean {
  try {
    using state = State.open(statePath, { isReadOnly: true });
    return isSuspended(state);
  } catch {
    // It is being made at this moment, or is damaged, which its client tells.
    return false;
  }
}

async function lookAtAll(ctl: Ctl, sections: readonly Section[]): Promise<readonly ClientStatus[]> {
  const found: ClientStatus[] = [];
  for (const section of sections) {
    ctl.progress(`looking at ${section.name}`);
    const client = await lookAt(section, {
      openBackend: ctl.program.openBackend,
      signal: ctl.signal,
    });
    if (client !== undefined) found.push(client);
  }
  return found;
}

function severityOf({ clients }: StatusDocument): ExitStatus {
  const statuses = clients.flatMap(({ result, problemCount }): ExitStatus[] => {
    const isFailed = result !== undefined && result.outcome !== "stopped";
    return [
      ...(isFailed ? [statusOfResult(result)] : []),
      ...(problemCount > 0 ? [3 as const] : []),
    ];
  });
  return mostSevere(statuses);
}
