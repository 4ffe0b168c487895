import assert from "node:assert/strict";
import { noise } from "../../support/byte_streams.ts";
import { hasFakeDrive } from "../../support/fake_drive.ts";
import { skip } from "../../support/skip.ts";
import { sourceOf } from "../../support/sources.ts";
import { assertAbsent, assertCode, assertStands, name, namesIn } from "../cases/case.ts";
import { DriveRelay } from "./_relay.ts";

Deno.test("objects whose names differ in case only are kept apart", async () => {
  if (!hasFakeDrive) return skip("no python3 here");
  await using relay = new DriveRelay();
  await using backend = await relay.open();
  await backend.put(name("README"), sourceOf(noise(100, 1)));
  assert.equal(await backend.create(name("readme"), noise(100, 2)), true);
  await backend.put(name("Readme"), sourceOf(noise(100, 3)));
  await backend.put(name("README"), sourceOf(noise(100, 4)));
  assert.deepEqual(await namesIn(backend), ["README", "Readme", "readme"]);
  await assertStands(backend, "README", noise(100, 4));
  await assertStands(backend, "readme", noise(100, 2));
  assert.equal(await backend.remove(name("readme")), true);
  await assertAbsent(backend, "readme");
  assert.deepEqual(await namesIn(backend), ["README", "Readme"]);
});

Deno.test("a folder whose name differs from another's in case only is refused", async () => {
  if (!hasFakeDrive) return skip("no python3 here");
  await using relay = new DriveRelay();
  await using backend = await relay.open();
  await backend.put(name("Photos/a"), sourceOf(noise(10)));
  for (
    const call of [
      () => backend.put(name("photos/a"), sourceOf(noise(20))),
      () => backend.makeFolder(name("photos")),
    ]
  ) {
    const error = await assertCode("invalid-name", call);
    assert.match(error.message, /differs from the folder "Photos" there in case only/);
  }
  assert.deepEqual(await namesIn(backend), ["Photos/a"]);
  await assertStands(backend, "Photos/a", noise(10));
});

Deno.test("odd names are no options and no commands, as objects and as folders", async () => {
  if (!hasFakeDrive) return skip("no python3 here");
  await using relay = new DriveRelay({ folder: "--help/-rf $(x)" });
  await using backend = await relay.open();
  relay.drive.keepLog();
  const texts = [
    "-force/--",
    "--no-prompt=true/-x=$HOME",
    "`\"/';rm *",
    "root/My Drive",
    "~/.driverc",
  ];
  for (const text of texts) await backend.put(name(text), sourceOf(noise(text.length)));
  assert.deepEqual(await namesIn(backend), texts.toSorted());
  for (const text of texts) await assertStands(backend, text, noise(text.length));
  for (const text of texts) assert.equal(await backend.remove(name(text)), true);
  for (const [command = "", ...args] of relay.drive.log()) {
    const end = args.indexOf("--");
    assert.ok(end >= 0, command);
    for (const flag of args.slice(0, end)) assert.match(flag, /^-[a-z0-9-]+=/);
    // Paths are whole and ids are Google's; but for the new name, which comes after one.
    const [first = ""] = args.slice(end + 1);
    assert.match(first, /^(\/|[\w-]+$)/);
  }
});

Deno.test("the relay is a folder of a drive at a mount point, or refused", async () => {
  if (!hasFakeDrive) return skip("no python3 here");
  await using relay = new DriveRelay();
  const cases: [changes: { host?: string; folder?: string }, message: RegExp][] = [
    [{ host: "relative" }, /names no folder where "drive init" was run/],
    [{ host: "" }, /names no folder where "drive init" was run/],
    [{ folder: "" }, /names no folder on the drive/],
    [{ folder: "//" }, /names no folder on the drive/],
    [{ folder: "a/../b" }, /it has a part "\.\."/],
    [{ folder: "a%2Fb" }, /reads "%2F" as a slash/],
  ];
  for (const [changes, message] of cases) {
    const error = await assertCode("unsupported", () => relay.open(changes));
    assert.match(error.message, message);
    assert.match(error.hint ?? "", /googledrive:\/\/\/home\/me\/gdrive\/\/folder/);
  }
  await using backend = await relay.open({ host: `${relay.address.host}/`, folder: "/x//y/" });
  await backend.put(name("f"), sourceOf(noise(3)));
  await using same = await relay.open({ folder: "x/y" });
  await assertStands(same, "f", noise(3));
});
