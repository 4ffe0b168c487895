import assert from "node:assert/strict";

import type { Configuration, Section } from "../../../lib/config/section.ts";
import type { ControlCommand } from "../../../lib/daemon/control.ts";
import { Fleet } from "../../../lib/daemon/fleet.ts";
import type { StartWorker } from "../../../lib/daemon/start_worker.ts";
import { Supervisor } from "../../../lib/daemon/supervisor.ts";
import { EscaleError } from "../../../lib/errors.ts";
import { makeSection } from "../../support/sections.ts";

const [ONE, TWO, THREE] = ["one", "two", "three"].map((name) => makeSection({ name }));

function configure(...sections: readonly (Section | undefined)[]): Configuration {
  return {
    file: "/home/me/a.conf",
    logRotate: 3,
    logFormat: "text",
    sections: sections.filter((section) => section !== undefined),
    warnings: [],
  };
}

/** A fleet whose workers note when they start and stop at once when asked to; `fail` has one end by itself. */
function setUp(names: readonly string[] = []) {
  const notes: string[] = [];
  const failures = new Map<string, () => void>();
  const stop = new AbortController();
  const place = { configuration: configure(ONE, TWO) };
  const startWorker: StartWorker = ({ name }, _job, report) => {
    notes.push(`+${name}`);
    failures.set(name, () =>
      report({
        kind: "result",
        result: { outcome: "failed", error: { code: "twin", message: "" } },
      }));
    return {
      stop: () => report({ kind: "result", result: { outcome: "stopped" } }),
      terminate: () => notes.push(`-${name}`),
    };
  };
  const supervisor = new Supervisor({ once: false, dryRun: false }, {
    startWorker,
    emit: () => {},
    ended: () => {},
    signal: stop.signal,
  });
  const fleet = new Fleet({
    supervisor,
    load() {
      if (place.configuration.sections.length > 0) return place.configuration;
      throw new EscaleError("config", "wrong");
    },
    loaded: () => notes.push("loaded"),
    removed: (name) => notes.push(`removed ${name}`),
  }, names);
  fleet.begin(place.configuration);
  /** Asks for something, and gives the answer and what was noted meanwhile. */
  const ask = async (command: ControlCommand, ...of: readonly string[]) => {
    notes.length = 0;
    const answer = await fleet.answer({ command, names: of });
    return [answer.ok ? answer.names.toSorted() : answer.code, notes.toSorted()];
  };
  const end = async () => {
    stop.abort();
    await supervisor.finished();
  };
  return { notes, place, supervisor, fleet, failures, ask, [Symbol.asyncDispose]: end };
}

Deno.test("Fleet starts, stops and restarts the clients that are named, or all", async () => {
  await using here = setUp();
  const { notes, ask, supervisor } = here;
  assert.deepEqual(notes, ["+one", "+two"]);
  assert.deepEqual(await ask("start"), [[], []]);
  assert.deepEqual(await ask("stop", "two"), [["two"], ["-two"]]);
  assert.deepEqual(await ask("stop", "two"), [[], []]);
  assert.deepEqual(await ask("restart", "one"), [["one"], ["+one", "-one"]]);
  assert.deepEqual(await ask("start", "two"), [["two"], ["+two"]]);
  assert.deepEqual(await ask("restart"), [["one", "two"], ["+one", "+two", "-one", "-two"]]);
  assert.deepEqual(await ask("stop"), [["one", "two"], ["-one", "-two"]]);
  assert.deepEqual(await supervisor.finished(), [], "what was stopped by command has no result");
});

Deno.test("Fleet refuses a name that is not configured, and does nothing then", async () => {
  await using here = setUp();
  const { ask } = here;
  for (const command of ["start", "stop", "restart"] as const) {
    assert.deepEqual(await ask(command, "one", "four"), ["usage", []]);
  }
});

Deno.test("Fleet reloads: what changed is restarted, what is new started, what is gone stopped", async () => {
  await using here = setUp();
  const { ask, place } = here;
  assert.deepEqual(await ask("reload"), [[], ["loaded"]]);
  place.configuration = configure(ONE && { ...ONE, refreshS: 5 }, TWO, THREE);
  assert.deepEqual(await ask("reload"), [["one", "three"], ["+one", "+three", "-one", "loaded"]]);
  place.configuration = configure(THREE);
  assert.deepEqual(await ask("reload"), [
    ["one", "two"],
    ["-one", "-two", "loaded", "removed one", "removed two"],
  ]);
});

Deno.test("Fleet sees that a passphrase changed", async () => {
  await using here = setUp();
  const { ask, place } = here;
  const secret = (byte: number) => ONE && { ...ONE, passphrase: new Uint8Array([byte]) };
  place.configuration = configure(secret(1), TWO);
  await ask("reload");
  assert.deepEqual(await ask("reload"), [[], ["loaded"]]);
  place.configuration = configure(secret(2), TWO);
  assert.deepEqual(await ask("reload"), [["one"], ["+one", "-one", "loaded"]]);
});

Deno.test("Fleet goes on as it is where the configuration is wrong", async () => {
  await using here = setUp();
  const { ask, place, supervisor } = here;
  place.configuration = configure();
  for (const command of ["reload", "restart", "start"] as const) {
    assert.deepEqual(await ask(command), ["config", []]);
  }
  assert.equal(supervisor.running().length, 2);
  assert.deepEqual(await ask("stop"), [["one", "two"], ["-one", "-two"]]);
});

Deno.test("Fleet does not start at a reload what was stopped by command, or never chosen", async () => {
  await using here = setUp(["one", "two"]);
  const { ask, place, notes } = here;
  place.configuration = configure(ONE, TWO, THREE);
  assert.deepEqual(await ask("stop", "two"), [["two"], ["-two"]]);
  assert.deepEqual(await ask("reload"), [[], ["loaded"]]);
  assert.deepEqual(await ask("start", "three"), [["three"], ["+three"]]);
  assert.deepEqual(await ask("start", "two"), [["two"], ["+two"]]);
  assert.deepEqual(await ask("reload"), [[], ["loaded"]]);
  assert.equal(notes.length, 1);
});

Deno.test("Fleet starts a client again at a reload that has failed, and no other one at a start", async () => {
  await using here = setUp();
  const { ask, failures, supervisor } = here;
  failures.get("one")?.();
  await supervisor.stop("one");
  assert.deepEqual(await ask("start", "two"), [[], []]);
  assert.deepEqual(await ask("reload"), [["one"], ["+one", "loaded"]]);
});

Deno.test("Fleet does one command after another", async () => {
  await using here = setUp();
  const { fleet, notes } = here;
  notes.length = 0;
  const commands = ["stop", "start", "restart"] as const;
  await Promise.all(commands.map((command) => fleet.answer({ command, names: ["one"] })));
  assert.deepEqual(notes, ["-one", "+one", "-one", "+one"]);
});
