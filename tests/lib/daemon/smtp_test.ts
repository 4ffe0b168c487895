import assert from "node:assert/strict";

import { formatMail, isMailAddress, type Mail, sendMail } from "../../../lib/daemon/smtp.ts";

const MAIL: Mail = {
  from: "escale@box",
  to: ["a@example.org", "b@example.org"],
  subject: "Escale on box: a client stopped",
  text: "first\n.\nlast\n",
  date: new Date("2026-01-02T03:04:05Z"),
};

/** A server that says `replies` one after another, and keeps what it hears. */
async function serve(
  replies: readonly string[],
  talk: (port: number) => Promise<void>,
): Promise<string> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let heard = "";
  const serving = (async () => {
    using connection = await listener.accept();
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(65_536);
    for (const [at, reply] of replies.entries()) {
      for (const part of reply.match(/.{1,7}/gs) ?? []) {
        await connection.write(new TextEncoder().encode(part));
      }
      if (at === replies.length - 1) break;
      const isData = reply.startsWith("354");
      do {
        const count = await connection.read(buffer);
        if (count === null) return;
        heard += decoder.decode(buffer.subarray(0, count));
      } while (!heard.endsWith(isData ? "\r\n.\r\n" : "\r\n"));
    }
  })();
  await talk(listener.addr.port);
  await serving;
  return heard;
}

const GOOD = [
  ...["220-box\r\n220 ready\r\n", "250-box\r\n250-SIZE\r\n250 HELP\r\n", "250 ok\r\n"],
  ...["250 ok\r\n", "251 forwarded\r\n", "354 go on\r\n", "250 queued\r\n", "221 bye\r\n"],
];

Deno.test("sendMail() hands a mail in, with replies in several lines and in pieces", async () => {
  const heard = await serve(GOOD, (port) => sendMail(MAIL, { hostName: "box", port }));
  const [hello, from, first, second, data, ...rest] = heard.split("\r\n");
  assert.deepEqual([hello, from, first, second, data], [
    "EHLO box",
    "MAIL FROM:<escale@box>",
    "RCPT TO:<a@example.org>",
    "RCPT TO:<b@example.org>",
    "DATA",
  ]);
  assert.deepEqual(rest.slice(-3), [".", "QUIT", ""]);
  const body = rest.slice(rest.indexOf("") + 1, -3).join("");
  assert.equal(new TextDecoder().decode(Uint8Array.fromBase64(body)), "first\r\n.\r\nlast\r\n");
});

Deno.test("sendMail() says what the server said that does not take the mail", async () => {
  const cases: readonly (readonly [replies: readonly string[], message: RegExp])[] = [
    [["554 go away\r\n"], /it said "554 go away"$/],
    [[...GOOD.slice(0, 3), "550-no such\r\n550 user\r\n"], /it said "550 user"$/],
    [[...GOOD.slice(0, 6), "452 full\r\n"], /it said "452 full"$/],
    [["220 ready\r\n", ""], /it hung up$/],
    [["220-endless\r\n".repeat(10_000)], /its reply does not end|hung up/],
  ];
  for (const [replies, message] of cases) {
    await serve(replies, async (port) => {
      await assert.rejects(sendMail(MAIL, { hostName: "box", port }), { code: "denied", message });
    }).catch((cause) => {
      // The endless one writes into a closed connection.
      if (
        !(cause instanceof Deno.errors.ConnectionReset || cause instanceof Deno.errors.BrokenPipe)
      ) {
        throw cause;
      }
    });
  }
});

Deno.test("sendMail() gives up a server that says nothing, and names one that is not there", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  await assert.rejects(sendMail(MAIL, { hostName: "box", port, timeoutMs: 50 }), {
    code: "denied",
    message: `Cannot hand a mail to the mail server at 127.0.0.1:${port}: no answer within 0.05 s`,
  });
  (await listener.accept()).close();
  listener.close();
  await assert.rejects(sendMail(MAIL, { hostName: "box", port }), { code: "denied" });
});

Deno.test("sendMail() sends nothing to what is no address", async () => {
  const wrong = [
    ...["", "me", "a@b\r\nRCPT TO:<c@d>", "<a@b>", "a b@c", "a@b>", "@b", "a@", "a@b\0", "a@b@c d"],
  ];
  for (const address of wrong) {
    assert(!isMailAddress(address), address);
    await assert.rejects(sendMail({ ...MAIL, to: [address] }, { hostName: "box", port: 1 }), {
      code: "refused",
    });
  }
  for (const address of ["me@example.org", "root@localhost", "jörg+x@exämple.org"]) {
    assert(isMailAddress(address), address);
  }
});

Deno.test("formatMail() writes headers that any server takes", () => {
  const lines = formatMail({ ...MAIL, subject: "Zürich ".repeat(12) }, "box").split("\r\n");
  assert.deepEqual(lines.slice(0, 2), [
    "From: Escale <escale@box>",
    "To: a@example.org, b@example.org",
  ]);
  assert(lines.includes("Date: Fri, 02 Jan 2026 03:04:05 +0000"));
  for (const line of lines) assert(line.length <= 78 && /^[ -~]*$/.test(line), line);
  const words = lines.filter((line) => line.includes("=?utf-8?B?"))
    .map((line) => line.replace(/^.*=\?utf-8\?B\?/, "").replace("?=", ""));
  const subject = words.map((word) => new TextDecoder().decode(Uint8Array.fromBase64(word)));
  assert.equal(subject.join(""), "Zürich ".repeat(12));
});
