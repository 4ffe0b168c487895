import type { Section } from "../config/section.ts";
import { EscaleError, isAbort, messageOf } from "../errors.ts";
import { checkRoot } from "../local/root.ts";
import { openToOthers, probeFolder } from "../local/probe.ts";
import { describe } from "../relay/failure.ts";
import type { BackendTraits } from "../relay/parts.ts";
import { IndexRelay } from "../relay/index_relay.ts";
import { PlaceholderRelay } from "../relay/placeholder_relay.ts";
import { probeStorage, type Rounds, type StorageProbe } from "../relay/probe.ts";
import { pause } from "./pause.ts";
import { holdClient, openToolbox, type Toolbox, type ToolboxOptions } from "./toolbox.ts";

/** One thing that was tried, and what came out. */
export interface Diagnosis {
  readonly name: string;
  readonly status: "ok" | "warning" | "failed";
  /** What was measured or is wrong, a clause. */
  readonly text: string;
  readonly hint?: string;
  /** The figures, units in their names. */
  readonly facts?: Readonly<Record<string, number | string | boolean>>;
}

/** Beyond this, times on records mislead clients that go by them. */
const MAX_CLOCK_MS = 60_000;
const LOW_SPACE_BYTES = 100 * 1024 * 1024;

/**
 * Tries all that a client needs, one after the other, and tells what it measured: its configuration, its repository and
 * state, its relay and its key. What fails does not keep the rest from being tried. On the relay it writes hidden objects
 * and removes them.
 */
export async function examine(
  section: Section,
  options: ToolboxOptions & { readonly tell: (diagnosis: Diagnosis) => void },
): Promise<void> {
  const { tell, signal } = options;
  const attempt = async (name: string, work: () => Promise<Omit<Diagnosis, "name">>) => {
    signal.throwIfAborted();
    try {
      tell({ name, ...await work() });
      return true;
    } catch (cause) {
      if (isAbort(cause)) throw cause;
      const { hint } = describe(cause);
      tell({
        name,
        status: "failed",
        text: messageOf(cause),
        ...(hint === undefined ? {} : { hint }),
      });
      return false;
    }
  };
  await attempt("configuration", () => Promise.resolve(lookAtConfiguration(section)));
  await attempt("repository", () => lookAtRepository(section));
  await attempt("client", () => Promise.resolve(lookAtClient(section)));
  let toolbox: Toolbox | undefined;
  await attempt("relay", async () => {
    const startMs = performance.now();
    toolbox = await openToolbox(section, options);
    const openMs = Math.round(performance.now() - startMs);
    return {
      status: "ok",
      text: `${section.relay.protocol}, opened in ${openMs} ms`,
      facts: { openMs },
    };
  });
  if (toolbox === undefined) return;
  await using opened = toolbox;
  let probe: StorageProbe | undefined;
  await attempt("relay writable", async () => {
    probe = await probeStorage(opened.backend, { signal, wait: pause, nowMs: () => Date.now() });
    return lookAtSpeed(probe);
  });
  if (probe !== undefined) {
    for (const diagnosis of lookAtStorage(probe, opened.backend.traits)) tell(diagnosis);
  }
  await attempt("relay space", () => lookAtSpace(opened));
  await attempt("layout and key", () => lookAtKey(opened));
}

function lookAtConfiguration(section: Section): Omit<Diagnosis, "name"> {
  const { mode, legacyPeers, pullerCount, index, cipher, configFile } = section;
  const layout = index.kind === "none" ? "no index" : "an index";
  const text = `"${section.clientName}" in mode ${mode}, ${layout}, encryption ${cipher}`;
  if (section.passphrase !== undefined && openToOthers(configFile) !== 0) {
    return {
      status: "warning",
      text: `${text}; other users can read "${configFile}"`,
      hint: `Run chmod 600 "${configFile}"`,
    };
  }
  if (legacyPeers && pullerCount > 1) {
    return {
      status: "warning",
      text: `${text}; clients of 0.7 work only with a puller count of 1, here it is ${pullerCount}`,
      hint: 'Set "legacy peers = no" if no client of 0.7 shares the relay',
    };
  }
  if (cipher.startsWith("blowfish")) {
    return {
      status: "warning",
      text: `${text}, which does not notice changed content by itself`,
      hint: 'Use "encryption = fernet" where no client of 0.7 needs the other',
    };
  }
  return { status: "ok", text };
}

async function lookAtRepository({ localPath }: Section): Promise<Omit<Diagnosis, "name">> {
  checkRoot(localPath, undefined);
  const { freeBytes } = await probeFolder(localPath);
  if (freeBytes === undefined) return { status: "ok", text: `"${localPath}" can be written` };
  const facts = { freeBytes };
  const text = `"${localPath}" can be written, ${gib(freeBytes)} are free`;
  return freeBytes < LOW_SPACE_BYTES
    ? { status: "warning", text, facts, hint: "Make space: what does not fit stays on the relay" }
    : { status: "ok", text, facts };
}

