import { skip } from "../../support/skip.ts";
import { conformance } from "../conformance.ts";
import { addressAt, cannotName, Ground, hasRclone, relayAt } from "./_relay.ts";

if (!hasRclone()) Deno.test("rclone (SKIPPED)", () => skip("no rclone here"));
else {
  conformance("rclone local", {
    cannotName,
    rounds: 40,
    start() {
      const ground = new Ground(["[here]", "type = local"]);
      const folder = `${ground.root}/sub folder/relay]`;
      return relayAt(addressAt(`here:${folder}`, ground.config), { folder, closing: ground });
    },
  });

  conformance("rclone memory", {
    cannotName,
    rounds: 40,
    skip: {
      "a folder is no object": "in buckets folders are but parts of names",
      "makeFolder() makes a folder once, and those above it": "buckets have no folders",
      "removeFolder() removes empty folders only": "buckets have no folders",
      "an object is no folder": "in buckets folders are but parts of names",
    },
    start() {
      const ground = new Ground(["[bucket]", "type = memory"]);
      return relayAt(addressAt("bucket:one/relay", ground.config), { closing: ground });
    },
  });
}
