import assert from "node:assert/strict";
import { hasRclone } from "../backends/rclone/_relay.ts";
import { startSwift, type SwiftServer, whyNoSwift } from "../servers/swift.ts";
import { skip } from "../support/skip.ts";
import { Yard, type YardClient } from "./_yard.ts";

/** More than rclone sends to S3 in one part. */
const LARGE_BYTES = 12_000_000;

/** Two clients over what stands in a new bucket; the remote of this type is the only one. */
function clientsOf(
  type: "s3" | "swift",
  { yard, server, lines }: {
    readonly yard: Yard;
    readonly server: SwiftServer;
    readonly lines: readonly string[];
  },
): readonly [YardClient, YardClient] {
  const config = `${yard.root}/remotes`;
  Deno.writeTextFileSync(config, ["[store]", ...server[type], ""].join("\n"), { mode: 0o600 });
  const bucket = `bucket-${crypto.randomUUID()}`;
  const all = [`address = ${bucket}/of the yard`, `rclone config = ${config}`, ...lines];
  return [yard.client("a", all, type), yard.client("b", all, type)];
}

/** Both send, both receive; then the one changes what the other has sent. */
async function exchange([a, b]: readonly [YardClient, YardClient]): Promise<void> {
  const take = async (...clients: readonly YardClient[]) => {
    for (const client of clients) assert.equal(await client.once(), 0, client.output);
  };
  a.write("letter", "from a");
  a.write("d/ü & #1", "");
  a.write("d/large", new Uint8Array(LARGE_BYTES).fill(7));
  b.write("other", "from b");
  await take(a, b, a);
  assert.deepEqual([b.read("letter"), b.read("d/ü & #1"), a.read("other")], [
    "from a",
    "",
    "from b",
  ]);
  assert.equal(b.read("d/large")?.length, LARGE_BYTES);
  b.write("letter", "from b as well");
  await take(b, a);
  assert.equal(a.read("letter"), "from b as well");
}

const why = hasRclone() ? whyNoSwift() : "no rclone here";
if (why !== undefined) Deno.test("escale on object storage (SKIPPED)", () => skip(why));
else {
  Deno.test("escale runs over s3 and swift, with and without an index", async () => {
    await using server = await startSwift();
    // All at once, for most of the time each waits for its locks to be seen.
    const runs = (["s3", "swift"] as const).flatMap((type) =>
      [[], ["index = yes"]].map(async (lines) => {
        await using yard = new Yard();
        await exchange(clientsOf(type, { yard, server, lines }));
      })
    );
    for (const result of await Promise.allSettled(runs)) {
      if (result.status === "rejected") throw result.reason;
    }
  });
}
