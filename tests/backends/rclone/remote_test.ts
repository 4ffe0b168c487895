import assert from "node:assert/strict";
import { BackendError, type RelayAddress } from "../../../backends/backend.ts";
import { parseRemotes, type Place, placeOf } from "../../../backends/rclone/_remote.ts";
import { parseAddress } from "../../../lib/config/address.ts";

const REMOTES = parseRemotes(JSON.stringify({
  remote: { type: "drive" },
  work: { type: "dropbox" },
  mail: { type: "onedrive" },
  other: { type: "onedrive" },
  s3: { type: "s3" },
  more: { type: "s3" },
  gcs: { type: "google cloud storage" },
  hidden: { type: "crypt", remote: "again:inside" },
  again: { type: "alias", remote: "remote:deep" },
  round: { type: "alias", remote: "round:" },
  disk: { type: "alias", remote: "/srv/files" },
}));

function place(text: string, host?: string): Place {
  const { protocol = "rclone", path } = parseAddress(text, { home: "/home/me" });
  const folder = path === undefined ? {} : { folder: path };
  const address: RelayAddress = {
    ...{ protocol, verifyTls: true, maxTransfers: 1, timeoutMs: 1 },
    ...folder,
    ...(host === undefined ? {} : { host }),
  };
  return placeOf(address, REMOTES);
}

Deno.test("placeOf() finds remote and folder in every form of an address", () => {
  const cases: readonly (readonly [string, ...string[]])[] = [
    ["rclone://remote/dir", "remote:", "dir", "drive"],
    ["rclone://remote:dir/sub", "remote:", "dir/sub", "drive"],
    ["rclone://remote", "remote:", "", "drive"],
    ["rclone://remote:", "remote:", "", "drive"],
    ["rclone://remote:/srv//x/", "remote:", "/srv/x", "drive"],
    ["rclone://unknown:dir", "unknown:", "dir", ""],
    ["rclone://:local:/srv/x", ":local:", "/srv/x", "local"],
    ["rclone://hidden:x", "hidden:", "x", "drive"],
    ["rclone://round:x", "round:", "x", ""],
    ["rclone://disk:x", "disk:", "x", "local"],
    ["dropbox", "work:", "", "dropbox"],
    ["dropbox://Escale repository", "work:", "Escale repository", "dropbox"],
    ["dropbox://work:dir", "work:", "dir", "dropbox"],
    ["dropbox://mail:dir", "work:", "mail:dir", "dropbox"],
    ["s3://bucket/key", "s3:", "bucket/key", "s3"],
    ["s3://more:bucket/key", "more:", "bucket/key", "s3"],
    ["googlecloud://bucket", "gcs:", "bucket", "google cloud storage"],
  ];
  for (const [text, remote, path, type] of cases) {
    assert.deepEqual(place(text), { remote, path, type }, text);
  }
  assert.deepEqual(place("rclone://dir", "remote:"), {
    remote: "remote:",
    path: "dir",
    type: "drive",
  });
  assert.deepEqual(place("s3://dir", "more"), { remote: "more:", path: "dir", type: "s3" });
});

Deno.test("placeOf() says how to make a remote that is missing, and how to choose among several", () => {
  const cases: readonly (readonly [string, RegExp, RegExp])[] = [
    ["sftp://host/dir", /no remote of type "sftp"/, /rclone config create sftp "sftp"/],
    ["amazoncloud", /no remote of type "amazon cloud drive"/, /create amazoncloud "amazon cloud/],
    ["onedrive://dir", /2 remotes of type "onedrive": "mail", "other"/, /rclone:\/\/mail:folder/],
    ["rclone", /names no remote/, /rclone listremotes/],
  ];
  for (const [text, message, hint] of cases) {
    assert.throws(() => place(text), (thrown) => {
      assert.ok(thrown instanceof BackendError);
      assert.equal(thrown.code, "not-found");
      assert.match(thrown.message, message);
      assert.match(thrown.hint ?? "", hint);
      return true;
    });
  }
});

Deno.test("parseRemotes() takes what it knows and refuses what is no JSON", () => {
  assert.deepEqual([...parseRemotes('{"a":{"type":"s3","x":1},"b":{},"c":3}')], [
    ["a", { type: "s3" }],
  ]);
  assert.deepEqual([...parseRemotes("[]")], []);
  assert.throws(() => parseRemotes("Remotes:"), { code: "protocol" });
});
