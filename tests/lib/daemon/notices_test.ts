import assert from "node:assert/strict";
import { setImmediate as settle } from "node:timers/promises";

import { NOTICE_EVERY_MS, Notices } from "../../../lib/daemon/notices.ts";
import { ManualTimers } from "./_manual_timers.ts";

/** A mail server that the test plays, and a file for what is remembered. */
function setUp() {
  const folder = Deno.makeTempDirSync();
  const timers = new ManualTimers();
  const mails: string[] = [];
  const warnings: unknown[] = [];
  const server = { isAway: false };
  const open = () =>
    new Notices(`${folder}/notices.json`, {
      async send(to, notices) {
        await settle();
        if (server.isAway) throw new Error("away");
        mails.push(`${to}: ${notices.map(({ text }) => text).join(", ")}`);
      },
      warn: (thrown) => warnings.push(thrown),
      nowMs: () => timers.nowMs,
      timers,
    });
  const cleanUp = () => Deno.removeSync(folder, { recursive: true });
  return { timers, mails, warnings, server, open, folder, [Symbol.dispose]: cleanUp };
}

/** Lets what was begun come to its end. */
async function settleAll(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await settle();
}

Deno.test("Notices mails the first at once, and what follows within the hour together after it", async () => {
  using here = setUp();
  await using notices = here.open();
  notices.add("a@x", "one");
  await settleAll();
  assert.deepEqual(here.mails, ["a@x: one"]);
  notices.add("a@x", "two");
  here.timers.pass(NOTICE_EVERY_MS - 1);
  notices.add("a@x", "three");
  await settleAll();
  assert.equal(here.mails.length, 1);
  here.timers.pass(1);
  await settleAll();
  assert.deepEqual(here.mails.slice(1), ["a@x: two, three"]);
  here.timers.pass(NOTICE_EVERY_MS);
  notices.add("a@x", "four");
  await settleAll();
  assert.deepEqual(here.mails.slice(2), ["a@x: four"]);
});

Deno.test("Notices counts the hour for each address by itself", async () => {
  using here = setUp();
  await using notices = here.open();
  for (const to of ["a@x", "b@x", "a@x"]) notices.add(to, "stopped");
  await settleAll();
  assert.deepEqual(here.mails, ["a@x: stopped", "b@x: stopped"]);
  here.timers.pass(NOTICE_EVERY_MS);
  await settleAll();
  assert.deepEqual(here.mails.slice(2), ["a@x: stopped"], "what came while the first was sent");
});

Deno.test("Notices keeps the hour and what waits over restarts", async () => {
  using here = setUp();
  {
    await using first = here.open();
    first.add("a@x", "one");
    await settleAll();
    first.add("a@x", "two");
  }
  assert.equal(here.timers.count, 0, "no timer is left");
  await using second = here.open();
  second.add("a@x", "three");
  await settleAll();
  assert.deepEqual(here.mails, ["a@x: one"]);
  here.timers.pass(NOTICE_EVERY_MS);
  await settleAll();
  assert.deepEqual(here.mails.slice(1), ["a@x: two, three"]);
});

Deno.test("Notices waits at its end for the mail on its way", async () => {
  using here = setUp();
  {
    await using notices = here.open();
    notices.add("a@x", "one");
  }
  assert.deepEqual(here.mails, ["a@x: one"]);
});

Deno.test("Notices keeps what no server took, tries again after an hour, and warns each time", async () => {
  using here = setUp();
  await using notices = here.open();
  here.server.isAway = true;
  notices.add("a@x", "one");
  await settleAll();
  notices.add("a@x", "two");
  await settleAll();
  assert.equal(here.warnings.length, 1);
  here.server.isAway = false;
  here.timers.pass(NOTICE_EVERY_MS);
  await settleAll();
  assert.deepEqual(here.mails, ["a@x: one, two"]);
});

Deno.test("Notices begins anew where its file is damaged, and is not silenced by a clock set back", async () => {
  using here = setUp();
  const file = `${here.folder}/notices.json`;
  for (const text of ["no JSON", "[]", '{"pending":1}', '{"pending":[],"lastMs":null}']) {
    Deno.writeTextFileSync(file, text);
    await using notices = here.open();
    notices.add("a@x", "one");
  }
  assert.equal(here.mails.length, 4);
  Deno.writeTextFileSync(file, JSON.stringify({ pending: [], lastMs: { "a@x": 9e12 } }));
  await using notices = here.open();
  notices.add("a@x", "five");
  here.timers.pass(NOTICE_EVERY_MS);
  await settleAll();
  assert.equal(here.mails.length, 5);
});
