import assert from "node:assert/strict";

import {
  Conversation,
  type Question,
  type Topic,
  wrap,
} from "../../../../lib/cli/wizard/conversation.ts";
import type { Lines } from "../../../../lib/cli/wizard/lines.ts";
import { recordOutput } from "../../../support/output.ts";

const question: Question = {
  topic: "refresh",
  text: "How often",
  help: "It is\na number",
  check: (answer) => /^\d+$/.test(answer) ? undefined : "should be a number",
};

function talk(
  answers: readonly string[],
  { isTerminal = false, takesDefaults = false, given = [] }: {
    readonly isTerminal?: boolean;
    readonly takesDefaults?: boolean;
    readonly given?: readonly (readonly [Topic, string])[];
  } = {},
) {
  const output = recordOutput();
  const waiting = [...answers];
  const next: Lines["next"] = ({ show }) => {
    show();
    return Promise.resolve(waiting.shift());
  };
  const lines = { isTerminal, next };
  const conversation = new Conversation({
    ...{ output, lines, takesDefaults },
    answers: new Map(given),
  });
  return { conversation, output };
}

Deno.test("ask() takes an answer, what is proposed, or none", async () => {
  const cases: readonly [readonly string[], Partial<Question>, string][] = [
    [["7"], {}, "7"],
    [[" 7 "], {}, "7"],
    [[""], { initial: "5" }, "5"],
    [["-"], { initial: "5", isOptional: true }, ""],
    [[""], { isOptional: true }, ""],
    [["?", "7"], {}, "7"],
  ];
  for (const [answers, changes, expected] of cases) {
    const { conversation, output } = talk(answers);
    assert.equal(await conversation.ask({ ...question, ...changes }), expected);
    if (answers[0] === "?") assert.match(output.stderr(), /\n {2}It is\n {2}a number\n/);
  }
});

Deno.test("ask() asks again on a terminal, and ends elsewhere", async () => {
  const { conversation, output } = talk(["x", "", "7"], { isTerminal: true });
  assert.equal(await conversation.ask(question), "7");
  assert.equal(
    output.stderr(),
    "How often:   Should be a number\nHow often:   An answer is needed\nHow often: ",
  );
  for (const answers of [["x"], [""], []]) {
    await assert.rejects(talk(answers).conversation.ask(question), { code: "usage" });
  }
  await assert.rejects(talk([], { isTerminal: true }).conversation.ask(question), {
    name: "AbortError",
  });
});

Deno.test("ask() uses an answer that was given beforehand once, and checks it", async () => {
  const { conversation, output } = talk(["8"], { given: [["refresh", "7"]] });
  assert.equal(await conversation.ask(question), "7");
  assert.equal(output.stderr(), "");
  assert.equal(await conversation.ask(question), "8");
  const wrong = talk([], { given: [["refresh", "x"]], isTerminal: true });
  await assert.rejects(wrong.conversation.ask(question), { code: "usage", message: /"x".*number/ });
});

Deno.test("ask() asks nobody where what is proposed is taken", async () => {
  const { conversation, output } = talk(["8"], { takesDefaults: true });
  assert.equal(await conversation.ask({ ...question, initial: "5" }), "5");
  await assert.rejects(conversation.ask(question), { code: "usage", message: /answer is needed/ });
  assert.equal(output.stderr(), "");
});

Deno.test("ask() never shows a hidden answer, nor a password in an address", async () => {
  const hidden = talk(["s3cret", "s3cret"]);
  const refused = { ...question, isHidden: true };
  await assert.rejects(hidden.conversation.ask(refused), (thrown) => {
    assert(thrown instanceof Error);
    assert.doesNotMatch(thrown.message + hidden.output.stderr(), /s3cret/);
    return true;
  });
  await assert.rejects(talk(["ftp://me:s3cret@h"]).conversation.ask(question), (thrown) => {
    assert(thrown instanceof Error);
    assert.match(thrown.message, /"ftp:\/\/me:\*\*\*@h"/);
    return true;
  });
});

Deno.test("wrap() breaks between words and keeps the margin", () => {
  assert.equal(wrap("  one two three", 9), "  one two\n  three");
  assert.equal(wrap("a-very-long-word b", 5), "a-very-long-word\nb");
  assert.equal(wrap("", 5), "");
  const { conversation, output } = talk([]);
  conversation.say("word ".repeat(40).trim());
  assert(output.stderr().split("\n").every((line) => line.length < 80));
});
