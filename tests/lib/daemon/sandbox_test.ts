import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { RelaySettings, Section } from "../../../lib/config/section.ts";
import { permissionsFor } from "../../../lib/daemon/sandbox.ts";
import { workerStarter } from "../../../lib/daemon/start_worker.ts";
import { supervise } from "../../../lib/daemon/supervisor.ts";
import type { LogFields } from "../../../lib/log.ts";
import { makeSection } from "../../support/sections.ts";
import type { ProbeFacts } from "./_probe.ts";

const realPath = (path: string) => path;

function relayOf(changes: Partial<RelaySettings>): RelaySettings {
  const { folder: _folder, ...relay } = makeSection().relay;
  return { ...relay, ...changes };
}

Deno.test("permissionsFor() grants a file section its folders and its state, and no more", () => {
  const state = "/home/me/.cache/escale/escale/st1.db";
  const paths = [
    "/home/me/photos",
    "/mnt/relay",
    ...["", "-wal", "-shm", ".run", ".run-journal", ".damaged", ".spool"].map((suffix) =>
      state + suffix
    ),
  ];
  assert.deepEqual(permissionsFor(makeSection(), { realPath }), {
    read: paths,
    write: paths,
    net: false,
    run: false,
    env: false,
    ffi: false,
    import: false,
    sys: ["osUptime", "statfs"],
  });
});

Deno.test("permissionsFor() grants each path in both forms where links make two", () => {
  const { read, write } = permissionsFor(makeSection(), {
    realPath: (path) => path.startsWith("/mnt") || path.includes("st1") ? `/private${path}` : path,
  });
  assert.deepEqual(read, write);
  assert(Array.isArray(write));
  assert.deepEqual(write.slice(0, 3), ["/home/me/photos", "/mnt/relay", "/private/mnt/relay"]);
  assert(write.includes("/private/home/me/.cache/escale/escale/st1.db-wal"));
  assert.equal(write.length, 17);
});

Deno.test("permissionsFor() grants the net and programs by protocol", () => {
  const cases: readonly [Partial<RelaySettings>, net: unknown, run: unknown][] = [
    [{ protocol: "webdav", host: "example.org", port: 8443 }, ["example.org:8443"], false],
    [{ protocol: "https", host: "example.org" }, ["example.org:80", "example.org:443"], false],
    [{ protocol: "http", host: "::1", port: 80 }, ["[::1]:80"], false],
    [{ protocol: "https", host: "a", proxy: "http://me:key@proxy:3128" }, ["proxy:3128"], false],
    [{ protocol: "https", host: "a", proxy: "http://" }, [], false],
    [{ protocol: "ftps", host: "example.org", port: 21 }, ["example.org"], false],
    [{ protocol: "rclone", folder: "remote:a" }, false, ["rclone"]],
    [{ protocol: "dropbox", program: "/opt/rclone" }, false, ["/opt/rclone"]],
    [{ protocol: "dropbox", program: "http://me:key@127.0.0.1:99/?type=dropbox" }, [
      "127.0.0.1:99",
    ], false],
    [{ protocol: "googledrive" }, false, ["drive"]],
  ];
  for (const [relay, net, run] of cases) {
    const section = makeSection({ relay: relayOf(relay) });
    const permissions = permissionsFor(section, { realPath });
    assert.deepEqual([permissions.net, permissions.run], [net, run], relay.protocol);
    assert.deepEqual(permissions.read, permissions.write);
    assert(Array.isArray(permissions.write) && permissions.write.length === 8);
  }
});

Deno.test("permissionsFor() lets certificate and key be read, not written", () => {
  const files = { certificateFile: "/etc/me.crt", keyFile: "/etc/me.key" };
  const section = makeSection({ relay: relayOf({ protocol: "https", host: "a", ...files }) });
  const { read, write } = permissionsFor(section, { realPath });
  assert(Array.isArray(read) && Array.isArray(write));
  assert.deepEqual(read, [...write, "/etc/me.crt", "/etc/me.key"]);
});

