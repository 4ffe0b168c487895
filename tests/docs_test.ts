import assert from "node:assert/strict";
import { withGeneratedParts } from "./docs.ts";

Deno.test("the README's options, flags, commands and permissions are those of the tables", () => {
  const readme = Deno.readTextFileSync(new URL("../README.md", import.meta.url));
  assert.equal(readme, withGeneratedParts(readme), 'run "deno task docs"');
});
