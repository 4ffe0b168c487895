import assert from "node:assert/strict";
import { parseObjectName } from "../../../backends/backend.ts";
import { openRclone } from "../../../backends/rclone/mod.ts";
import { MAX_BYTES, startSwift, type SwiftServer, whyNoSwift } from "../../servers/swift.ts";
import { noise } from "../../support/byte_streams.ts";
import { skip } from "../../support/skip.ts";
import { sourceOf } from "../../support/sources.ts";
import { runTool } from "../../support/tools.ts";
import { assertCode, assertStands } from "../cases/case.ts";
import { conformance } from "../conformance.ts";
import { addressAt, cannotName, Ground, hasRclone, relayAt } from "./_relay.ts";

const why = hasRclone() ? whyNoSwift() : "no rclone here";
const MIB = 1024 * 1024;
const PARTS = "folders are but parts of names";

if (why !== undefined) Deno.test("rclone s3, swift (SKIPPED)", () => skip(why));
else {
  let server: SwiftServer | undefined;
  let containers = 0;
  Deno.test.beforeAll(async () => {
    server = await startSwift();
  });
  Deno.test.afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });

  for (const type of ["s3", "swift"] as const) {
    conformance(`rclone ${type}`, {
      cannotName,
      rounds: 10,
      // Swift's listings round a time down, its answers about one object round it up.
      timeSlackMs: type === "swift" ? 1000 : 0,
      skip: {
        "a folder is no object": PARTS,
        "makeFolder() makes a folder once, and those above it": PARTS,
        "removeFolder() removes empty folders only": PARTS,
        "an object is no folder": PARTS,
      },
      async start() {
        const ground = new Ground(["[far]", ...(server?.[type] ?? [])]);
        const container = `far:container-${containers++}`;
        const address = addressAt(`${container}/the relay`, ground.config);
        return {
          ...await relayAt(address, { closing: ground }),
          async removeRoot() {
            await runTool(["rclone", "purge", "--config", ground.config, container]);
          },
        };
      },
    });

    Deno.test(`rclone ${type}: an object of some megabytes has a tag, and no parts`, async () => {
      await using ground = new Ground(["[far]", ...(server?.[type] ?? [])]);
      const container = `whole-${type}`;
      await using backend = await openRclone(addressAt(`far:${container}`, ground.config));
      for (const seed of [1, 2]) {
        await backend.put(parseObjectName("f"), sourceOf(noise(8 * MIB, seed)));
      }
      assert.ok((await backend.stat(parseObjectName("f")))?.tag !== undefined);
      assert.deepEqual(await containersLike(container, ground), [container]);
    });
  }

  Deno.test("rclone swift: what is replaced leaves nothing, and what is too large is refused", async () => {
    await using ground = new Ground(["[far]", ...(server?.swift ?? [])]);
    await using backend = await openRclone(addressAt("far:replaced", ground.config));
    const put = (sizeBytes: number, seed: number) =>
      backend.put(parseObjectName("f"), sourceOf(noise(sizeBytes, seed)));
    await put(20 * MIB, 1);
    await put(20 * MIB, 2);
    assert.ok((await backend.stat(parseObjectName("f")))?.tag !== undefined);
    assert.deepEqual(await containersLike("replaced", ground), ["replaced"]);
    await assertCode("full", () => put(MAX_BYTES + 1, 3));
    await assertStands(backend, "f", noise(20 * MIB, 2));
  });
}

/** The containers whose names begin so. */
async function containersLike(name: string, { config }: Ground): Promise<readonly string[]> {
  const text = await runTool(["rclone", "lsf", "--config", config, "far:"]);
  const names = new TextDecoder().decode(text).split("\n").map((line) => line.replace(/\/$/, ""));
  return names.filter((it) => it.startsWith(name));
}
