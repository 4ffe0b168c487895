import { hasFakeDrive } from "../../support/fake_drive.ts";
import { skip } from "../../support/skip.ts";
import { conformance } from "../conformance.ts";
import { cannotName, DriveRelay } from "./_relay.ts";

if (!hasFakeDrive) Deno.test("googledrive (SKIPPED)", () => skip("no python3 here"));
else {
  conformance("googledrive", {
    cannotName,
    rounds: 5,
    skip: {
      "odd names can be folders": "folders that differ in case only are refused, see names_test.ts",
    },
    start: () => new DriveRelay(),
  });
}
