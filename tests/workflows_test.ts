import assert from "node:assert/strict";
import { parse } from "yaml";

import { TARGETS } from "./build.ts";

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly needs?: string | readonly string[];
  readonly steps: readonly Step[];
  readonly "runs-on": string;
  readonly "timeout-minutes"?: number;
  readonly strategy?: {
    readonly matrix: {
      readonly os?: readonly string[];
      readonly include?: readonly { readonly os: string; readonly target: string }[];
    };
  };
}

interface Workflow {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const folder = new URL("../.github/workflows/", import.meta.url);
const texts = new Map(
  [...Deno.readDirSync(folder)].map(({ name }) =>
    [name, Deno.readTextFileSync(new URL(name, folder))] as const
  ),
);
const workflows = new Map(
  [...texts].map(([name, text]): [string, Workflow] => [name, parse(text)]),
);
/** What jobs may write: only these, and only that. */
const MAY_WRITE: Readonly<Record<string, readonly string[]>> = {
  "release.yml release": ["contents", "id-token", "attestations"],
  "release.yml jsr": ["id-token"],
};

function* jobs(): Generator<readonly [name: string, job: Job, workflow: Workflow]> {
  for (const [file, workflow] of workflows) {
    for (const [name, job] of Object.entries(workflow.jobs)) {
      yield [`${file} ${name}`, job, workflow];
    }
  }
}

Deno.test("every action is pinned by a commit, and its version stands above it", () => {
  for (const [name, job] of jobs()) {
    for (const { uses } of job.steps) {
      if (uses !== undefined) assert.match(uses, /^[\w-]+\/[\w-]+@[0-9a-f]{40}$/, name);
    }
  }
  for (const [name, text] of texts) {
    const lines = text.split("\n");
    for (const [at, line] of lines.entries()) {
      if (!/^\s*(- )?uses:/.test(line)) continue;
      assert.match(lines[at - 1] ?? "", /# v\d+\.\d+\.\d+$/, `${name}:${at + 1}`);
    }
  }
});

Deno.test("one commit stands for one version of an action", () => {
  const versions = new Map<string, string>();
  for (const [name, text] of texts) {
    for (
      const [, version = "", action = ""] of text.matchAll(/# (v[\d.]+)\n\s*(?:- )?uses: (\S+)/g)
    ) {
      assert.equal(versions.get(action) ?? version, version, `${name}: ${action}`);
      versions.set(action, version);
    }
  }
  assert(versions.size >= 4);
});

Deno.test("jobs have the least permissions, and no credentials stay behind", () => {
  for (const [name, job, workflow] of jobs()) {
    const permissions = job.permissions ?? workflow.permissions;
    assert(permissions !== undefined, `${name}: says nothing of permissions`);
    const written = Object.entries(permissions).filter(([, access]) => access !== "read");
    assert.deepEqual(written.map(([scope]) => scope), MAY_WRITE[name] ?? [], name);
    for (const { uses, with: inputs } of job.steps) {
      if (uses?.startsWith("actions/checkout@")) {
        assert.equal(inputs?.["persist-credentials"], false, name);
      }
    }
    assert(job["timeout-minutes"] !== undefined, `${name}: may run for ever`);
  }
});

Deno.test("nothing from outside is put into a script as text", () => {
  for (const [name, job] of jobs()) {
    for (const { run } of job.steps) assert.doesNotMatch(run ?? "", /\$\{\{/, name);
  }
});

Deno.test("a release is tested on all systems, and each target's programs are tried", () => {
  const release = workflows.get("release.yml")?.jobs;
  const systems = ["ubuntu-24.04", "macos-15", "windows-2025"];
  assert.deepEqual(release?.["test"]?.strategy?.matrix.os, systems);
  assert.deepEqual(workflows.get("ci.yml")?.jobs["test"]?.strategy?.matrix.os, systems);
  const tried = release?.["smoke"]?.strategy?.matrix.include?.map(({ target }) => target);
  assert.deepEqual(tried, Object.keys(TARGETS));
  assert.deepEqual(release?.["release"]?.needs, ["test", "smoke"]);
  assert.equal(release?.["jsr"]?.needs, "release");
});
