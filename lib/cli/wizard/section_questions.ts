import { whyNotClientName } from "../../config/client_name.ts";
import type { OptionName } from "../../config/option_types.ts";
import { OPTIONS } from "../../config/options.ts";
import type { Section } from "../../config/section.ts";
import { parseBoolean } from "../../config/values.ts";
import { EscaleError, isAbort } from "../../errors.ts";
import { silentLog } from "../../log.ts";
import type { FoundLayout } from "../../relay/probe.ts";
import { tryRelay } from "../../sync/trial.ts";
import { askOption, type WizardContext } from "./context.ts";
import { askEncryption } from "./encryption_questions.ts";
import { askRelay, wantsItAsItIs } from "./relay_questions.ts";

/** What has questions of its own, or says again what another option says. */
const ASKED_FOR: readonly OptionName[] = [
  ...["local path", "protocol", "host address", "host directory", "port", "username"] as const,
  ...[
    "password",
    "client name",
    "mode",
    "push only",
    "pull only",
    "refresh",
    "encryption",
  ] as const,
  ...["passphrase", "legacy peers", "index", "disk quota", "puller count"] as const,
  ...["checksum cache", "retry on error", "min split size"] as const,
];
const OF_INDEX: readonly OptionName[] = [
  "maxpagesize",
  "compression",
  "allow page deletion",
  "priority",
];
const OF_TLS: readonly OptionName[] = ["verify ssl", "ssl version", "certfile", "keyfile"];

/** Asks all about one section and tries it, until it works or the user wants it as it is. */
export async function askSection(context: WizardContext): Promise<void> {
  const { conversation, draft, section, tries } = context;
  for (;;) {
    await askLocalPath(context);
    const layout = await askRelay(context);
    await askLegacyPeers(context);
    await askClientName(context);
    await askEncryption(context, layout);
    await askExchange(context, layout);
    await askRest(context);
    try {
      const { sections } = draft.load();
      const made = sections.find(({ name }) => name === section);
      if (tries && layout !== undefined && made !== undefined) {
        await lookAround(context, made);
      }
      return;
    } catch (cause) {
      if (isAbort(cause) || !conversation.canRepeat) throw cause;
      if (await wantsItAsItIs(cause, context)) return;
    }
  }
}

async function askLocalPath(context: WizardContext): Promise<void> {
  await askOption(context, "local path", {
    text: "Folder here",
    help: "The folder on this machine that is kept in step with the others. It is made if missing.",
    isRequired: true,
  });
}

async function askLegacyPeers(context: WizardContext): Promise<void> {
  const { draft, section, isNew } = context;
  if (isSettled(context, "legacy peers")) return;
  await askOption(context, "legacy peers", {
    text: "Do clients of Escale 0.7 share this relay",
    help: "Without them the best settings are taken: smaller archives, records that show nothing " +
      "of the contents, any number of receivers. All clients of a relay need the same answer.",
    initial: draft.given(section, "legacy peers") ?? (isNew ? "no" : "yes"),
  });
}

async function askClientName(context: WizardContext): Promise<void> {
  const { draft, section } = context;
  // What counts without an answer, so that a client that is known by it stays the same.
  const { hostName } = draft.environment;
  const name = hostName === "localhost" ? section : hostName;
  const unwritten = whyNotClientName(name) === undefined ? name : undefined;
  await askOption(context, "client name", {
    text: "Name of this client",
    help: "Each client of a relay needs a name of its own. It stands in conflict copies.",
    isRequired: unwritten === undefined,
    unwritten,
  });
}

