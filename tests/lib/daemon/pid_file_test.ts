import assert from "node:assert/strict";

import { holderOf, PidFile } from "../../../lib/daemon/pid_file.ts";

const ignore = Deno.build.os === "windows";

Deno.test({
  name: "PidFile is held by one process at a time, and gone when it is given back",
  ignore,
  fn() {
    using folder = new Folder();
    const path = `${folder.path}/a.pid`;
    assert.equal(holderOf(path), undefined);
    {
      using _held = PidFile.take(path);
      assert.equal(Deno.readTextFileSync(path), `${Deno.pid}\n`);
      assert.equal(holderOf(path), Deno.pid);
      assert.throws(() => PidFile.take(path), {
        code: "locked",
        message: `Cannot run: process ${Deno.pid} already runs the clients of this file`,
      });
    }
    assert.throws(() => Deno.statSync(path), Deno.errors.NotFound);
    using again = PidFile.take(path);
    again[Symbol.dispose]();
    assert.equal(holderOf(path), undefined);
  },
});

Deno.test({
  name: "PidFile takes over a file that nobody holds, whatever stands in it",
  ignore,
  fn() {
    using folder = new Folder();
    const path = `${folder.path}/a.pid`;
    for (const text of ["", "1\n", "no number at all, and longer than one\n"]) {
      Deno.writeTextFileSync(path, text);
      assert.equal(holderOf(path), undefined);
      using _held = PidFile.take(path);
      assert.equal(Deno.readTextFileSync(path), `${Deno.pid}\n`);
    }
  },
});

Deno.test({
  name: "PidFile is got though others look at it all the time",
  ignore,
  async fn() {
    using folder = new Folder();
    const path = `${folder.path}/a.pid`;
    const look = `import { holderOf } from ${
      JSON.stringify(import.meta.resolve("../../../lib/daemon/pid_file.ts"))
    };
      postMessage("ready");
      const endMs = performance.now() + 300;
      while (performance.now() < endMs) holderOf(${JSON.stringify(path)});
      postMessage("done");`;
    const url = `data:text/javascript,${encodeURIComponent(look)}`;
    using looker = new Looker(new Worker(url, { type: "module" }));
    await looker.hear("ready");
    const endMs = performance.now() + 250;
    while (performance.now() < endMs) {
      using _held = PidFile.take(path);
    }
    await looker.hear("done");
  },
});

Deno.test({
  name: "PidFile.take() says where it cannot make its file",
  ignore,
  fn() {
    using folder = new Folder();
    assert.throws(() => PidFile.take(`${folder.path}/none/a.pid`), {
      code: "denied",
      message: /^Cannot make the pid file ".*none\/a\.pid": /,
    });
  },
});

/** A worker that says a few words. */
class Looker implements Disposable {
  readonly #worker: Worker;
  readonly #words: string[] = [];
  #wake = () => {};

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.onmessage = ({ data }) => {
      this.#words.push(String(data));
      this.#wake();
    };
  }

  async hear(word: string): Promise<void> {
    while (!this.#words.includes(word)) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}

class Folder implements Disposable {
  readonly path: string = Deno.makeTempDirSync();

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}
