import { EscaleError, messageOf } from "../../errors.ts";
import { printable } from "../../path.ts";
import { absolute, fileNameOf, type WizardContext } from "./context.ts";
import { type Draft, optionOf } from "./draft.ts";

const NEW = "new";

/** Whether relays by rclone can be configured in this version. */
export function hasRclone(draft: Draft): boolean {
  return draft.whyNot("protocol", "rclone") === undefined;
}

/** Asks for one of rclone's remotes, or has rclone make one, and for the folder in it. */
export async function askRemote(context: WizardContext): Promise<void> {
  const { conversation } = context;
  const rclone = rcloneOf(context);
  let remotes = await listRemotes(rclone);
  for (;;) {
    const known = remotes.length === 0 ? "none yet" : remotes.map((it) => printable(it)).join(", ");
    conversation.say(`  Remotes of rclone: ${known}.`);
    const [first] = remotes;
    const answer = await conversation.ask({
      topic: "remote",
      text: `Remote, or "${NEW}" to make one`,
      initial: first ?? NEW,
      help: `"${NEW}" starts "rclone config", where you make a remote; then you come back here.`,
      check: (answer) =>
        answer === NEW || remotes.includes(answer)
          ? undefined
          : `should be one of ${[...remotes, NEW].join(", ")}`,
    });
    if (answer !== NEW) return await askFolder(context, answer);
    if (!conversation.canRepeat) {
      throw new EscaleError("usage", "Cannot make a remote of rclone without a terminal", {
        hint: 'Run "rclone config" first',
      });
    }
    await new Deno.Command(rclone.program, { args: ["config", ...rclone.flags] }).spawn().status;
    remotes = await listRemotes(rclone);
  }
}

async function askFolder(
  { conversation, draft, section }: WizardContext,
  remote: string,
): Promise<void> {
  const folder = await conversation.ask({
    topic: "host directory",
    text: `Folder on ${printable(remote)}`,
    initial: draft.given(section, "host directory") ?? `escale-${fileNameOf(section)}`,
    help: "It is made if it is missing. With s3 and b2 its first part is the bucket.",
    check: (answer) => draft.whyNot("host directory", answer),
  });
  const to = (name: "protocol" | "host address" | "host directory", value: string) => ({
    names: optionOf(name).names,
    to: { name, value },
  });
  draft.edit(section, [
    to("protocol", "rclone"),
    to("host address", remote),
    to("host directory", folder),
    { names: optionOf("port").names },
  ]);
}

/** How rclone is run. */
interface Rclone {
  readonly program: string;
  readonly flags: readonly string[];
}

function rcloneOf(context: WizardContext): Rclone {
  const { draft, section } = context;
  const [program, file] = [
    draft.given(section, "rclone binary"),
    draft.given(section, "rclone config"),
  ];
  return {
    program: program === undefined ? "rclone" : absolute(program, context),
    flags: file === undefined ? [] : ["--config", absolute(file, context)],
  };
}

async function listRemotes({ program, flags }: Rclone): Promise<readonly string[]> {
  try {
    const { success, stdout, stderr } = await new Deno.Command(program, {
      args: ["listremotes", ...flags],
    }).output();
    const decoder = new TextDecoder();
    if (!success) throw new Error(decoder.decode(stderr).trim());
    return decoder.decode(stdout).split("\n").map((line) => line.trim().replace(/:$/, ""))
      .filter((line) => line !== "");
  } catch (cause) {
    const isMissing = cause instanceof Deno.errors.NotFound;
    const why = isMissing ? "there is no such program" : printable(messageOf(cause));
    throw new EscaleError("unsupported", `Cannot run "${printable(program)}": ${why}`, {
      hint: 'Install rclone (https://rclone.org), or set "rclone binary"',
      cause,
    });
  }
}
