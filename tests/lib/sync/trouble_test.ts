import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Backend, RelayAddress } from "../../../backends/backend.ts";
import { openFile } from "../../../backends/file/mod.ts";
import { runClient } from "../../../lib/sync/client.ts";
import type { ClientEvent } from "../../../lib/sync/events.ts";
import { noise } from "../../support/byte_streams.ts";
import { type TestClient, World } from "../../support/engine.ts";
import { FaultyBackend } from "../../support/faulty_backend.ts";
import { mountBind, mountTmpfs } from "../../support/mount.ts";
import { skip } from "../../support/skip.ts";

const T = 1_600_000_000;

async function inStep(world: World): Promise<[TestClient, TestClient]> {
  const [a, b] = [world.client("A"), world.client("B")];
  a.write("f", "1", T);
  a.write("d/g", "2", T);
  await world.settle([a, b]);
  return [a, b];
}

/** A relay that does something before it is listed, or before a content is read from it, each for the first time. */
async function openDoing(
  address: RelayAddress,
  moment: "the relay is listed" | "a content is read",
  work: () => void,
): Promise<Backend> {
  const backend = await openFile(address);
  let isFirst = true;
  const at = (now: typeof moment) => {
    if (isFirst && now === moment) {
      isFirst = false;
      work();
    }
  };
  const [list, read, get] = [
    backend.list.bind(backend),
    backend.read.bind(backend),
    backend.get.bind(backend),
  ];
  const seen = (name: string) => name.startsWith(".") || at("a content is read");
  backend.list = (folder, options) => {
    at("the relay is listed");
    return list(folder, options);
  };
  backend.read = (name, options) => {
    seen(name);
    return read(name, options);
  };
  backend.get = (name, options) => {
    seen(name);
    return get(name, options);
  };
  return backend;
}

Deno.test("an empty file travels, becomes full and empty again", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  for (const [at, content] of ["", "full", ""].entries()) {
    a.write("f", content, T + at);
    await world.settle([a, b]);
    assert.deepEqual(b.tree(), { f: content });
    assert.equal(b.timeOf("f"), T + at);
  }
});

Deno.test("a file of 50 MB is streamed, with progress, and arrives whole", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  const content = noise(50 * 1024 * 1024);
  a.write("big.bin", content, T);
  const runs = [await a.once(), await b.once()];
  assert.deepEqual(runs.map(({ result }) => result), [{ outcome: "done" }, { outcome: "done" }]);
  assert.equal(Deno.readFileSync(b.pathOf("big.bin")).every((it, i) => it === content[i]), true);
  for (const [at, action] of (["push", "pull"] as const).entries()) {
    const last = runs[at]?.events.findLast((event) => event.kind === "transfer");
    assert.deepEqual(last, {
      kind: "transfer",
      action,
      path: "big.bin",
      doneBytes: content.length,
      sizeBytes: content.length,
    });
  }
});

Deno.test("a file that changes while it is pushed is left for later, and nothing of it stays", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  a.write("f", noise(600_000, 1), T);
  let isFirst = true;
  const racing = a.with({}, async (address) => {
    const backend = await openFile(address);
    const put = backend.put.bind(backend);
    backend.put = async (name, source, options) => {
      if (name === "f" && isFirst) {
        isFirst = false;
        a.write("f", noise(600_000, 2), T);
      }
      await put(name, source, options);
    };
    return backend;
  });
  const { tally, problems } = await racing.round();
  assert.deepEqual([tally.pushed, tally.waiting, problems], [0, 1, []]);
  assert.deepEqual(world.relayNames(), []);
  await world.settle([racing, b]);
  assert.deepEqual(Deno.readFileSync(b.pathOf("f")), Uint8Array.from(noise(600_000, 2)));
});

Deno.test("a file that changes while its new version is pulled is kept", async () => {
  using world = new World();
  const [a, b] = await inStep(world);
  a.write("f", "of A", T + 10);
  await a.once();
  const racing = b.with({}, async (address) => {
    const backend = await openFile(address);
    const read = backend.read.bind(backend);
    backend.read = async (name, options) => {
      if (name === "f") b.write("f", "of B", T + 5);
      return await read(name, options);
    };
    return backend;
  });
  await racing.round();
  assert.equal(b.read("f"), "of B");
  await world.settle([b, a]);
  assert.equal(a.read("f"), "of A");
  assert.ok(Object.values(a.tree()).includes("of B"));
  assert.deepEqual(a.tree(), b.tree());
});

