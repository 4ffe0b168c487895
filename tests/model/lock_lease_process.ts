/** A whole client for which leases pass in seconds. Started by `lock_lease_runs.ts`, with a {@linkcode LeaseJob} as JSON. */
import type { Backend, ObjectInfo, OpenBackend, RelayAddress } from "../../backends/backend.ts";
import { openBackend } from "../../backends/mod.ts";
import { runClient } from "../../lib/sync/client.ts";
import type { ClientEvent, ClientResult } from "../../lib/sync/events.ts";
import { makeSection } from "../support/sections.ts";
import { type Clocks, setClocks } from "./lock_clock.ts";

/** What the process is told. */
export interface LeaseJob {
  readonly client: string;
  readonly address: RelayAddress;
  readonly clocks: Clocks;
  readonly legacyPeers: boolean;
  readonly folder: string;
  readonly stateFile: string;
}

/** Runs the client. Each event is a line of its output. */
async function run(job: LeaseJob): Promise<void> {
  const uptimeS = setClocks(job.clocks);
  const { client, address, folder, stateFile, legacyPeers } = job;
  const section = makeSection({
    name: client,
    clientName: client,
    localPath: folder,
    statePath: stateFile,
    refreshS: 1,
    legacyPeers,
  });
  const { signal } = new AbortController();
  const emit = (event: ClientEvent | LeaseEnd) => {
    // What goes over the wire would drown the rest.
    if (event.kind === "log" && event.level === "debug" && Object.keys(event.fields).length === 0) {
      return;
    }
    Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(event)}\n`));
  };
  const open: OpenBackend = async (_, context) => withoutTimes(await openBackend(address, context));
  const running = runClient(section, { openBackend: open, emit, signal, uptimeS }, {
    once: false,
    dryRun: false,
  });
  emit({ kind: "ended", ...await running });
}

/** The uptime runs ahead of the storage's clock here: by such times nothing can be told. */
function withoutTimes(backend: Backend): Backend {
  const stat = backend.stat.bind(backend);
  const list = backend.list.bind(backend);
  backend.stat = async (...args) => {
    const info = await stat(...args);
    return info && withoutTime(info);
  };
  backend.list = async function* (...args) {
    for await (const info of list(...args)) yield withoutTime(info);
  };
  return backend;
}

function withoutTime({ modifiedMs: _, ...info }: ObjectInfo): ObjectInfo {
  return info;
}

/** That a client ended, as none should. */
interface LeaseEnd extends ClientResult {
  readonly kind: "ended";
}

if (import.meta.main) {
  const job: LeaseJob = JSON.parse(Deno.args[0] ?? "");
  await run(job);
}
