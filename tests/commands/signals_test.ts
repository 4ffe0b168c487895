import assert from "node:assert/strict";

import { Home, prepare, runProgram } from "./_program.ts";

const ignore = Deno.build.os === "windows";

/** A running `escale` whose only client is the one named. */
class Running implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#lines = linesOf(child.stdout);
  }

  static async start(
    client: string,
    home: Home,
    flags: readonly string[] = [],
  ): Promise<Running> {
    const [local, relay] = [`${home.path}/local`, `${home.path}/relay`];
    const text = `[${client}]\nlocal path = ${local}\nrelay address = ${relay}\nprotocol = file\n`;
    const file = await home.write("a.conf", text);
    const command = await prepare("fake escale", ["--json", "-c", file, ...flags], {
      home,
      stdout: "piped",
      stderr: "null",
    });
    return new Running(command.spawn());
  }

  /** Reads on until the client logs `event`. */
  async hear(event: string): Promise<void> {
    while (true) {
      const { value, done } = await this.#lines.next();
      assert(!done, `"${event}" was not logged`);
      if (JSON.parse(value).event === event) return;
    }
  }

  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits for the end, and returns the status and what was written meanwhile. */
  async end(): Promise<{ readonly status: number; readonly objects: readonly unknown[] }> {
    const objects: unknown[] = [];
    for (let next = await this.#lines.next(); !next.done; next = await this.#lines.next()) {
      objects.push(JSON.parse(next.value));
    }
    return { status: (await this.#child.status).code, objects };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended, as it should.
    }
    await this.#lines.return?.();
    await this.#child.status;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test({
    name: `escale asks its clients to stop at ${signal}, and ends with status 130`,
    ignore,
    async fn() {
      await using home = await Home.make();
      await using escale = await Running.start("tidy", home);
      await escale.hear("ready");
      escale.signal(signal);
      await escale.hear("asked");
      assert.deepEqual(await escale.end(), {
        status: 130,
        objects: [
          { kind: "result", section: "tidy", outcome: "stopped" },
          { kind: "end", status: 130 },
        ],
      });
    },
  });
}

Deno.test({
  name: "escale ends at once at the second signal, though a client has not stopped",
  ignore,
  async fn() {
    await using home = await Home.make();
    await using escale = await Running.start("stubborn", home);
    await escale.hear("ready");
    escale.signal("SIGTERM");
    await escale.hear("asked");
    escale.signal("SIGINT");
    assert.deepEqual(await escale.end(), { status: 130, objects: [] });
  },
});

Deno.test({
  name: "escalectl stops a run that is to end by itself, and starts nothing meanwhile",
  ignore,
  async fn() {
    await using home = await Home.make();
    await using escale = await Running.start("tidy", home, ["--once"]);
    await escale.hear("ready");
    const ctl = (command: string) => runProgram("escalectl", [command, "-c", "a.conf"], { home });
    for (const command of ["start", "reload"]) {
      const { status, stderr } = await ctl(command);
      assert.equal(status, 11, stderr);
      assert.match(stderr, /^escale: error: Cannot (start|reload) clients: .* runs them once\n/);
    }
    const stopped = await ctl("stop");
    assert.equal(stopped.status, 0, stopped.stderr);
    await escale.hear("asked");
    const { status, objects } = await escale.end();
    assert.deepEqual([status, objects.at(-1)], [130, { kind: "end", status: 130 }]);
  },
});
