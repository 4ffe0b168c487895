import assert from "node:assert/strict";
import { basename, dirname, join, normalize } from "node:path";

import {
  cacheFolder,
  configurationFiles,
  findConfigurationFile,
  pidFile,
  statePath,
} from "../../../lib/config/paths.ts";
import { EscaleError } from "../../../lib/errors.ts";
import { readGolden } from "./_fake_environment.ts";

const home = "/home/me";
const golden: { cases: { conf: string; section: string; no_prefix?: string; pid?: string }[] } =
  JSON
    .parse(readGolden("cache_paths.json").replaceAll("<home>", home));

Deno.test("caches and pid files stand where 0.7 has them", () => {
  let checked = 0;
  for (const { conf, section, no_prefix, pid } of golden.cases) {
    // The last case has the folder of a "checksum cache", which has no effect here.
    if (no_prefix === undefined || pid === undefined) continue;
    const folder = normalize(dirname(no_prefix));
    assert.equal(cacheFolder(conf, home), folder);
    const state = statePath(section, { configFile: conf, home });
    assert.equal(state, join(folder, `.st${basename(no_prefix)}.db`));
    assert.equal(pidFile(conf), normalize(pid));
    checked++;
  }
  assert.equal(checked, 20);
});

Deno.test("the cache folder of a file without extension is not the file", () => {
  assert.equal(cacheFolder("/x/escale", home), normalize("/x/escale.cache"));
});

Deno.test("findConfigurationFile() takes the first that exists and warns of the others", () => {
  const [first = "", second = "", third = ""] = configurationFiles(home);
  const find = (...files: string[]) =>
    findConfigurationFile(home, { isFile: (path) => files.includes(path) });
  assert.deepEqual(find(third), { file: third, warnings: [] });
  assert.deepEqual(find(third, second), {
    file: second,
    warnings: [`"${third}" is not read, since "${second}" exists`],
  });
  assert.equal(find(third, second, first).file, first);
  assert.equal(find(third, second, first).warnings.length, 2);
});

Deno.test("findConfigurationFile() without any file says where it looked and what to do", () => {
  assert.throws(() => findConfigurationFile(home, { isFile: () => false }), (thrown) => {
    assert.ok(thrown instanceof EscaleError);
    assert.equal(thrown.code, "no-config");
    for (const file of configurationFiles(home)) assert.ok(thrown.message.includes(file));
    assert.match(thrown.hint ?? "", /escale -i/);
    return true;
  });
});
