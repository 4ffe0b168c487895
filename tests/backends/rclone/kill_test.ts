import assert from "node:assert/strict";
import { parseObjectName } from "../../../backends/backend.ts";
import { openRclone, startRclone, writeEndpoint } from "../../../backends/rclone/mod.ts";
import { withRetries } from "../../../backends/retry.ts";
import { collect, noise } from "../../support/byte_streams.ts";
import { isSame, sourceOf } from "../../support/sources.ts";
import { skip } from "../../support/skip.ts";
import { addressAt, Ground, hasRclone } from "./_relay.ts";

/** How often rclone is killed; more of them by the environment variable `ESCALE_KILLS`. */
const KILLS = Number(Deno.env.get("ESCALE_KILLS") ?? "20");
const SIZE = 2_000_000;

Deno.test(`rclone is killed ${KILLS} times during transfers, and nothing is lost`, async () => {
  if (!hasRclone()) return skip("no rclone here");
  await using ground = new Ground(["[here]", "type = local"]);
  const address = addressAt(`here:${ground.root}/relay`, ground.config);
  let ends = 0;
  await using rclone = await startRclone(address, { warn: () => ends++ });
  const program = writeEndpoint(rclone.endpoint);
  await using inner = await openRclone({ ...address, program });
  await using backend = withRetries(inner, { attempts: 30 });
  const name = (i: number) => parseObjectName(`d/${i % 5}`);
  await backend.put(name(-1 + 5), sourceOf(noise(SIZE, 99)));

  for (let i = 0; i < KILLS; i++) {
    // Each time at another point of the transfer, and of what is done around it.
    const killAtBytes = Math.floor((i / KILLS) * 1.1 * SIZE);
    const bytes = noise(SIZE, i);
    const source = sourceOf(bytes);
    let isKilled = false;
    const kill = () => {
      const pid = rclone.pid();
      if (isKilled || pid === undefined) return;
      isKilled = true;
      Deno.kill(pid, "SIGKILL");
    };
    const put = backend.put(name(i), {
      sizeBytes: SIZE,
      open: () => {
        let sentBytes = 0;
        return source.open().pipeThrough(
          new TransformStream({
            transform(chunk, controller) {
              sentBytes += chunk.length;
              if (sentBytes >= killAtBytes) kill();
              controller.enqueue(chunk);
            },
            flush: kill,
          }),
        );
      },
    });
    await put;
    assert.ok(isKilled);
    const read = await backend.get(name(i)).then(collect).catch(() => {
      // A stream that was cut is begun anew by whoever reads it.
      return backend.get(name(i)).then(collect);
    });
    assert.ok(isSame(read, bytes), `after kill ${i}`);
  }
  assert.ok(ends >= KILLS - 1, `rclone was started again ${ends} times`);
  const listed = await Array.fromAsync(backend.list("", { recursive: true }));
  assert.deepEqual(listed.map(({ name }) => name).sort(), ["d/0", "d/1", "d/2", "d/3", "d/4"]);
  for (const { sizeBytes } of listed) assert.equal(sizeBytes, SIZE);
});
