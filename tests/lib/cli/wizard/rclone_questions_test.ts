import assert from "node:assert/strict";

import { openFile } from "../../../../backends/file/mod.ts";
import { parseAnswers } from "../../../../lib/cli/wizard/answers.ts";
import { Conversation } from "../../../../lib/cli/wizard/conversation.ts";
import { Draft } from "../../../../lib/cli/wizard/draft.ts";
import { askRemote } from "../../../../lib/cli/wizard/rclone_questions.ts";
import { systemEnvironment } from "../../../../lib/config/environment.ts";
import { recordOutput } from "../../../support/output.ts";

/** An rclone that knows the remotes of a file, and whose configuration adds one. */
const FAKE = `#!/bin/sh
list="$(dirname "$0")/remotes"
case "$1" in
  listremotes) cat "$list" ;;
  config) echo new-one: >> "$list" ;;
  *) exit 1 ;;
esac
`;

async function askWith(answers: readonly string[], set: readonly string[] = []) {
  const root = Deno.makeTempDirSync({ prefix: "escale-rclone-" });
  using _undo = { [Symbol.dispose]: () => Deno.removeSync(root, { recursive: true }) };
  Deno.writeTextFileSync(`${root}/rclone`, FAKE, { mode: 0o755 });
  Deno.writeTextFileSync(`${root}/remotes`, "box:\nsome cloud:\n");
  const text = `[a]\nrclone binary = ${root}/rclone\nport = 21\n`;
  const draft = new Draft(`${root}/x.conf`, text, systemEnvironment());
  const output = recordOutput();
  const waiting = [...answers];
  const lines = { isTerminal: true, next: () => Promise.resolve(waiting.shift()) };
  const context = {
    ...{ draft, section: "a", isNew: true, isImported: false, isExpert: false, tries: true },
    conversation: new Conversation({
      output,
      lines,
      answers: parseAnswers(set),
      takesDefaults: false,
    }),
    openBackend: openFile,
    signal: new AbortController().signal,
    undo: new DisposableStack(),
  };
  await askRemote(context);
  return { lines: draft.text.split("\n").slice(2), shown: output.stderr() };
}

Deno.test("askRemote() lists what rclone has and writes the remote and its folder", async () => {
  const { lines, shown } = await askWith(["nope", "some cloud", "bucket/x"]);
  assert.match(shown, /Remotes of rclone: box, some cloud\./);
  assert.deepEqual(lines, [
    "protocol = rclone",
    "host address = some cloud",
    "host directory = bucket/x",
    "",
  ]);
  const given = await askWith([], ["relay=rclone", "remote=box", "dir=y"]);
  assert.deepEqual(given.lines.slice(1, 3), ["host address = box", "host directory = y"]);
});

Deno.test("askRemote() has rclone make a remote and then offers it", async () => {
  const { lines } = await askWith(["new", "new-one", ""]);
  assert.deepEqual(lines.slice(1, 3), ["host address = new-one", "host directory = escale-a"]);
});
