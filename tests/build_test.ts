import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

import configuration from "../deno.json" with { type: "json" };
import { FakeJsr } from "./support/fake_jsr.ts";
import { bundle, compileArguments, runtimeFlags, TARGETS } from "./build.ts";

const root = fileURLToPath(new URL("../", import.meta.url));

/** Commands that run the programs of a bundle, as `$ESCALE_BIN` and `$ESCALECTL_BIN` name them. */
function binaries(directory: string) {
  const command = (program: "escale" | "escalectl", module: string) =>
    [Deno.execPath(), "run", ...runtimeFlags(program), `${directory}/${module}`].join(" ");
  return {
    ESCALE_BIN: command("escale", "main.js"),
    ESCALECTL_BIN: command("escalectl", "ctl.js"),
  };
}

async function run(args: readonly string[], options: Omit<Deno.CommandOptions, "args"> = {}) {
  const command = new Deno.Command(Deno.execPath(), { args: [...args], cwd: root, ...options });
  const { code, stdout, stderr } = await command.output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  return { code, text };
}

function writeConfig(folder: string, extra: readonly string[] = []): string {
  Deno.mkdirSync(`${folder}/files`);
  Deno.mkdirSync(`${folder}/relay`);
  Deno.writeTextFileSync(`${folder}/files/a.txt`, "one\n");
  const lines = ["[a]", "client = a", `path = ${folder}/files`, "protocol = file"];
  const rest = [`relay path = ${folder}/relay`, "refresh = 1", ...extra, ""];
  const config = `${folder}/escale.conf`;
  Deno.writeTextFileSync(config, [...lines, ...rest].join("\n"));
  return config;
}

async function withTemporary(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "escale-build-" }));
  try {
    await work(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("the bundle runs the demonstration, and starts and stops in the background", async () => {
  await withTemporary(async (folder) => {
    await bundle(`${folder}/bundle`);
    const env = binaries(`${folder}/bundle`);
    const demo = await run(["run", "--frozen", "-A", "tests/demo.ts", `${folder}/demo`], { env });
    assert.equal(demo.code, 0, demo.text);
    assert.match(demo.text, /nothing was lost/);

    const config = writeConfig(folder);
    const [, ...ctl] = env.ESCALECTL_BIN.split(" ");
    const started = await run([...ctl, "start", "-c", config], { cwd: folder });
    const stopped = await run([...ctl, "stop", "-c", config], { cwd: folder });
    assert.equal(started.code, 0, started.text);
    assert.equal(stopped.code, 0, stopped.text);
  });
});

Deno.test("each target's programs are compiled with the permissions of the tasks, the workers included", () => {
  for (const target of ["linux-x64", "windows-x64"] as const) {
    const args = compileArguments("escale", { target, from: "dist/bundle", to: "dist/x" });
    const taskFlags = configuration.tasks.escale.split(" ").filter((word) => word.startsWith("-"));
    for (const flag of taskFlags) assert(args.includes(flag), flag);
    assert(args.includes(TARGETS[target]));
    assert(args.includes(target === "windows-x64" ? "dist/x/escale.exe" : "dist/x/escale"));
    assert.deepEqual(args.filter((_, at) => args[at - 1] === "--include"), [
      "dist/bundle/lib/daemon/worker_entry.js",
      "dist/bundle/lib/archive/bzip2_worker.js",
    ]);
  }
});

Deno.test("workers are started where bundling knows of them, and nowhere else", () => {
  const starters = [...sourcesBelow("lib/"), ...sourcesBelow("backends/")].filter((path) =>
    Deno.readTextFileSync(`${root}${path}`).includes("new Worker(")
  );
  assert.deepEqual(starters.sort(), ["lib/daemon/compressors.ts", "lib/daemon/start_worker.ts"]);
});

function* sourcesBelow(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(root + folder)) {
    if (isDirectory) yield* sourcesBelow(`${folder}${name}/`);
    else if (name.endsWith(".ts")) yield folder + name;
  }
}

Deno.test("the runtime takes the compile command", async () => {
  await withTemporary(async (folder) => {
    await bundle(`${folder}/bundle`);
    const args = compileArguments("escale", {
      target: "linux-x64",
      from: `${folder}/bundle`,
      to: folder,
    });
    // The base binaries have to be downloaded; in their place the runtime itself is used, which cannot start what it
    // made. So this goes up to the file. The release workflow runs the demonstration with the true ones.
    const { code, text } = await run(args, { env: { DENORT_BIN: Deno.execPath() } });
    assert.equal(code, 0, text);
    assert(Deno.statSync(`${folder}/escale`).size > Deno.statSync(Deno.execPath()).size);
  });
});

Deno.test("the package can be published, and run from its registry with a warning", async () => {
  await withTemporary(async (folder) => {
    await using registry = new FakeJsr();
    const published = await run(["publish", "--allow-dirty", "--no-provenance", "--token", "any"], {
      env: { JSR_URL: registry.url, NO_COLOR: "1" },
    });
    assert.equal(published.code, 0, published.text);
    const odd = registry.paths().filter((path) =>
      !/^\/(lib|backends)\/|^\/(main\.ts|ctl\.ts|deno\.json|[A-Z]+(\.md)?)$/.test(path)
    );
    assert.deepEqual(odd, []);

    const denoDir = `${folder}/cache`;
    Deno.mkdirSync(denoDir);
    // The packages are there already; what comes from this registry must not stay.
    Deno.symlinkSync(`${await denoFolder()}/npm`, `${denoDir}/npm`, { type: "dir" });
    const options = {
      cwd: folder,
      env: { DENO_DIR: denoDir, JSR_URL: registry.url, NO_COLOR: "1" },
    };
    const config = writeConfig(folder, ["index = yes", "compression = bz2"]);
    Deno.writeFileSync(
      `${folder}/files/large.bin`,
      new Uint8Array(2_000_000).map((_, at) => at * at >> 7),
    );
    const escale = ["run", "-A", "jsr:@escale/cli", "--once", "-c", config];
    const { code, text } = await run(escale, options);
    assert.equal(code, 0, text);
    assert.match(text, /warning: .*\n.*--unstable-worker-options/);
    const names = [...Deno.readDirSync(`${folder}/relay`)].map(({ name }) => name);
    assert(names.some((name) => /^\.0\.\d+\.data$/.test(name)), names.join(" "));
    const ctl = await run(["run", "-A", "jsr:@escale/cli/ctl", "--version"], options);
    assert.match(ctl.text, new RegExp(`escalectl ${configuration.version}`));
  });
});

/** Where the runtime keeps its packages. */
async function denoFolder(): Promise<string> {
  const { text } = await run(["info", "--json"]);
  return JSON.parse(text).denoDir;
}
