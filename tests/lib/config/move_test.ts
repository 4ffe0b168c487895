import assert from "node:assert/strict";
import { moveSection } from "../../../lib/config/move.ts";
import { fakeEnvironment } from "./_fake_environment.ts";

const FILE = "/home/me/escale.conf";
const TEXT = `# all of them
refresh = 5

[photos]
# where it was
protocol = file
relay address = /mnt/old
path = ~/photos
client = me

[music]
path = ~/music
relay path = /mnt/music
protocol = file
client = me
`;
const environment = fakeEnvironment();
const move = (address: string, text = TEXT, section = "photos") =>
  moveSection(text, { file: FILE, section, address, environment });

Deno.test("moveSection() writes a folder and keeps all the rest", () => {
  for (const address of ["/mnt/new", "file:///mnt/new"]) {
    const { text, section } = move(address);
    assert.equal(section.relay.folder, "/mnt/new");
    assert.equal(
      text,
      TEXT.replace("relay address = /mnt/old\n", "")
        .replace("client = me\n\n", "client = me\nrelay path = /mnt/new\n\n"),
    );
  }
  assert.equal(move("~/new").section.relay.folder, "/home/me/new");
  assert.equal(
    move("/mnt/new", TEXT, "music").text,
    TEXT.replace("relay path = /mnt/music", "relay path = /mnt/new"),
  );
});

Deno.test("moveSection() refuses what is no address", () => {
  for (const address of ["", "foo", "host/folder", " /mnt/new"]) {
    assert.throws(() => move(address), { name: "EscaleError", code: "usage" }, address);
  }
});

Deno.test("moveSection() refuses an address with which the configuration would be wrong, secrets masked", () => {
  for (
    const address of ["/home/me/photos/relay", "nonsense://user:word@host/x", "ftp://:99999/x"]
  ) {
    assert.throws(() => move(address), (thrown) => {
      assert(thrown instanceof Error && "code" in thrown);
      assert.equal(thrown.code, "config");
      assert(!thrown.message.includes("word"), thrown.message);
      return true;
    });
  }
});