Deno.test("a change that size and time do not show is noticed before a file is replaced", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  a.write("f", "one!", T);
  await world.settle([a, b]);
  a.write("f", "two!", T + 10);
  await a.once();
  const racing = b.with({}, async (address) => {
    const backend = await openFile(address);
    const read = backend.read.bind(backend);
    backend.read = async (name, options) => {
      if (name === "f") b.write("f", "mine", T);
      return await read(name, options);
    };
    return backend;
  });
  await racing.round();
  assert.equal(b.read("f"), "mine");
});

Deno.test("a push that was cut off is known for one's own when the file has changed meanwhile", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  a.write("f", "1", T);
  const dying = a.with({}, async (address) =>
    new FaultyBackend(
      await openFile(address),
      ({ verb }) => verb === "flush" ? { kind: "fail", dies: true } : undefined,
    ));
  await dying.once();
  assert.deepEqual(world.relayNames(), [".f.lock", ".f.placeholder", "f"]);
  a.write("f", "2", T + 10);
  assert.deepEqual((await a.once()).actions, ["repair f", "push f"]);
  await world.settle([b, a]);
  assert.deepEqual([a.tree(), b.tree()], [{ f: "2" }, { f: "2" }], "no conflict copy is made");
});

Deno.test("a conflict copy takes no name from another file, and is made once of one content", async () => {
  for (const standing of ["another file", "of A"]) {
    using world = new World();
    const [a, b] = [world.client("A"), world.client("B")];
    a.write("f.txt", "base", T);
    await world.settle([a, b]);
    const digest = createHash("sha512").update("of A").digest("hex");
    const name = `f.conflict-A-20200913-122650-${digest.slice(0, 8)}.txt`;
    b.write(name, standing, T);
    a.write("f.txt", "of A", T + 10);
    b.write("f.txt", "of B", T + 20);
    await a.once();
    await b.once();
    const longer = `f.conflict-A-20200913-122650-${digest.slice(0, 16)}.txt`;
    assert.deepEqual(b.tree(), {
      [name]: standing,
      ...(standing === "of A" ? {} : { [longer]: "of A" }),
      "f.txt": "of B",
    });
  }
});

Deno.test("W8: a second client under the same name on the relay ends the first one's run", async () => {
  using world = new World();
  const a = world.client("A");
  a.write("f", "1", T);
  const lock = (beat: number) =>
    Deno.writeTextFileSync(
      world.pathOnRelay(".f.lock"),
      `lock%1.0\nowner: A\nmode: w\nnonce: ${"7".repeat(32)}\nbeat: ${beat}`,
    );
  lock(1);
  assert.equal((await a.round()).tally.locked, 1);
  lock(2);
  const run = await a.once();
  assert.equal(run.result.error?.code, "twin");
  assert.deepEqual(world.relayNames(), [".f.lock"], "the other one's lock stands");
});

Deno.test("conflict copies of conflict copies are named after the original and all kept", async () => {
  using world = new World();
  const [a, b] = [world.client("A"), world.client("B")];
  a.write("f.txt", "base", T);
  await world.settle([a, b]);
  a.write("f.txt", "of A", T + 10);
  b.write("f.txt", "of B", T + 20);
  await world.settle([a, b]);
  const copy = Object.keys(a.tree()).find((name) => name !== "f.txt") ?? "";
  a.write(copy, "copy of A", T + 30);
  b.write(copy, "copy of B", T + 40);
  await world.settle([a, b]);
  assert.deepEqual(a.tree(), b.tree());
  const contents = Object.values(a.tree()).sort();
  assert.deepEqual(contents, ["copy of A", "copy of B", "of B"]);
  for (const name of Object.keys(a.tree())) {
    assert.equal((name.match(/conflict/g) ?? []).length <= 1, true, name);
  }
});

