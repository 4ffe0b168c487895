import assert from "node:assert/strict";
import { withWizardText } from "./wizard_text.ts";

Deno.test("the README shows the wizard as it is", async () => {
  const readme = Deno.readTextFileSync(new URL("../README.md", import.meta.url));
  assert.equal(readme, await withWizardText(readme), 'run "deno task docs"');
});
