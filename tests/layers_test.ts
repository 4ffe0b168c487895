import assert from "node:assert/strict";
import plugin, { whyNotImport } from "./layers.ts";

const ALLOWED: readonly (readonly [string, string])[] = [
  ["lib/relay/lock.ts", "lib/relay/names.ts"],
  ["lib/relay/lock.ts", "lib/errors.ts"],
  ["lib/relay/lock.ts", "backends/backend.ts"],
  ["lib/sync/pull.ts", "lib/relay/relay.ts"],
  ["lib/pattern.ts", "lib/errors.ts"],
  ["backends/ftp/mod.ts", "backends/ftp/reply.ts"],
  ["backends/ftp/mod.ts", "backends/backend.ts"],
  ["backends/ftp/mod.ts", "backends/streams.ts"],
  ["backends/mod.ts", "backends/ftp/mod.ts"],
  ["lib/daemon/worker_entry.ts", "backends/mod.ts"],
  ["main.ts", "backends/mod.ts"],
  ["tests/backends/conformance.ts", "backends/memory.ts"],
];

const REFUSED: readonly (readonly [string, string])[] = [
  ["lib/relay/lock.ts", "backends/file/mod.ts"],
  ["lib/relay/lock.ts", "lib/local/state.ts"],
  ["lib/sync/pull.ts", "backends/backend.ts"],
  ["lib/local/scan.ts", "lib/config/section.ts"],
  ["lib/errors.ts", "lib/config/section.ts"],
  ["lib/daemon/supervisor.ts", "lib/cli/flags.ts"],
  ["lib/daemon/supervisor.ts", "backends/mod.ts"],
  ["backends/ftp/mod.ts", "lib/errors.ts"],
  ["backends/ftp/mod.ts", "backends/webdav/mod.ts"],
  ["backends/retry.ts", "backends/limit.ts"],
  ["backends/backend.ts", "lib/errors.ts"],
  ["backends/streams.ts", "backends/backend.ts"],
  ["main.ts", "backends/ftp/mod.ts"],
  ["lib/path.ts", "tests/layers.ts"],
];

Deno.test("whyNotImport() allows what the architecture's table allows", () => {
  for (const [importer, imported] of ALLOWED) {
    assert.equal(whyNotImport(importer, imported), undefined, `${importer} -> ${imported}`);
  }
});

Deno.test("whyNotImport() refuses what is outside the table", () => {
  for (const [importer, imported] of REFUSED) {
    assert.notEqual(whyNotImport(importer, imported), undefined, `${importer} -> ${imported}`);
  }
});

Deno.test("the lint plugin reports imports of every form", () => {
  const file = new URL("../lib/relay/probe.ts", import.meta.url).pathname;
  const source = [
    'import { State } from "../local/state.ts";',
    'export { State } from "../local/state.ts";',
    'export * from "../local/state.ts";',
    'await import("../local/state.ts");',
    'import { errors } from "../errors.ts";',
  ].join("\n");
  const found = Deno.lint.runPlugin(plugin, file, source);
  assert.equal(found.length, 4);
  assert.match(found[0]?.message ?? "", /lib\/relay\/ may not import "lib\/local\/state.ts"/);
});

Deno.test("the sources import each other without a cycle", () => {
  const imports = new Map<string, string[]>();
  const root = new URL("..", import.meta.url);
  const visit = (folder: string) => {
    for (const entry of Deno.readDirSync(new URL(folder, root))) {
      const path = `${folder}${entry.name}`;
      if (entry.isDirectory) visit(`${path}/`);
      else if (path.endsWith(".ts")) imports.set(path, importsOf(path, root));
    }
  };
  visit("lib/");
  visit("backends/");
  const done = new Set<string>();
  const follow = (path: string, way: readonly string[]) => {
    assert.ok(!way.includes(path), `a cycle: ${[...way, path].join(" -> ")}`);
    if (done.has(path)) return;
    for (const next of imports.get(path) ?? []) follow(next, [...way, path]);
    done.add(path);
  };
  for (const path of imports.keys()) follow(path, []);
  assert.ok(done.size > 20);
});

function importsOf(path: string, root: URL): string[] {
  const text = Deno.readTextFileSync(new URL(path, root));
  const specifiers = [...text.matchAll(/^(?:import|export)\b[^;"]*?"(\.[^"]+)"/gm)];
  return specifiers.map(([, specifier = ""]) =>
    new URL(specifier, new URL(path, root)).href.slice(root.href.length)
  );
}