function lookAtClient(section: Section): Omit<Diagnosis, "name"> {
  try {
    using _held = holdClient(section);
    return { status: "ok", text: "it does not run, and its state can be written" };
  } catch (cause) {
    if (!(cause instanceof EscaleError) || cause.code !== "locked") throw cause;
    return { status: "ok", text: "it runs" };
  }
}

function lookAtSpeed({ listMs, writeMs }: StorageProbe): Omit<Diagnosis, "name"> {
  return {
    status: "ok",
    text: `a listing takes ${Math.round(listMs)} ms, to put and read back 1000 bytes ${
      Math.round(writeMs)
    } ms`,
    facts: { listMs, writeMs },
  };
}

/** Compares what was measured with what the backend takes for granted. */
function* lookAtStorage(probe: StorageProbe, traits: BackendTraits): Generator<Diagnosis> {
  const { exclusiveCreates, exclusiveFolders, wholeReads, clockAheadMs, listedAfterMs } = probe;
  yield exclusive("exclusive create", exclusiveCreates, traits.exclusiveCreate);
  yield exclusive("exclusive folder", exclusiveFolders, traits.exclusiveFolder);
  const isWhole = wholeReads.good === wholeReads.of;
  yield {
    name: "replacing",
    status: isWhole || !traits.atomicReplace ? "ok" : "failed",
    text: `${wholeReads.good} of ${wholeReads.of} reads while an object was replaced saw it whole`,
    facts: { whole: wholeReads.good, reads: wholeReads.of, isPromised: traits.atomicReplace },
    ...isWhole || !traits.atomicReplace ? {} : { hint: UNRELIABLE },
  };
  const lagS = listedAfterMs / 1000;
  const isListed = listedAfterMs <= Math.max(traits.listingLagMs, 1_000);
  yield {
    name: "listing",
    status: isListed ? "ok" : Number.isFinite(lagS) ? "warning" : "failed",
    text: Number.isFinite(lagS)
      ? `what is put is listed after ${lagS.toFixed(1)} s`
      : "what is put is not listed",
    facts: { listedAfterMs, listingLagMs: traits.listingLagMs },
  };
  if (clockAheadMs === undefined) {
    yield { name: "clock", status: "ok", text: "the storage tells no times" };
    return;
  }
  const isClose = Math.abs(clockAheadMs) <= MAX_CLOCK_MS + (traits.timePrecisionMs ?? 0);
  yield {
    name: "clock",
    status: isClose ? "ok" : "warning",
    text: `the storage's clock is ${(Math.abs(clockAheadMs) / 1000).toFixed(1)} s ${
      clockAheadMs < 0 ? "behind" : "ahead of"
    } this machine's`,
    facts: { clockAheadMs },
    ...isClose ? {} : { hint: "Set the clocks: in a conflict the later version keeps the name" },
  };
}

const UNRELIABLE = "Do not use this storage as a relay for several clients at a time";

function exclusive(name: string, rounds: Rounds, isPromised: boolean): Diagnosis {
  const isGood = rounds.good === rounds.of;
  return {
    name,
    status: isGood || !isPromised ? "ok" : "failed",
    text: `${rounds.good} of ${rounds.of} races had one winner` +
      (isPromised ? "" : "; locks do not rely on it"),
    facts: { good: rounds.good, races: rounds.of, isPromised },
    ...isGood || !isPromised ? {} : { hint: UNRELIABLE },
  };
}

async function lookAtSpace(
  { backend, section, signal }: Toolbox,
): Promise<Omit<Diagnosis, "name">> {
  const { freeBytes, usedBytes } = await backend.space({ signal });
  const { quotaBytes } = section;
  const quota = quotaBytes === undefined ? "" : `, the quota is ${gib(quotaBytes)}`;
  const used = usedBytes === undefined ? "" : `, ${gib(usedBytes)} are used`;
  const facts = {
    ...freeBytes === undefined ? {} : { freeBytes },
    ...usedBytes === undefined ? {} : { usedBytes },
    ...quotaBytes === undefined ? {} : { quotaBytes },
  };
  if (freeBytes === undefined) {
    return { status: "ok", text: `the storage does not tell what is free${used}${quota}`, facts };
  }
  const text = `${gib(freeBytes)} are free${used}${quota}`;
  return freeBytes < LOW_SPACE_BYTES
    ? { status: "warning", text, facts, hint: "Make space on the relay" }
    : { status: "ok", text, facts };
}

async function lookAtKey(toolbox: Toolbox): Promise<Omit<Diagnosis, "name">> {
  const { context, keyProof, section, signal } = toolbox;
  const relay = section.index.kind === "none"
    ? new PlaceholderRelay(context)
    : new IndexRelay(context);
  const survey = await relay.survey({ signal });
  const facts = { files: survey.entries.size };
  const files = `${survey.entries.size} files are known there`;
  await keyProof.check(survey, relay, { client: section.clientName });
  if (section.cipher === "off" || section.cipher === "native") {
    return { status: "ok", text: `${files}; nothing is encrypted by this client`, facts };
  }
  return survey.entries.size === 0
    ? { status: "ok", text: `${files}; nothing shows yet whether the key is right`, facts }
    : { status: "ok", text: `${files}; the key was not found to be wrong`, facts };
}

/** A size that is large or of no interest. */
function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}
