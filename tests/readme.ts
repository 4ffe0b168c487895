/** A block of text in the README that is set apart, by a fence or by indentation. */
export interface Block {
  /** `config`: lines of a configuration file; `run`: a shell script that is marked with `<!-- run -->`. */
  readonly kind: "config" | "run" | "other";
  readonly text: string;
}

const CONFIG_LINE = /^(\[[^\]]+\]|[a-z][a-z ]*[a-z] = .*|#.*)?$/;
const MARK = "<!-- run -->";

/** All blocks of a text in Markdown, in order. */
export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  const lines = markdown.split("\n");
  let isMarked = false;
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const isFence = line.startsWith("```");
    if (!isFence && !line.startsWith("    ")) {
      if (line.trim() !== "") isMarked = line === MARK;
      continue;
    }
    const rest = lines.slice(isFence ? at + 1 : at);
    const end = rest.findIndex((it) => isFence ? it === "```" : !/^( {4}|$)/.test(it));
    const body = end < 0 ? rest : rest.slice(0, end);
    const texts = isFence ? body : body.map((it) => it.slice(4));
    blocks.push(blockOf(texts.join("\n").trimEnd(), isMarked));
    isMarked = false;
    at += body.length - (isFence ? -1 : 1);
  }
  return blocks;
}

function blockOf(text: string, isMarked: boolean): Block {
  if (isMarked) return { kind: "run", text };
  const isConfig = text.split("\n").every((line) => CONFIG_LINE.test(line));
  return { kind: isConfig ? "config" : "other", text };
}
