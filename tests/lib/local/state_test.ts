import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { EscaleError } from "../../../lib/errors.ts";
import { holdAlone } from "../../../lib/local/hold.ts";
import { type Agreed, State, UNKNOWN_RESOURCE } from "../../../lib/local/state.ts";

const AGREED: Agreed = {
  id: "ab",
  digest: "cd",
  base: ["ef"],
  pusher: "Zoé",
  timeS: 1_600_000_000,
  byPull: true,
  pullers: ["B", "C d"],
};
const STAMP = { sizeBytes: 7, modifiedMs: 1_600_000_000_123.5, changedMs: 5, inode: 2 ** 52 };

async function withFolder(work: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    await work(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("State remembers a resource over a restart", async () => {
  await withFolder((folder) => {
    {
      using state = State.open(`${folder}/s.db`);
      assert.deepEqual(state.resource("f"), UNKNOWN_RESOURCE);
      state.change("f", { hashed: { stamp: STAMP, digest: "cd" }, agreed: AGREED });
      state.change("f", { intended: ["1", "2"], refused: "3" });
      state.change("f", { record: { sign: "tag", text: "a\nb" } });
    }
    using state = State.open(`${folder}/s.db`);
    assert.deepEqual(state.resource("f"), {
      hashed: { stamp: STAMP, digest: "cd" },
      agreed: AGREED,
      intended: ["1", "2"],
      refused: "3",
      record: { sign: "tag", text: "a\nb" },
    });
    assert.deepEqual([...state.agreedNames()], ["f"]);
    state.change("f", { refused: null, record: null, intended: [] });
    const { refused, record, intended, agreed } = state.resource("f");
    assert.deepEqual([refused, record, intended, agreed], [undefined, undefined, [], AGREED]);
  });
});

Deno.test("State makes all changes of a transaction or none", async () => {
  await withFolder((folder) => {
    using state = State.open(`${folder}/s.db`);
    const failing = () =>
      state.transaction(() => {
        state.change("f", { agreed: AGREED });
        state.transaction(() => state.setFact("a", "1"));
        throw new Error("on purpose");
      });
    assert.throws(failing, /on purpose/);
    assert.deepEqual(state.resource("f"), UNKNOWN_RESOURCE);
    assert.equal(state.fact("a"), undefined);
    state.transaction(() => state.setFact("a", "2"));
    assert.equal(state.fact("a"), "2");
  });
});

Deno.test("State keeps access modifiers, locks and sightings", async () => {
  await withFolder((folder) => {
    using state = State.open(`${folder}/s.db`);
    state.setAccess("f", { read: false, write: undefined });
    state.setAccess("g", { read: true, write: false });
    assert.deepEqual(state.access("f"), { read: false, write: undefined });
    state.setAccess("f", { read: undefined, write: undefined });
    assert.deepEqual([...state.allAccess()], [["g", { read: true, write: false }]]);
    state.noteLock(".f.lock", "nonce");
    assert.deepEqual([...state.ownLocks()], [[".f.lock", "nonce"]]);
    state.forgetLock(".f.lock");
    assert.equal(state.ownLocks().size, 0);
    state.noteSighting(".g.lock", { text: "x", uptimeS: 12.5 });
    assert.deepEqual(state.sighting(".g.lock"), { text: "x", uptimeS: 12.5 });
    assert.deepEqual(state.sightingNames(), [".g.lock"]);
    state.noteSighting(".g.lock", undefined);
    assert.equal(state.sighting(".g.lock"), undefined);
  });
});

Deno.test("State opened for reading writes nothing, and takes a missing database for an empty one", async () => {
  await withFolder((folder) => {
    const file = `${folder}/s.db`;
    {
      using none = State.open(file, { isReadOnly: true });
      none.change("f", { agreed: AGREED });
      assert.deepEqual(none.resource("f"), UNKNOWN_RESOURCE);
    }
    assert.deepEqual([...Deno.readDirSync(folder)], []);
    {
      using state = State.open(file);
      state.change("f", { agreed: AGREED });
    }
    using state = State.open(file, { isReadOnly: true });
    state.transaction(() => {
      state.change("f", { agreed: { ...AGREED, id: "other" } });
      state.setFact("a", "1");
      state.noteLock("l", "n");
    });
    assert.deepEqual(state.resource("f").agreed, AGREED);
    assert.equal(state.fact("a"), undefined);
    assert.equal(state.ownLocks().size, 0);
  });
});

for (
  const [how, spoil] of Object.entries({
    "garbage": (file: string) => Deno.writeTextFileSync(file, "garbage ".repeat(1000)),
    "a cut database": (file: string) => Deno.truncateSync(file, 5000),
    "a database of a later version": (file: string) => {
      const database = new DatabaseSync(file);
      database.exec("PRAGMA user_version = 99");
      database.close();
    },
  })
) {
  Deno.test(`State moves ${how} aside, says so, and begins anew`, async () => {
    await withFolder((folder) => {
      const file = `${folder}/s.db`;
      {
        using state = State.open(file);
        state.change("f", { agreed: AGREED });
      }
      spoil(file);
      const warnings: string[] = [];
      using state = State.open(file, { warn: (message) => warnings.push(message) });
      assert.deepEqual(state.resource("f"), UNKNOWN_RESOURCE);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0] ?? "", /moved to ".*s\.db\.damaged"/);
      assert.ok(Deno.statSync(`${file}.damaged`).isFile);
    });
  });
}

Deno.test("State says which file it cannot open", async () => {
  await withFolder((folder) => {
    assert.throws(() => State.open(`${folder}/missing/s.db`), (thrown) => {
      assert.ok(thrown instanceof EscaleError);
      assert.equal(thrown.code, "denied");
      assert.match(thrown.message, /missing\/s\.db/);
      return true;
    });
  });
});

Deno.test("holdAlone() lets one hold a file until it lets go", async () => {
  await withFolder((folder) => {
    const file = `${folder}/s.db.run`;
    const first = holdAlone(file, 'the client "x"');
    assert.throws(() => holdAlone(file, 'the client "x"'), (thrown) => {
      assert.ok(thrown instanceof EscaleError);
      assert.equal(thrown.code, "locked");
      return true;
    });
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    using _second = holdAlone(file, 'the client "x"');
  });
});
