import { resolve } from "node:path";

import { EscaleError } from "../../errors.ts";
import type { FoundLayout } from "../../relay/probe.ts";
import { absolute, askOption, fileNameOf, type WizardContext } from "./context.ts";

const KEY_BYTES = 32;
const [NEW, TYPE] = ["new", "type"];
const OFF: readonly string[] = ["off", "no", "plain", "0", "false"];

const HELP =
  `With encryption nobody who can look at the relay reads the files; their names and sizes can be seen.
yes is fernet, which also notices what was changed. blowfish is for relays of Escale 0.7 that have it.
All clients of a relay need the same answer and the same passphrase.`;

/** Asks for the cipher and its passphrase. A new passphrase, and a typed one, get a file of their own. */
export async function askEncryption(
  context: WizardContext,
  layout: FoundLayout | undefined,
): Promise<void> {
  const { conversation, draft, section, isNew, isImported } = context;
  const given = draft.given(section, "encryption");
  const isKnown = isImported && !conversation.isGiven("encryption");
  const cipher = isKnown ? given ?? "no" : await askOption(context, "encryption", {
    text: "Encrypt what stands on the relay",
    help: HELP,
    initial: given ?? (isNew ? "yes" : "no"),
  });
  if (!isOff(cipher)) return await askPassphrase(context, layout);
  // One that stood there without use is left alone.
  if (given !== undefined && !isOff(given)) draft.set(section, "passphrase", undefined);
}

function isOff(cipher: string): boolean {
  return OFF.includes(cipher.toLowerCase());
}

async function askPassphrase(
  context: WizardContext,
  layout: FoundLayout | undefined,
): Promise<void> {
  const { conversation, draft, section } = context;
  const given = draft.given(section, "passphrase");
  const isFile = given !== undefined && draft.environment.isFile(absolute(given, context));
  // What the relay is encrypted with exists already, on the other clients.
  const proposed = layout === undefined || layout === "empty" ? NEW : undefined;
  const initial = given === undefined ? proposed : isFile ? given : "as it is";
  const answer = await conversation.ask({
    topic: "passphrase",
    text: `Passphrase: "${NEW}", "${TYPE}", or its file`,
    ...initial === undefined ? {} : { initial },
    help: `"${NEW}" makes one, in a file that only you can read; the other clients get a copy of it.
"${TYPE}" asks for one, which is not shown. Where other clients are there already, take theirs.`,
    check: (answer) => answer === initial ? undefined : whyNotAnswer(answer, context),
  });
  if (answer === initial && answer !== NEW) {
    // One that came with another client's file gets a file of its own.
    if (context.isImported && given !== undefined && !isFile) keep(given, context);
    return;
  }
  if (answer === NEW) return keep(newKey(), context);
  if (answer === TYPE) return keep(await typed(context), context);
  draft.set(section, "passphrase", draft.shown(pathOf(answer, context)));
}

function whyNotAnswer(answer: string, context: WizardContext): string | undefined {
  if (answer === NEW || answer === TYPE) return undefined;
  return context.draft.environment.isFile(pathOf(answer, context))
    ? whyNotPassphrase(answer, context)
    : `should be "${NEW}", "${TYPE}", or a file: there is none of that name`;
}

/** Whether a file holds what the cipher takes. */
function whyNotPassphrase(answer: string, context: WizardContext): string | undefined {
  const { draft, section } = context;
  const before = draft.text;
  try {
    draft.set(section, "passphrase", pathOf(answer, context));
    draft.part(section, [
      "local path",
      "protocol",
      "host address",
      "host directory",
      "encryption",
      "passphrase",
    ]);
    return undefined;
  } catch (cause) {
    if (!(cause instanceof EscaleError)) throw cause;
    const wrong = cause.message.split("\n").find((line) => line.includes('"passphrase"'));
    return wrong?.replace(/^.*?:\d+: /, "");
  } finally {
    draft.text = before;
  }
}

async function typed({ conversation }: WizardContext): Promise<string> {
  return await conversation.ask({
    topic: "passphrase",
    text: "Passphrase (it is not shown)",
    isHidden: true,
    help: "For fernet 44 characters of Base64, for blowfish from 4 to 56 bytes.",
  });
}

function keep(text: string, { draft, section }: WizardContext): void {
  draft.set(section, "passphrase", draft.addSecret(`${fileNameOf(section)}.key`, text));
}

/** A key that every cipher takes: 32 random bytes in URL-safe Base64, as Fernet wants it. */
function newKey(): string {
  return crypto.getRandomValues(new Uint8Array(KEY_BYTES)).toBase64({ alphabet: "base64url" });
}

function pathOf(answer: string, { draft }: WizardContext): string {
  return answer.startsWith("~/") ? `${draft.home}${answer.slice(1)}` : resolve(answer);
}