Deno.test("a relay that is gone ends a single run with an error and changes nothing", async () => {
  using world = new World();
  const [a] = await inStep(world);
  a.write("f", "3", T + 5);
  Deno.renameSync(world.relay, `${world.relay}.away`);
  const run = await a.once();
  assert.equal(run.result.outcome, "failed");
  assert.equal(run.result.error?.code, "relay");
  assert.deepEqual(a.tree(), { "d/g": "2", f: "3" });
  Deno.renameSync(`${world.relay}.away`, world.relay);
  assert.deepEqual((await a.once()).actions, ["push f"]);
});

Deno.test("a relay that was emptied is filled again, and nothing is deleted here", async () => {
  using world = new World();
  const [a, b] = await inStep(world);
  Deno.removeSync(world.relay, { recursive: true });
  Deno.mkdirSync(world.relay);
  await world.settle([a, b]);
  assert.deepEqual([a.tree(), b.tree()], [{ "d/g": "2", f: "1" }, { "d/g": "2", f: "1" }]);
  b.write("f", "3", T + 5);
  await world.settle([a, b]);
  assert.deepEqual(a.tree(), { "d/g": "2", f: "3" });
});

Deno.test("a client that runs on outlives a relay that goes away and comes back", async () => {
  using world = new World();
  const [a, b] = await inStep(world);
  const stop = new AbortController();
  const [problem, back] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const events: ClientEvent[] = [];
  Deno.renameSync(world.relay, `${world.relay}.away`);
  const running = runClient({ ...b.section, refreshS: 0.05 }, {
    // A relay that is away when the client starts is another matter.
    openBackend: async (address) => {
      Deno.renameSync(`${world.relay}.away`, world.relay);
      const backend = await openFile(address);
      Deno.renameSync(world.relay, `${world.relay}.away`);
      return backend;
    },
    emit(event) {
      events.push(event);
      if (event.kind === "problem") problem.resolve();
      if (event.kind === "log" && event.event === "the relay is back") back.resolve();
    },
    signal: stop.signal,
  }, { once: false, dryRun: false });
  await problem.promise;
  Deno.renameSync(`${world.relay}.away`, world.relay);
  await back.promise;
  stop.abort();
  assert.deepEqual(await running, { outcome: "stopped" });
  assert.equal(events.filter((event) => event.kind === "problem").length, 1, "told once");
  await world.settle([a, b]);
});

Deno.test("a local root that is gone or emptied stops the client, and nothing counts as deleted", async () => {
  for (const how of ["gone", "emptied"]) {
    using world = new World();
    const [a, b] = await inStep(world);
    const { localPath } = a.section;
    Deno.renameSync(localPath, `${localPath}.away`);
    if (how === "emptied") Deno.mkdirSync(localPath);
    const before = world.relayTree();
    b.write("f", "3", T + 5);
    await b.once();
    const run = await a.once();
    assert.equal(run.result.outcome, "failed", how);
    assert.equal(run.result.error?.code, "no-repository");
    assert.deepEqual(run.actions, []);
    assert.deepEqual(Object.keys(world.relayTree()).sort(), [...Object.keys(before), "f"].sort());
    if (how === "emptied") Deno.removeSync(localPath);
    Deno.renameSync(`${localPath}.away`, localPath);
    await world.settle([a, b]);
    assert.deepEqual(a.tree(), { "d/g": "2", f: "3" });
  }
});

Deno.test("a local root that is emptied in a round, in which a file arrives, has all again once it is back", async () => {
  using world = new World();
  const [a, b] = await inStep(world);
  a.write("new", "3", T + 5);
  await a.once();
  const away = `${b.section.localPath}.away`;
  const empty = () => {
    Deno.renameSync(b.section.localPath, away);
    Deno.mkdirSync(b.section.localPath);
  };
  const racing = b.with({}, (address) => openDoing(address, "the relay is listed", empty));
  const run = await racing.once();
  assert.deepEqual([run.actions, b.tree()], [["pull new"], { new: "3" }]);
  assert.deepEqual((await b.once()).actions, [], "nothing is passed on");
  for (const name of ["f", "d"]) Deno.renameSync(`${away}/${name}`, b.pathOf(name));
  await world.settle([a, b]);
  assert.deepEqual(b.tree(), { "d/g": "2", f: "1", new: "3" });
});

