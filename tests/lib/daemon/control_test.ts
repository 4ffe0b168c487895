import assert from "node:assert/strict";

import {
  type ControlAnswer,
  ControlClient,
  type ControlRequest,
  ControlServer,
} from "../../../lib/daemon/control.ts";

const DONE: ControlAnswer = { ok: true, names: ["one"] };

/** A server in a folder of its own that notes what it is asked. */
class Door implements AsyncDisposable {
  readonly folder: string = Deno.makeTempDirSync();
  readonly file: string = `${this.folder}/control.json`;
  readonly asked: ControlRequest[] = [];
  readonly server: ControlServer;

  constructor(answer: () => Promise<ControlAnswer> = () => Promise.resolve(DONE)) {
    this.server = ControlServer.open(this.file, (request) => {
      this.asked.push(request);
      return answer();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.shutDown().catch(() => {});
    this.server[Symbol.dispose]();
    Deno.removeSync(this.folder, { recursive: true });
  }
}

Deno.test("ControlClient.ask() has the server do something, and tells what it did", async () => {
  await using door = new Door();
  using client = await ControlClient.open(door.file);
  const request: ControlRequest = { command: "restart", names: ["one", 'a "b"\n'] };
  assert.deepEqual(await client.ask(request), ["one"]);
  assert.deepEqual(door.asked, [request]);
});

Deno.test("ControlClient.ask() fails as the server does", async () => {
  const failed: ControlAnswer = { ok: false, code: "config", message: "wrong", hint: "Mend" };
  await using door = new Door(() => Promise.resolve(failed));
  using client = await ControlClient.open(door.file);
  await assert.rejects(client.ask({ command: "reload", names: [] }), {
    code: "config",
    message: "wrong",
    hint: "Mend",
  });
});

Deno.test("ControlClient.ended() waits until the server hangs up, which answers first", async () => {
  const { promise, resolve } = Promise.withResolvers<ControlAnswer>();
  await using door = new Door(() => promise);
  using client = await ControlClient.open(door.file);
  const asking = client.ask({ command: "stop", names: [] });
  while (door.asked.length === 0) await new Promise((resume) => setTimeout(resume, 1));
  const closing = door.server.shutDown();
  assert.throws(() => Deno.statSync(door.file), Deno.errors.NotFound);
  resolve(DONE);
  assert.deepEqual(await asking, ["one"]);
  await closing;
  let hasEnded = false;
  const ended = client.ended().then(() => hasEnded = true);
  assert.equal(hasEnded, false);
  door.server[Symbol.dispose]();
  await ended;
});

Deno.test("ControlClient gives up when its signal aborts, whatever it waits for", async () => {
  await using door = new Door(() => new Promise(() => {}));
  const stop = new AbortController();
  using client = await ControlClient.open(door.file, { signal: stop.signal });
  const asking = client.ask({ command: "stop", names: [] });
  stop.abort();
  await assert.rejects(asking, { name: "AbortError" });
  await assert.rejects(client.ended(), { name: "AbortError" });
  // What is asked for is done all the same, so the server is not waited for here.
  door.server[Symbol.dispose]();
});

Deno.test("ControlServer does nothing for who does not know its secret, or sends something else", async () => {
  await using door = new Door();
  const { port, token }: { port: number; token: string } = JSON.parse(
    Deno.readTextFileSync(door.file),
  );
  const stop = { command: "stop", names: [] };
  const lines = [
    ...["", "no JSON", "null", "{}", JSON.stringify(stop), JSON.stringify({ ...stop, token: "" })],
    JSON.stringify({ ...stop, token: `${token}0` }),
    JSON.stringify({ ...stop, token: [token] }),
    JSON.stringify({ command: "erase", names: [], token }),
    JSON.stringify({ command: "stop", token }),
    `"${"x".repeat(100_000)}"`,
  ];
  for (const line of lines) {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const bytes = new TextEncoder().encode(`${line}\n`);
    await connection.write(bytes).catch(() => 0);
    // Nothing is said to it: the connection is closed, or reset if it sent more than is read.
    const count = await connection.read(new Uint8Array(1)).catch(() => null);
    assert.equal(count, null, line.slice(0, 40));
  }
  assert.deepEqual(door.asked, []);
});

Deno.test({
  name: "ControlServer lets nobody else read its secret",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using door = new Door();
    assert.equal((Deno.statSync(door.file).mode ?? 0) & 0o777, 0o600);
  },
});

Deno.test("ControlClient.open() says so where nobody listens", async () => {
  const folder = Deno.makeTempDirSync();
  const file = `${folder}/control.json`;
  const expected = {
    code: "denied",
    message: /^Cannot speak to the running escale: /,
  };
  await assert.rejects(ControlClient.open(file), expected);
  Deno.writeTextFileSync(file, "damaged");
  await assert.rejects(ControlClient.open(file), expected);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  Deno.writeTextFileSync(file, JSON.stringify({ port, token: "" }));
  await assert.rejects(ControlClient.open(file), expected);
  Deno.removeSync(folder, { recursive: true });
});
