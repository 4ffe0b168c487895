import { OPTIONS } from "../../config/options.ts";
import { EscaleError } from "../../errors.ts";
import { printable } from "../../path.ts";
import type { Topic } from "./conversation.ts";

/** Questions that are about no option by that name. */
const OTHER_TOPICS: readonly Topic[] = ["relay", "folder", "remote"];

/**
 * Answers of the form `OPTION=VALUE`, by what they are about; an option may go by any of its names. Where the relay is
 * may be given as one address, or by host, port and directory.
 *
 * @throws {EscaleError} `usage` if there is no such option, or one is given twice
 */
export function parseAnswers(texts: readonly string[]): Map<Topic, string> {
  const answers = new Map<Topic, string>();
  for (const text of texts) {
    const [, name = "", value = ""] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
    const topic = topicOf(name.trim().toLowerCase());
    if (topic === undefined) {
      throw new EscaleError(
        "usage",
        `Cannot set "${printable(name || text)}": there is no such option`,
        {
          hint: 'Give it as --set "OPTION=VALUE"',
        },
      );
    }
    if (answers.has(topic)) {
      throw new EscaleError("usage", `Option "${topic}" is set twice: should be once`);
    }
    answers.set(topic, value.trim());
  }
  joinRelay(answers);
  return answers;
}

function topicOf(name: string): Topic | undefined {
  const other = OTHER_TOPICS.find((topic) => topic === name);
  const option = OPTIONS.find(({ names }) => names.includes(name))?.name;
  return other ?? (option === "host address" ? "relay" : option);
}

/** Makes one address of what is one question; a remote of rclone keeps its folder. */
function joinRelay(answers: Map<Topic, string>): void {
  const [relay, directory] = [answers.get("relay"), answers.get("host directory")];
  const port = answers.get("port");
  if (answers.get("protocol") === "file" && relay === undefined) answers.delete("protocol");
  if (relay === "rclone") return;
  const place = relay ?? directory;
  if (place === undefined) return;
  const isJoined = relay !== undefined && directory !== undefined;
  answers.set(
    "relay",
    `${place}${port === undefined ? "" : `:${port}`}${isJoined ? `/${directory}` : ""}`,
  );
  answers.delete("host directory");
  answers.delete("port");
  // An address that names its protocol leaves none to be asked for.
  if (/:\/\/|^[/~.]/.test(place)) answers.delete("protocol");
}
