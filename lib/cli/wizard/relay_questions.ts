import { resolve } from "node:path";

import { type Address, MULTI_PATH_PROTOCOLS, parseAddress } from "../../config/address.ts";
import { editsFor } from "../../config/move.ts";
import type { OptionName } from "../../config/option_types.ts";
import type { Section } from "../../config/section.ts";
import { EscaleError, isAbort, messageOf } from "../../errors.ts";
import { makeFolders, removeFolders } from "../../local/create_file.ts";
import { printable } from "../../path.ts";
import { describe } from "../../relay/failure.ts";
import { type FoundLayout, tryStorage } from "../../relay/probe.ts";
import { pause } from "../../sync/pause.ts";
import type { WizardContext } from "./context.ts";
import { askCredentials } from "./credential_questions.ts";
import { type Draft, optionOf } from "./draft.ts";
import { askRemote, hasRclone } from "./rclone_questions.ts";

/** What can be tried of a section before the rest is known. */
const RELAY_OPTIONS: readonly OptionName[] = [
  ...["local path", "protocol", "host address", "host directory", "port"] as const,
  ...["username", "password", "verify ssl", "ssl version", "certfile", "keyfile"] as const,
  ...["encoding", "rclone binary", "rclone config", "drive binary"] as const,
];

const PATH_LIKE = /^(\/|~|\.{1,2}(\/|$))/;

const FORMS = `The relay is the place that all clients can reach. Write it as
  /mnt/share/relay           a folder: a mounted share, a synchronised one
  ftps://host/folder         an FTP server, secured; ftp:// if it cannot be
  ftps://me@host:990/folder  with user and port
  https://host/folder        a WebDAV server; http:// without TLS`;
const RCLONE_FORMS = `
  rclone                     a remote of rclone, from a list, or a new one
  dropbox://folder           and others by the name of their type`;
const PASSWORD_RULE = `
A password is asked for after that and does not belong into the address.`;

/**
 * Asks for the relay of the section and for who logs in there, until it could be reached, written and read, or the user
 * wants it as it is. Returns what stands there; `undefined` if that is not known.
 *
 * @throws {EscaleError} or {BackendError} if it fails and nobody can be asked again
 */
export async function askRelay(context: WizardContext): Promise<FoundLayout | undefined> {
  const { conversation, tries } = context;
  for (;;) {
    await askAddress(context);
    try {
      const relay = partOf(context);
      await askCredentials(context, relay.relay);
      if (!tries) return undefined;
      return await tryPlace(context);
    } catch (cause) {
      if (isAbort(cause) || !conversation.canRepeat) throw withWayOut(cause);
      if (await wantsItAsItIs(cause, context)) return undefined;
    }
  }
}

/** Shows a failure and asks how to go on. @throws {DOMException} `AbortError` to end */
export async function wantsItAsItIs(
  cause: unknown,
  { conversation }: WizardContext,
): Promise<boolean> {
  const { hint } = describe(cause);
  conversation.say(`  This does not work: ${messageOf(cause)}`);
  if (hint !== undefined) conversation.say(`  ${hint}`);
  const next = await conversation.ask({
    topic: "next",
    text: "Answer again, keep it so, or end",
    initial: "again",
    help: '"again" asks anew, "keep" goes on with it as it is, "end" changes nothing.',
    check: (answer) =>
      ["again", "keep", "end"].includes(answer) ? undefined : "should be again, keep or end",
  });
  if (next === "end") throw new DOMException("The user ended it", "AbortError");
  return next === "keep";
}

async function askAddress(context: WizardContext): Promise<void> {
  const { conversation, draft, section } = context;
  const initial = addressNow(draft, section);
  const help = FORMS + (hasRclone(draft) ? RCLONE_FORMS : "") + PASSWORD_RULE;
  const answer = await conversation.ask({
    topic: "relay",
    text: "Relay (a folder, or protocol://host/folder)",
    ...initial === undefined ? {} : { initial },
    help,
    check: (answer) => answer === initial ? undefined : whyNotAddress(answer, draft),
  });
  if (answer === initial) return;
  if (answer === "rclone") return await askRemote(context);
  const { home } = draft;
  const address = PATH_LIKE.test(answer) && !answer.startsWith("~") ? resolve(answer) : answer;
  const { protocol, host } = parseAddress(address, { home });
  const isWhole = protocol !== undefined || host?.startsWith("/") === true;
  draft.edit(
    section,
    editsFor(isWhole ? address : `${await askProtocol(context)}://${address}`, { home }),
  );
}

