/**
 * Writes the wizard's conversation in the README anew, as the real program holds it: part of `deno task docs`.
 * `tests/wizard_text_test.ts` fails while they differ.
 */
import { Home, prepare } from "./commands/_program.ts";

const BEGIN = '<!-- wizard: begin (written by "deno task docs") -->\n';
const END = "<!-- wizard: end -->\n";

/** What a new user types, in the order of the questions. */
const ANSWERS: readonly string[] = [
  ...["", "photos", "~/photos", "?", "SHARE/photos-relay", "", "", "laptop", "", "", "", ""],
  ...["", "", "", ""],
];

/** The README with the conversation as it is now. */
export async function withWizardText(readme: string): Promise<string> {
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error("The README has lost its marks for the wizard");
  const text = await wizardText();
  const front = readme.slice(0, begin + BEGIN.length);
  return `${front}\n\`\`\`text\n$ escale -i\n${text}\`\`\`\n\n${readme.slice(end)}`;
}

/** Runs the wizard in a home folder of its own, and shows the places as those of a usual machine. */
async function wizardText(): Promise<string> {
  await using home = await Home.make();
  const share = `${home.path}/share`;
  await Deno.mkdir(share);
  const streams = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  const command = await prepare("escale", ["-i"], { home, ...streams });
  const child = command.spawn();
  const writer = child.stdin.getWriter();
  const typed = ANSWERS.map((answer) => `${answer.replace("SHARE", share)}\n`).join("");
  await writer.write(new TextEncoder().encode(typed));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  const text = decoder.decode(stderr) + decoder.decode(stdout);
  if (code !== 0) throw new Error(`The wizard ended with status ${code}:\n${text}`);
  return text.replaceAll(share, "/mnt/share").replaceAll("~/share", "/mnt/share")
    .replace(/^(Name of this client)(?: \[.*\])?: laptop$/m, "$1: laptop")
    .replace(/[ \t]+$/gm, "");
}

if (import.meta.main) {
  const file = new URL("../README.md", import.meta.url);
  Deno.writeTextFileSync(file, await withWizardText(Deno.readTextFileSync(file)));
}
