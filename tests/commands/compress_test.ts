import assert from "node:assert/strict";
import { noise } from "../support/byte_streams.ts";
import { Yard } from "./_yard.ts";

/** Processor time of the workers of a process by their names, in clock ticks (Linux: `proc(5)`). */
function ticksOfWorkers(pid: number): Map<string, number> {
  const found = new Map<string, number>();
  try {
    for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
      const stat = Deno.readTextFileSync(`/proc/${pid}/task/${name}/stat`);
      const [, worker, rest = ""] = /\((worker-\d+)\) (.*)/.exec(stat) ?? [];
      const fields = rest.split(" ");
      if (worker !== undefined) found.set(worker, Number(fields[11]) + Number(fields[12]));
    }
  } catch (cause) {
    // A thread or the process has ended in between.
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
  }
  return found;
}

Deno.test({
  name: "a large push to an index relay is compressed on all processors",
  ignore: Deno.build.os !== "linux" || navigator.hardwareConcurrency < 2,
  async fn() {
    await using yard = new Yard();
    const options = ["index = yes", "compression = bz2"];
    const [a, b] = [yard.client("A", options), yard.client("B", options)];
    const content = noise(24_000_000);
    a.write("f", content);
    a.start(["--once"]);
    const busy = new Map<string, number>();
    const timer = setInterval(() => {
      for (const [worker, ticks] of ticksOfWorkers(a.pid)) busy.set(worker, ticks);
    }, 20);
    try {
      assert.equal(await a.ended(), 0, a.output);
    } finally {
      clearInterval(timer);
    }
    // The first worker is the client.
    const atWork = [...busy].filter(([worker, ticks]) => worker !== "worker-1" && ticks > 30);
    assert.ok(atWork.length >= 2, JSON.stringify([...busy]));
    assert.equal(await b.once(), 0, b.output);
    assert.ok(Deno.readFileSync(`${b.folder}/f`).every((byte, at) => byte === content[at]));
  },
});
