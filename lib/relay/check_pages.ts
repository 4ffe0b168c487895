import { EscaleError } from "../errors.ts";
import type { IndexContext } from "./context.ts";
import { type Checked, type CheckOptions, type Finding, lockFinding, sample } from "./findings.ts";
import { resourcesIn, resourcesOn, viewIn } from "./page_entries.ts";
import { PageReader } from "./page_reader.ts";
import { checkUpdate } from "./page_repair.ts";
import { isResidue, isServed, type PageState, type Update } from "./page_state.ts";
import { pageLockName } from "./pages.ts";
import { RecordViewer } from "./record_view.ts";

/**
 * Looks at all that stands on a relay with an index, changes nothing, and tells what it finds. Updates that are read are
 * compared with what their indices list.
 *
 * @throws {EscaleError} `wrong-key` if nothing there opens with this client's key
 * @throws {BackendError}
 */
export async function checkPages(context: IndexContext, options: CheckOptions): Promise<Checked> {
  const { signal, found, progress } = options;
  const records = new RecordViewer(context);
  const reader = new PageReader(context, records);
  const listing = await reader.list({ signal });
  if (listing.foreign !== undefined) found(wrongLayout(listing.foreign));
  const doubtful: Finding[] = [];
  const updates: { readonly page: string; readonly update: Update }[] = [];
  let [resources, opened, objects] = [0, 0, 0];
  for (const [page, it] of listing.pages) {
    signal.throwIfAborted();
    const lock = it.lock && await context.locks.look(it.lock.name);
    if (lock !== undefined) found(lockFinding(pageLockName(page), lock));
    const state = await reader.read(it, { lock });
    for (const _ of resourcesOn(state)) resources++;
    const seals = lookAtEntries(state, { records, found, doubtful });
    if (context.sealer !== undefined) opened += seals;
    // While somebody writes, what is half there is no finding.
    if (lock === undefined) {
      updates.push(...lookAtUpdates(state, found).map((update) => ({ page, update })));
    }
    progress({ objects: ++objects, of: listing.pages.size });
  }
  const toRead = sample(updates, options);
  let verified = 0;
  objects = 0;
  for (const { page, update } of toRead) {
    signal.throwIfAborted();
    const proven = { ...context, isKeyProven: () => true };
    const outcome = await checkUpdate(update, { context: proven, page, records });
    if (outcome === "whole") verified++;
    else if (await stands(reader, page, update)) doubtful.push(damaged(page, update));
    progress({ objects: ++objects, of: toRead.length });
  }
  if (context.cipher.name !== "plain" && opened + verified === 0 && doubtful.length > 0) {
    throw new EscaleError(
      "wrong-key",
      "Cannot verify what stands on the relay: nothing of it opens with this passphrase",
      { hint: 'Set "passphrase" to the one that the other clients have' },
    );
  }
  doubtful.forEach(found);
  const { usedBytes } = listing;
  return { layout: "index", resources, contents: updates.length, verified, bytes: usedBytes };
}

/** Tells of entries that cannot be used; returns how many have a seal that is right. */
function lookAtEntries(
  state: PageState,
  { records, found, doubtful }: {
    readonly records: RecordViewer;
    readonly found: CheckOptions["found"];
    readonly doubtful: Finding[];
  },
): number {
  const about = label(state.page);
  for (const { message } of state.problems) {
    found({
      kind: "unreadable index",
      severity: "error",
      about,
      what: message,
      mend: `Run escalectl fix --page ${state.page} where the files are up to date`,
    });
  }
  let sealed = 0;
  for (const index of [state.index, ...state.updates.flatMap((it) => it.index ?? [])]) {
    for (const resource of resourcesIn(index)) {
      const view = viewIn(index, resource, { records, pullers: [] });
      if (view.kind === "present" && view.record.seal !== undefined) sealed++;
      if (view.kind !== "unreadable") continue;
      const isSeal = view.seal === "wrong";
      const finding: Finding = {
        kind: isSeal ? "wrong seal" : "unreadable record",
        severity: "error",
        about: resource,
        what: `Its record on ${about} cannot be used: ${view.why}`,
        mend: `Run escalectl fix --page ${state.page} where the file is up to date`,
      };
      if (isSeal) doubtful.push(finding);
      else found(finding);
    }
  }
  return sealed;
}

/** Tells of updates that nobody can use; returns the others. */
function lookAtUpdates(
  { page, updates }: PageState,
  found: CheckOptions["found"],
): readonly Update[] {
  const about = label(page);
  const mend = "The next client that runs removes it, and what it held is requested";
  const usable = updates.filter((update) => !isResidue(update));
  for (const update of updates) {
    const what = update.storedBytes === undefined
      ? "has no data"
      : update.hasIndexObject
      ? "has an index that says nothing"
      : "has no index";
    if (isResidue(update)) {
      found({
        ...{ kind: "half update", severity: "warning", about, mend },
        what: `Its update ${update.ts} ${what}`,
      });
    } else if (isServed(update)) {
      found({
        ...{ kind: "content served", severity: "note", about },
        what: `Its update ${update.ts} stands though everyone has taken it`,
        mend: "The next client that runs removes it",
      });
    }
  }
  if (usable.length > 1) {
    found({
      ...{ kind: "several updates", severity: "warning", about },
      what: `It has ${usable.length} updates at a time: should be one`,
      mend: "Clients take them one after the other; a client of 0.7 removes them all",
    });
  }
  return usable;
}

/** Whether an update is still there: else it was taken meanwhile. */
async function stands(reader: PageReader, page: string, { ts }: Update): Promise<boolean> {
  const { pages } = await reader.list();
  return pages.get(page)?.updates.get(ts)?.data !== undefined;
}

function damaged(page: string, { ts }: Update): Finding {
  return {
    kind: "damaged update",
    severity: "error",
    about: label(page),
    what: `Its update ${ts} is not what its index lists`,
    mend: "A puller asks for it again; the client that has the files sends them",
  };
}

function wrongLayout(name: string): Finding {
  return {
    kind: "wrong layout",
    severity: "error",
    about: name,
    what: "It shows that a relay is kept here without an index, unlike this section says",
    mend: 'Set "index" as the other clients have it, or remove what does not belong here',
  };
}

function label(page: string): string {
  return `index page "${page}"`;
}