async function askProtocol({ conversation, draft }: WizardContext): Promise<string> {
  const { type } = optionOf("protocol");
  const values = type.kind === "choice" ? type.values : [];
  const choices = values.filter((value) =>
    value !== "file" && !MULTI_PATH_PROTOCOLS.includes(value) &&
    draft.whyNot("protocol", value) === undefined
  );
  return await conversation.ask({
    topic: "protocol",
    text: `Protocol (${choices.join(", ")})`,
    help: "How that host is reached. ftps and https are secured, and so is webdav.",
    check: (answer) =>
      choices.includes(answer) ? undefined : `should be one of ${choices.join(", ")}`,
  });
}

function whyNotAddress(answer: string, draft: Draft): string | undefined {
  if (answer === "rclone") return hasRclone(draft) ? undefined : draft.whyNot("protocol", answer);
  const { protocol, username, host, path } = parseAddress(answer, { home: draft.home });
  if (username?.includes(":") === true) {
    return "the password does not belong into the address: it is asked for next";
  }
  const wrong = draft.whyNot("host address", answer);
  if (wrong !== undefined) return wrong;
  if (protocol === undefined) return undefined;
  const why = draft.whyNot("protocol", protocol);
  if (why !== undefined) return `the protocol "${protocol}": ${why}`;
  return host === "" && path === undefined ? "should name a host or a folder" : undefined;
}

/** The relay as it is configured, in one text. */
function addressNow(draft: Draft, section: string): string | undefined {
  const given = (name: OptionName) => draft.given(section, name);
  const [address, directory] = [given("host address"), given("host directory")];
  const protocol = given("protocol");
  if (address === undefined) return directory ?? protocol;
  if (address.startsWith("/") || address.startsWith("~")) return address;
  const parsed: Address = parseAddress(address, { home: draft.home });
  // A password that stands in an address is refused, and not shown again.
  if (parsed.username?.includes(":") === true) return undefined;
  const front = parsed.protocol === undefined && protocol !== undefined ? `${protocol}://` : "";
  const port = given("port");
  return `${front}${address}${port === undefined ? "" : `:${port}`}${
    directory === undefined ? "" : `/${directory}`
  }`;
}

function partOf({ draft, section }: WizardContext): Section {
  try {
    const part = draft.part(section, RELAY_OPTIONS);
    if (part !== undefined) return part;
  } catch (cause) {
    if (!(cause instanceof EscaleError)) throw cause;
    // The lines are those of a part of the file.
    const lines = cause.message.split("\n").map((line) => line.replace(/^.*?:\d+: /, ""));
    throw new EscaleError("config", lines.join("; "), { cause });
  }
  throw new EscaleError("internal", "The section was lost while it was tried");
}

async function tryPlace(context: WizardContext): Promise<FoundLayout> {
  const { conversation, openBackend, signal } = context;
  const { relay } = partOf(context);
  if (relay.protocol === "file") await offerFolder(relay.folder ?? "", context);
  conversation.say("  Trying the relay.");
  await using backend = await openBackend(relay, { signal });
  const layout = await tryStorage(backend, { signal, nowMs: Date.now, wait: pause });
  const state = layout === "empty" ? "nothing stands there yet" : "other clients are there already";
  conversation.say(`  It was reached, written, read and cleaned; ${state}.`);
  return layout;
}

async function offerFolder(folder: string, context: WizardContext): Promise<void> {
  const { conversation, draft, undo } = context;
  try {
    Deno.statSync(folder);
    return;
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) {
      const message = `Cannot look at the folder "${printable(folder)}": ${messageOf(cause)}`;
      throw new EscaleError("relay", message, { cause });
    }
  }
  const shown = printable(draft.shown(folder));
  const makesIt = await conversation.confirm({
    topic: "folder",
    text: `There is no folder "${shown}". Make it`,
    initial: "yes",
    help: "If it should be there already, its disk or share may not be mounted: answer no.",
  });
  if (!makesIt) throw new EscaleError("relay", `There is no folder "${shown}"`);
  const made = makeFolders(folder);
  undo.defer(() => removeFolders(made));
}

function withWayOut(cause: unknown): unknown {
  const { code, hint } = describe(cause);
  if (isAbort(cause) || hint !== undefined || code === "internal" || code === "usage") return cause;
  return new EscaleError(code, `Cannot use the relay: ${messageOf(cause)}`, {
    hint: "Nothing was changed; --no-try saves without trying",
    cause,
  });
}
