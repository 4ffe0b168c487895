import assert from "node:assert/strict";
import { withRetries } from "../../../backends/retry.ts";
import { collect, noise } from "../../support/byte_streams.ts";
import { hasFakeDrive } from "../../support/fake_drive.ts";
import { skip } from "../../support/skip.ts";
import { sourceOf } from "../../support/sources.ts";
import { assertAbsent, assertCode, assertStands, listing, name, namesIn } from "../cases/case.ts";
import { DriveRelay } from "./_relay.ts";

/** A test with a relay on a stand-in for drive. */
function driveTest(title: string, run: (relay: DriveRelay) => Promise<void>): void {
  Deno.test(title, async () => {
    if (!hasFakeDrive) return skip("no python3 here");
    await using relay = new DriveRelay();
    await run(relay);
  });
}

driveTest("of two files of one name every client takes the same, and never both", async (relay) => {
  await using a = await relay.open();
  await using b = await relay.open();
  await a.put(name("d/f"), sourceOf(noise(5000, 1)));
  relay.drive.twin("f", noise(300_000, 2));
  const { drive } = relay;
  const wanted = drive.files().filter(({ title }) => title === "f").map(({ id }) => id).sort()[0];
  for (const client of [a, b]) {
    const got = await collect(await client.get(name("d/f")));
    assert.deepEqual(got, drive.content(wanted ?? ""));
    const [info] = (await listing(client)).values();
    assert.deepEqual(info, await client.stat(name("d/f")));
    assert.ok(info?.tag?.startsWith(wanted ?? "?"), info?.tag);
  }
});

driveTest("a put and a remove end all files of the name", async (relay) => {
  await using backend = await relay.open();
  await backend.put(name("f"), sourceOf(noise(10, 1)));
  relay.drive.twin("f", noise(20, 2));
  await backend.put(name("f"), sourceOf(noise(30, 3)));
  await assertStands(backend, "f", noise(30, 3));
  assert.equal(relay.drive.files().filter(({ title }) => title === "f").length, 1);
  relay.drive.twin("f", noise(20, 2));
  relay.drive.twin("f", noise(20, 2));
  assert.equal(await backend.remove(name("f")), true);
  await assertAbsent(backend, "f");
});

driveTest(
  "creates at the same time leave one object, and one of them says that it is its own",
  async (relay) => {
    await using a = await relay.open();
    await using b = await relay.open();
    for (let round = 0; round < 3; round++) {
      const lock = name(`.${round}.lock`);
      const bytes = [noise(40, 1), noise(40, 2), noise(40, 3), noise(40, 4)];
      const won = await Promise.all(bytes.map((it, i) => (i % 2 === 0 ? a : b).create(lock, it)));
      const standing = relay.drive.files().filter(({ title }) => title === `.${round}.lock`);
      assert.equal(standing.length, 1);
      const [{ id } = { id: "" }] = standing;
      // A caller that came first may have looked before the others had theirs; no other may say so without reason.
      const own = bytes.findIndex((it) => Buffer.from(it).equals(relay.drive.content(id)));
      assert.ok(won[own], `${won} with ${own}`);
    }
  },
);

driveTest("folders that two clients made at the same time become one", async (relay) => {
  // One may lose what it sent with the folder that the other gives up, and sends it again.
  await using a = withRetries(await relay.open());
  await using b = withRetries(await relay.open());
  await Promise.all([a, b, a, b].map((it, i) => it.put(name(`d/e/${i}`), sourceOf(noise(5)))));
  assert.deepEqual(await namesIn(a), ["d/e/0", "d/e/1", "d/e/2", "d/e/3"]);
  for (const folder of ["d", "e"]) {
    const standing = relay.drive.files().filter(({ title, trashed }) =>
      title === folder && !trashed
    );
    assert.equal(standing.length, 1, folder);
  }
});

driveTest(
  "two folders of one name, each with something in it, are not guessed at",
  async (relay) => {
    await using backend = await relay.open();
    await backend.put(name("d/f"), sourceOf(noise(10)));
    const twin = relay.drive.twin("d");
    const error = await assertCode("protocol", () => listing(backend));
    assert.match(error.message, /there are two folders "\/Escale\/the relay\/d" on the drive/);
    assert.match(error.hint ?? "", /Move what is in one of them/);
    await assertCode("protocol", () => backend.removeFolder(name("d")));
    // A client that starts removes the empty one of them.
    await using other = await relay.open();
    await other.put(name("d/g"), sourceOf(noise(20)));
    assert.deepEqual(await namesIn(backend), ["d/f", "d/g"]);
    relay.drive.change((files) => {
      for (const file of Object.values(files)) {
        if (file.title === "d") file.trashed = false;
        if (file.title === "g") file.parent = twin;
        if (file.title === "f") {
          const kept = Object.values(files).find(({ id, title }) => title === "d" && id !== twin);
          file.parent = kept?.id ?? "";
        }
      }
    });
    await using third = await relay.open();
    await assertCode("protocol", () => third.put(name("d/h"), sourceOf(noise(1))));
    assert.equal(
      relay.drive.files().filter(({ title, trashed }) => title === "d" && !trashed).length,
      2,
    );
  },
);
