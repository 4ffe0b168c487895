import assert from "node:assert/strict";

import { LogFile } from "../../../lib/daemon/log_file.ts";

Deno.test("LogFile appends lines, makes its folder, and keeps others from reading", () => {
  using folder = new Folder();
  const path = `${folder.path}/new/a.log`;
  {
    using log = new LogFile(path, { rotate: 3 });
    log.write("one");
  }
  using log = new LogFile(path, { rotate: 3 });
  log.write("two");
  assert.equal(Deno.readTextFileSync(path), "one\ntwo\n");
  if (Deno.build.os === "windows") return;
  assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
});

Deno.test("LogFile keeps as many former files as it is to, each within its size, and no line is lost", () => {
  using folder = new Folder();
  for (const rotate of [0, 1, 3]) {
    const path = `${folder.path}/${rotate}.log`;
    using log = new LogFile(path, { rotate, maxBytes: 10 });
    for (const line of ["1111", "2222", "3333", "4444", "5555", "6666", "7777"]) log.write(line);
    const texts = [path, ...[1, 2, 3, 4].map((number) => `${path}.${number}`)].map(readIfThere);
    const kept = ["7777\n", "5555\n6666\n", "3333\n4444\n", "1111\n2222\n", undefined];
    assert.deepEqual(texts, kept.map((text, at) => at <= rotate ? text : undefined));
  }
});

Deno.test("LogFile writes a line that is longer than a file may be into one of its own", () => {
  using folder = new Folder();
  const path = `${folder.path}/a.log`;
  using log = new LogFile(path, { rotate: 2, maxBytes: 4 });
  for (const line of ["a", "long line", "b"]) log.write(line);
  assert.deepEqual([path, `${path}.1`, `${path}.2`].map(readIfThere), [
    ...["b\n", "long line\n", "a\n"],
  ]);
});

Deno.test("LogFile.reopen() goes on in a new file after another program has put it aside", () => {
  using folder = new Folder();
  const path = `${folder.path}/a.log`;
  using log = new LogFile(path, { rotate: 2 });
  log.write("one");
  Deno.renameSync(path, `${path}.aside`);
  log.reopen();
  log.write("two");
  assert.deepEqual([path, `${path}.aside`].map(readIfThere), ["two\n", "one\n"]);
});

Deno.test("LogFile says where it cannot be made", () => {
  using folder = new Folder();
  Deno.writeTextFileSync(`${folder.path}/file`, "");
  assert.throws(() => new LogFile(`${folder.path}/file/a.log`, { rotate: 1 }), {
    code: "denied",
    message: /^Cannot open the log file ".*file\/a\.log": /,
  });
});

Deno.test({
  name: "LogFile goes on where nothing can be written, and says how much was lost once it can",
  ignore: Deno.build.os !== "linux",
  fn() {
    using folder = new Folder();
    const path = `${folder.path}/a.log`;
    Deno.symlinkSync("/dev/full", path);
    using log = new LogFile(path, { rotate: 1 });
    log.write("one");
    log.write("two");
    Deno.removeSync(path);
    log.reopen();
    log.write("three");
    assert.equal(Deno.readTextFileSync(path), "(2 lines could not be written)\nthree\n");
  },
});

function readIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}

class Folder implements Disposable {
  readonly path: string = Deno.makeTempDirSync();

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}