for (const moment of ["the relay is listed", "a content is read"] as const) {
  Deno.test(`a disk that is unmounted in a round is not written below, nor read (before ${moment})`, async () => {
    using world = new World();
    const [a, b] = await inStep(world);
    const place = b.section.localPath;
    const kept = `${place}.kept`;
    Deno.renameSync(place, kept);
    for (const folder of [place, `${place}.disk`]) Deno.mkdirSync(folder);
    await using disk = mountTmpfs(`${place}.disk`, "8m");
    if (disk === undefined) return skip("a disk cannot be mounted here");
    for (const name of ["f", "d"]) {
      new Deno.Command("cp", { args: ["-a", `${kept}/${name}`, disk.path] }).outputSync();
    }
    await using mounted = mountBind(disk.path, place);
    b.loseState();
    assert.deepEqual((await b.once()).result, { outcome: "done" });
    a.write("f", "3", T + 5);
    a.write("new", "4", T + 5);
    await a.once();
    const before = world.relayTree();
    const unmount = () => {
      mounted?.unmount();
      // Below the disk lies what is older than all.
      b.write("d/g", "of long ago", T - 5);
    };
    const run = await b.with({}, (address) => openDoing(address, moment, unmount)).once();
    assert.equal(run.result.error?.code, "no-repository");
    assert.deepEqual([run.actions, b.tree()], [[], { "d/g": "of long ago" }]);
    const contents = (tree: Record<string, string>) =>
      Object.entries(tree).filter(([name]) => !name.endsWith(".lock"));
    assert.deepEqual(contents(world.relayTree()), contents(before), "nothing is acknowledged");
    await using _ = mountBind(disk.path, place);
    await world.settle([a, b]);
    assert.deepEqual(b.tree(), { "d/g": "2", f: "3", new: "4" });
    assert.deepEqual(a.tree(), b.tree());
  });
}

for (const how of ["lost", "corrupt", "cut"] as const) {
  Deno.test(`with the state database ${how} all is compared again, and nothing is lost or moved`, async () => {
    using world = new World();
    const [a, b] = await inStep(world);
    const spoil = (client: TestClient) => {
      const { statePath } = client.section;
      if (how === "lost") client.loseState();
      if (how === "corrupt") Deno.writeTextFileSync(statePath, "no database at all".repeat(100));
      if (how === "cut") Deno.truncateSync(statePath, 5000);
    };
    spoil(a);
    spoil(b);
    for (const client of [a, b, a]) {
      const run = await client.once();
      assert.deepEqual([run.result, run.actions], [{ outcome: "done" }, []]);
    }
    b.write("f", "of B", T + 20);
    a.write("f", "of A", T + 10);
    spoil(b);
    spoil(a);
    await world.settle([a, b]);
    assert.deepEqual(a.tree(), b.tree());
    const contents = Object.values(a.tree());
    assert.ok(contents.includes("of A") && contents.includes("of B"));
  });
}

Deno.test("a file deleted before the state was lost comes back: nobody remembers the deletion", async () => {
  using world = new World();
  const [a, b] = await inStep(world);
  b.remove("f");
  await world.settle([a, b]);
  assert.deepEqual(b.tree(), { "d/g": "2" });
  b.loseState();
  await world.settle([b, a]);
  assert.deepEqual(b.tree(), { "d/g": "2", f: "1" });
});

Deno.test("two runs of one client at a time: the second is locked out", async () => {
  using world = new World();
  const [a] = await inStep(world);
  await using session = await a.open();
  await session.round();
  const run = await a.once();
  assert.equal(run.result.outcome, "locked");
});

Deno.test("a clock set back or forward by a day does not keep new content here or send old content back", async () => {
  for (const shiftS of [-86_400, 86_400]) {
    using world = new World();
    const [a, b] = await inStep(world);
    a.write("f", "shifted", T + shiftS);
    await world.settle([a, b]);
    assert.equal(b.read("f"), "shifted");
    b.write("f", "after it", T + 60);
    await world.settle([a, b]);
    assert.deepEqual(a.tree(), { "d/g": "2", f: "after it" });
    assert.deepEqual(b.tree(), a.tree());
  }
});
