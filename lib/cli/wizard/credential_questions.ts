import { resolve } from "node:path";

import type { RelaySettings } from "../../config/section.ts";
import { EscaleError } from "../../errors.ts";
import { printable } from "../../path.ts";
import { absolute, fileNameOf, type WizardContext } from "./context.ts";

/** Protocols whose servers let nobody in without a name and a password. */
const NEEDS_LOGIN: readonly string[] = ["ftp", "ftps"];
/** Protocols whose servers may do without. */
const TAKES_LOGIN: readonly string[] = ["webdav", "http", "https"];

/** Asks who logs in at the relay. The password gets a file of its own. */
export async function askCredentials(
  context: WizardContext,
  relay: RelaySettings,
): Promise<void> {
  const { draft, section } = context;
  const { protocol } = relay;
  if (!NEEDS_LOGIN.includes(protocol) && !TAKES_LOGIN.includes(protocol)) return;
  const username = await askUsername(context, relay);
  if (username === "") return draft.set(section, "password", undefined);
  // What is known belongs to the user who is known, if there is one.
  const isSame = relay.username === undefined || username === relay.username;
  const password = isSame ? relay.password : undefined;
  await askPassword(context, { username, password, host: relay.host ?? "" });
}

async function askUsername(context: WizardContext, relay: RelaySettings): Promise<string> {
  const { conversation, draft, section } = context;
  const { protocol, username, host = "" } = relay;
  // The address names the user, or the file of the password does.
  const isElsewhere = username !== undefined && draft.given(section, "username") === undefined;
  if (isElsewhere) return username;
  const answer = await conversation.ask({
    topic: "username",
    text: `User at ${printable(host)}`,
    ...username === undefined ? {} : { initial: username },
    isOptional: TAKES_LOGIN.includes(protocol),
    help: "The name to log in with. A WebDAV server may need none: leave it empty then.",
    check: (answer) =>
      answer.includes(":") ? "should be without colon" : draft.whyNot("username", answer),
  });
  draft.set(section, "username", answer === "" ? undefined : answer);
  return answer;
}

async function askPassword(
  context: WizardContext,
  { username, password, host }: {
    readonly username: string;
    readonly password: string | undefined;
    readonly host: string;
  },
): Promise<void> {
  const { conversation, draft, section } = context;
  const isKnown = password !== undefined;
  if (conversation.isGiven("password")) return await takePasswordFile(context);
  const answer = await conversation.ask({
    topic: "password",
    text: `Password of ${printable(username)} at ${printable(host)}${
      isKnown ? " (empty: as it is)" : ""
    }`,
    isOptional: isKnown,
    isHidden: true,
    help: "It is not shown, and stands in a file of its own that only you can read.",
    check: (answer) => /\p{Cc}/u.test(answer) ? "should be one line of text" : undefined,
  });
  if (answer !== "") {
    const text = `${username}:${answer}\n`;
    return draft.set(
      section,
      "password",
      draft.addSecret(`${fileNameOf(section)}.password`, text),
    );
  }
  const written = draft.given(section, "password") ?? "";
  const isFile = draft.environment.isFile(absolute(written, context));
  // One that came with another client's file gets a file of its own too.
  if (isFile || !context.isImported || password === undefined) return;
  const path = draft.addSecret(`${fileNameOf(section)}.password`, `${username}:${password}\n`);
  draft.set(section, "password", path);
}

/** What is on a command line can be seen by others, so that only a file's path is taken from there. */
async function takePasswordFile({ conversation, draft, section }: WizardContext): Promise<void> {
  const answer = await conversation.ask({
    topic: "password",
    text: "File of the password",
    isHidden: true,
    help: 'A file that holds "user:password" in one line.',
  });
  const path = answer.startsWith("~/") ? `${draft.home}${answer.slice(1)}` : resolve(answer);
  if (!draft.environment.isFile(path)) {
    throw new EscaleError("usage", 'The "password" of the command line is no file', {
      hint: "Others can see command lines: put the password into a file and name that",
    });
  }
  draft.set(section, "password", draft.shown(path));
}
