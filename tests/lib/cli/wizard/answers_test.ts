import assert from "node:assert/strict";

import { parseAnswers } from "../../../../lib/cli/wizard/answers.ts";

Deno.test("parseAnswers() takes any name of an option, and joins what makes an address", () => {
  const cases: readonly [readonly string[], Readonly<Record<string, string>>][] = [
    [["path=~/p", "quota = 2 GB"], { "local path": "~/p", "disk quota": "2 GB" }],
    [["protocol=file", "relay path=/r"], { "relay": "/r" }],
    [["address=ftp://h/x"], { "relay": "ftp://h/x" }],
    [
      ["protocol=ftp", "address=h", "port=2121", "dir=a/b"],
      { "protocol": "ftp", "relay": "h:2121/a/b" },
    ],
    [["relay=rclone", "remote=box", "dir=x"], {
      relay: "rclone",
      remote: "box",
      "host directory": "x",
    }],
    [["exclude=a=b"], { exclude: "a=b" }],
  ];
  for (const [texts, expected] of cases) {
    assert.deepEqual(Object.fromEntries(parseAnswers(texts)), expected, texts.join());
  }
});

Deno.test("parseAnswers() refuses what is no option, and what is set twice", () => {
  for (const texts of [["nope=1"], ["path"], ["path=1", "local path=2"]]) {
    assert.throws(() => parseAnswers(texts), { code: "usage" }, texts.join());
  }
});
