import assert from "node:assert/strict";

import configuration from "../deno.json" with { type: "json" };
import { permissionRows } from "./permissions.ts";

Deno.test("permissionRows() wants a reason for each permission, and a permission for each reason", () => {
  const { escale, escalectl } = configuration.tasks;
  const more = `${escale} --allow-ffi`;
  assert.throws(() => permissionRows({ escale: more, escalectl }), /"ffi"/);
  const part = escale.replace("uid", "uid,gid");
  assert.throws(() => permissionRows({ escale: part, escalectl }), /"sys gid"/);
  const less = (task: string) => task.replace(" --allow-run", "");
  assert.throws(
    () => permissionRows({ escale: less(escale), escalectl: less(escalectl) }),
    /"run"/,
  );
  const [first] = permissionRows({ escale, escalectl: less(escalectl) }).filter(([cell]) =>
    cell === "`--allow-run`"
  );
  assert.equal(first?.[1], "`escale`");
});
