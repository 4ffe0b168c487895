import assert from "node:assert/strict";

import {
  createPrivateFile,
  makeFolders,
  makePrivate,
  removeFolders,
} from "../../../lib/local/create_file.ts";

function temporary(): Disposable & { readonly path: string } {
  const path = Deno.makeTempDirSync({ prefix: "escale-create-" });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

const bytes = new TextEncoder().encode("secret");

Deno.test("createPrivateFile() makes a file for its owner alone and replaces nothing", () => {
  using folder = temporary();
  const path = `${folder.path}/key`;
  createPrivateFile(path, bytes);
  assert.equal(Deno.readTextFileSync(path), "secret");
  assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
  assert.throws(() => createPrivateFile(path, new Uint8Array()), { code: "changed" });
  Deno.symlinkSync("nowhere", `${folder.path}/link`);
  assert.throws(() => createPrivateFile(`${folder.path}/link`, bytes), { code: "changed" });
  assert.equal(Deno.readTextFileSync(path), "secret");
  assert.deepEqual([...Deno.readDirSync(folder.path)].map(({ name }) => name).sort(), [
    "key",
    "link",
  ]);
  assert.throws(() => createPrivateFile(`${folder.path}/no/key`, bytes), { code: "changed" });
});

Deno.test("makeFolders() tells which it made, and removeFolders() takes only empty ones back", () => {
  using folder = temporary();
  const { path } = folder;
  assert.deepEqual(makeFolders(path), []);
  const made = makeFolders(`${path}/a/b/c`);
  assert.deepEqual(made, [`${path}/a`, `${path}/a/b`, `${path}/a/b/c`]);
  Deno.writeTextFileSync(`${path}/a/file`, "");
  removeFolders(made);
  assert.deepEqual([...Deno.readDirSync(`${path}/a`)].map(({ name }) => name), ["file"]);
  assert.throws(() => makeFolders(`${path}/a/file/d`));
});

Deno.test("makePrivate() takes a file from others", () => {
  using folder = temporary();
  const path = `${folder.path}/conf`;
  Deno.writeTextFileSync(path, "", { mode: 0o644 });
  makePrivate(path);
  assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
});