/** What passes, when, and how much. */
async function askExchange(context: WizardContext, layout: FoundLayout | undefined): Promise<void> {
  const { draft, section, conversation } = context;
  const mode = hasMode(context) ? draft.given(section, "mode") : await askOption(context, "mode", {
    text: "Mode",
    help: "shared: everything passes both ways. upload: this client only sends. download: it " +
      "only receives. conservative: as shared, but nothing that was changed here is replaced.",
    unwritten: "shared",
  });
  const isAlone = parseBoolean(draft.effective(section, "legacy peers") ?? "yes") === true;
  const counts = mode !== "download" && !isAlone || conversation.isGiven("puller count");
  if (counts && !isSettled(context, "puller count")) {
    await askOption(context, "puller count", {
      text: "How many others are to receive each file",
      help: "A file leaves the relay when so many other clients have it. With three clients that " +
        "all share, it is 2 on each.",
    });
  }
  if (!isSettled(context, "refresh")) {
    await askOption(context, "refresh", {
      text: "Seconds between two looks at the relay",
      help: "The longest wait; changes here are seen at once.",
      unwritten: "30",
    });
  }
  if (!isSettled(context, "disk quota")) {
    await askOption(context, "disk quota", {
      text: "Most space to use on the relay (empty: all)",
      help: "What does not fit waits until others have fetched what stands there. As 500 MB, 2 GB.",
    });
  }
  if (isSettled(context, "index")) return;
  const found = layout === "index" ? "yes" : "no";
  await askOption(context, "index", {
    text: "Bundle many small files (an index)",
    help: "yes: files travel in archives, much faster for thousands of small ones. no: each file " +
      "by itself. topdir: bundles for each top folder. All clients of a relay need the same answer.",
    initial: draft.given(section, "index") ?? found,
  });
}

/** Asks an expert for all that is left and of use, and takes what was given beforehand. */
async function askRest(context: WizardContext): Promise<void> {
  const { conversation, isExpert } = context;
  const rest = OPTIONS.filter(({ name, scope }) => scope === "any" && !ASKED_FOR.includes(name));
  for (const { name, help } of rest) {
    if (!conversation.isGiven(name) && !(isExpert && isOfUse(name, context))) continue;
    await askOption(context, name, { text: name, help: `${help}.` });
  }
  for (const topic of conversation.unused()) {
    const option = OPTIONS.find(({ name }) => name === topic);
    if (option === undefined) continue;
    if (option.scope === "global") {
      const message = `Cannot set "${option.name}" for a section: it is for all clients`;
      throw new EscaleError("usage", message, {
        hint: "Write it into the file before the first section",
      });
    }
    await askOption(context, option.name, { text: option.name });
  }
}

function isOfUse(name: OptionName, { draft, section }: WizardContext): boolean {
  const protocol = draft.given(section, "protocol") ?? "";
  const isServer = ["ftp", "ftps", "webdav", "http", "https"].includes(protocol);
  const index = draft.effective(section, "index") ?? "no";
  if (OF_INDEX.includes(name)) return parseBoolean(index) !== false;
  if (OF_TLS.includes(name)) return isServer && protocol !== "http";
  if (name === "encoding") return protocol.startsWith("ftp");
  if (name === "rclone binary" || name === "rclone config") return !isServer && protocol !== "file";
  if (name === "drive binary") return protocol === "googledrive";
  return true;
}

/** An import says it, be it by silence, and nobody wants it otherwise. */
function isSettled({ conversation, isImported }: WizardContext, name: OptionName): boolean {
  return isImported && !conversation.isGiven(name);
}

/** The mode is no question: an import, or an older way to write it, says it. */
function hasMode({ conversation, draft, section, isImported }: WizardContext): boolean {
  const names = ["push only", "pull only", ...isImported ? ["mode"] as const : []] as const;
  return !conversation.isGiven("mode") &&
    names.some((name) => draft.given(section, name) !== undefined);
}

/** Looks whether layout, key and name fit what stands on the relay. */
async function lookAround(context: WizardContext, made: Section): Promise<void> {
  const { conversation, openBackend, signal, isNew } = context;
  const { files, isNameTaken } = await tryRelay(made, { openBackend, signal, log: silentLog });
  if (files > 0) {
    conversation.say(`  Layout and passphrase fit what stands there: ${files} files are known.`);
  }
  if (isNew && isNameTaken) {
    conversation.say(
      `  Look out: a client named "${made.clientName}" has sent files there. If that is ` +
        "another one, give this one another name.",
    );
  }
}