const PROBE = new URL("./_probe.ts", import.meta.url);
const ALWAYS_GRANTED = [
  ...["write the repository", "read the repository", "list the repository"],
  ...["watch the repository", "remove from the repository", "write the relay", "use the state"],
  ...["hold the state's lock", "move the state aside", "ask for the uptime"],
];

/** Two sections' folders in a tree of their own, a server, and what the probe of the first could do. */
async function probe(
  change: (section: Section, place: { root: string; port: number }) => Section = (same) => same,
): Promise<LogFields> {
  const root = await Deno.realPath(await Deno.makeTempDir());
  using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    for (const folder of ["mine", "other", "relay"]) mkdirSync(join(root, folder));
    writeFileSync(join(root, "other", "secret"), "secret");
    writeFileSync(join(root, "other", "code.js"), "");
    const { port } = server.addr;
    const facts: ProbeFacts = {
      otherFolder: join(root, "other"),
      otherState: join(root, "states", "other.db"),
      program: Deno.execPath(),
      port,
    };
    const mine = makeSection({
      configFile: JSON.stringify(facts),
      localPath: join(root, "mine"),
      relay: relayOf({ protocol: "file", folder: join(root, "relay") }),
      statePath: join(root, "states", "mine.db"),
    });
    let outcomes: LogFields = {};
    const results = await supervise([change(mine, { root, port })], { once: true, dryRun: false }, {
      startWorker: workerStarter(PROBE, { isLimited: true }),
      emit: (_section, event) => {
        if (event.kind === "log") outcomes = event.fields;
      },
      ended() {},
      signal: new AbortController().signal,
    });
    assert.deepEqual(results, [{ outcome: "done" }]);
    return outcomes;
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

function assertOutcomes(outcomes: LogFields, granted: readonly string[]): void {
  for (const [attempt, outcome] of Object.entries(outcomes)) {
    assert.equal(outcome, granted.includes(attempt) ? "done" : "denied", attempt);
  }
  assert(Object.keys(outcomes).length > 35);
}

Deno.test("a client's worker can use what its section needs, and nothing else", async () => {
  assertOutcomes(await probe(), ALWAYS_GRANTED);
});

Deno.test("a client's worker can connect to its relay's host and port only", async () => {
  const outcomes = await probe((section, { port }) => ({
    ...section,
    relay: relayOf({ protocol: "webdav", host: "127.0.0.1", port }),
  }));
  assertOutcomes(outcomes, [...ALWAYS_GRANTED, "connect to the relay's port"]);
});

Deno.test("a client's worker can use folders that are reached over a link", async () => {
  const outcomes = await probe((section, { root }) => {
    symlinkSync(root, join(root, "link"), "junction");
    return {
      ...section,
      localPath: join(root, "link", "mine"),
      relay: { ...section.relay, folder: join(root, "link", "relay") },
      statePath: join(root, "link", "states", "mine.db"),
    };
  });
  // The parent folder of the link is another one.
  const { "read it over a parent folder": _, ...others } = outcomes;
  assertOutcomes(others, ALWAYS_GRANTED);
});

const CAN_LIMIT = new URL("./_can_limit.ts", import.meta.url).pathname;

/** What `canLimitWorkers()` says in a program that is started with `flags` and no configuration. */
async function canLimitUnder(...flags: readonly string[]): Promise<string> {
  const args = ["run", "--no-config", "--no-prompt", ...flags, CAN_LIMIT];
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  assert.equal(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout);
}

Deno.test("canLimitWorkers() knows whether the runtime got the flag", async () => {
  assert.equal(await canLimitUnder("-A"), "false");
  assert.equal(await canLimitUnder("-A", "--unstable-worker-options"), "true");
});

Deno.test("canLimitWorkers() does not look where permissions are listed one by one", async () => {
  assert.equal(await canLimitUnder("--allow-read"), "true");
});
