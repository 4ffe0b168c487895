import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { EscaleError } from "../../../lib/errors.ts";
import { holdAlone } from "../../../lib/local/hold.ts";
import { QuietMarks } from "../../../lib/local/quiet_marks.ts";
import { type Agreed, State, UNKNOWN_RESOURCE } from "../../../lib/local/state.ts";
import { parseRelativePath } from "../../../lib/path.ts";

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

Deno.test("State.reader() gives what resource() gives, in whatever order it is asked", () => {
  const name = fc.string({ unit: "binary", minLength: 1, maxLength: 4 })
    .filter((text) => text.isWellFormed() && !text.includes("\0"));
  fc.assert(
    fc.property(fc.uniqueArray(name), fc.array(name), fc.boolean(), (known, others, isSorted) => {
      using state = State.open(":memory:");
      for (const it of known) state.change(it, { refused: it });
      const asked = [...known, ...others];
      if (isSorted) asked.sort();
      const read = state.reader();
      for (const it of asked) assert.deepEqual(read(it), state.resource(it));
    }),
    { numRuns: 200 },
  );
});

Deno.test("State.reader() finds all of 3 000 names, also with gaps between them", () => {
  using state = State.open(":memory:");
  const names = Array.from({ length: 3_000 }, (_, at) => `f${String(at).padStart(5, "0")}`);
  state.transaction(() => names.forEach((it) => state.change(it, { refused: it })));
  for (const step of [1, 2, 7, 700]) {
    const read = state.reader();
    for (let at = 0; at < names.length; at += step) {
      const it = names[at] ?? "";
      assert.equal(read(it).refused, it);
      assert.equal(read(`${it}x`).refused, undefined);
    }
  }
});

Deno.test("quiet marks last over a restart, until the resource or the settings change", async () => {
  await withFolder((folder) => {
    const mark = { relay: 2 ** 52 + 1, local: 3 };
    const isQuiet = (name: string, settings: string) => {
      using state = State.open(`${folder}/s.db`);
      return new QuietMarks(state, settings).isNoted(name, mark);
    };
    {
      using state = State.open(`${folder}/s.db`);
      const marks = new QuietMarks(state, "one");
      for (const name of ["f", "g"]) marks.note(name, mark);
      assert.ok(marks.knowsRelay("f", mark.relay));
      assert.equal(marks.knowsRelay("f", 7), false);
      assert.equal(marks.isNoted("f", { ...mark, local: 4 }), false);
      marks.save();
      marks.note("unsaved", mark);
    }
    assert.deepEqual(["f", "g", "unsaved"].map((name) => isQuiet(name, "one")), [
      true,
      true,
      false,
    ]);
    {
      using state = State.open(`${folder}/s.db`);
      state.change("f", { refused: "v" });
    }
    assert.deepEqual(["f", "g"].map((name) => isQuiet(name, "one")), [false, true]);
    assert.deepEqual(["g", "g"].map((name) => isQuiet(name, "two")), [false, false]);
    assert.equal(isQuiet("g", "one"), false, "they were forgotten");
  });
});

Deno.test("quiet marks hold for many resources", () => {
  using state = State.open(":memory:");
  const marks = new QuietMarks(state, "");
  const markOf = (at: number) => ({ relay: at + 0.5, local: -at });
  for (let at = 0; at < 5_000; at++) marks.note(`f${at}`, markOf(at));
  marks.note("f7", { relay: 1, local: 1 });
  for (let at = 0; at < 5_000; at++) assert.equal(marks.isNoted(`f${at}`, markOf(at)), at !== 7);
});

Deno.test("State, read only: one that is being made, or is damaged, counts as empty and stays as it is", async () => {
  await withFolder((folder) => {
    const file = `${folder}/s.db`;
    for (const content of ["", "garbage".repeat(1000)]) {
      Deno.writeTextFileSync(file, content);
      using state = State.open(file, { isReadOnly: true });
      assert.deepEqual(state.resource("f"), UNKNOWN_RESOURCE);
      assert.equal(Deno.readTextFileSync(file), content);
    }
  });
});

Deno.test("what was noted of a rest lasts until anything that is remembered changes", async () => {
  await withFolder((folder) => {
    const file = `${folder}/s.db`;
    const path = parseRelativePath("f");
    const changes: readonly ((state: State) => void)[] = [
      (state) => state.change("f", { refused: "v" }),
      (state) => state.change("f", { agreed: AGREED }),
      (state) => state.setAccess("f", { read: false, write: undefined }),
      (state) => state.noteMisfit(path, path),
    ];
    for (const change of changes) {
      {
        using state = State.open(file);
        state.noteRest("at rest");
        state.setFact("other", "1");
        state.noteLock("l", "n");
      }
      using state = State.open(file);
      assert.equal(state.rest(), "at rest");
      assert.throws(() =>
        state.transaction(() => {
          change(state);
          throw new Error("undone");
        })
      );
      assert.equal(state.rest(), "at rest");
      change(state);
      assert.equal(state.rest(), undefined);
    }
  });
});

Deno.test("quiet marks are kept in portions, each once", () => {
  const kept: string[] = [];
  const marks = new QuietMarks({
    quietMarks: () => [],
    keepQuietMarks: (portion) => kept.push(...[...portion].map(({ name }) => name)),
  }, "");
  const names = Array.from({ length: 25_000 }, (_, index) => `f${index}`);
  for (const name of names) marks.note(name, { relay: 1, local: 1 });
  const before = kept.length;
  assert.ok(before >= 10_000);
  for (const name of names) marks.note(name, { relay: 1, local: 1 });
  assert.equal(kept.length, before);
  marks.save();
  assert.deepEqual(kept, names);
});
