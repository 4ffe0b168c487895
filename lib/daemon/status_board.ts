import type { Section } from "../config/section.ts";
import type { ClientEvent, ClientResult, RoundSummary } from "../sync/events.ts";
import type { Amount } from "../sync/outlook.ts";
import type { ClientState, ClientStatus, ProblemStatus, TransferStatus } from "./status.ts";
import type { ClientChange } from "./supervisor.ts";

/** The most problems of a client that are told one by one. */
const MAX_PROBLEMS = 100;
/** A transfer that was not heard of for so long has failed. */
const FORGET_TRANSFER_MS = 60_000;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
type Client = Mutable<Omit<ClientStatus, "transfers" | "problems" | "problemCount">> & {
  readonly transfers: Map<string, TransferStatus>;
  readonly problems: Map<string, ProblemStatus>;
};

/** Keeps in mind how each client is, from what it tells. */
export class StatusBoard {
  readonly #clients = new Map<string, Client>();
  readonly #former = new Map<string, ClientStatus>();
  readonly #nowMs: () => number;

  /** `former`: how clients were when they ran last, which is kept until they are heard of. */
  constructor(
    { nowMs, former }: { readonly nowMs: () => number; readonly former: readonly ClientStatus[] },
  ) {
    this.#nowMs = nowMs;
    for (const client of former) this.#former.set(client.name, client);
  }

  /** What every client has to show. */
  clients(): readonly ClientStatus[] {
    const now = this.#nowMs();
    const heard = [...this.#clients.values()].map((client) => ({
      ...client,
      transfers: [...client.transfers.values()]
        .filter(({ heardMs }) => now - heardMs < FORGET_TRANSFER_MS),
      problems: [...client.problems.values()].slice(0, MAX_PROBLEMS),
      problemCount: client.problems.size,
    }));
    return [...heard, ...this.#former.values()];
  }

  change(section: Section, change: ClientChange): void {
    const client = this.#client(section);
    switch (change.kind) {
      case "started":
        if (client.state === "restarting") client.restarts++;
        delete client.result;
        delete client.nextMs;
        return this.#enter(client, "starting");
      case "failed":
        client.result = change.result;
        client.nextMs = this.#nowMs() + change.waitMs;
        client.transfers.clear();
        return this.#enter(client, "restarting");
      case "silent":
        return this.#enter(client, "silent");
      default:
        change satisfies never;
    }
  }

  ended(section: Section, result: ClientResult): void {
    const client = this.#client(section);
    client.result = result;
    delete client.nextMs;
    client.transfers.clear();
    this.#enter(client, "ended");
  }

  /** Forgets a client that is no longer configured. */
  forget(name: string): void {
    this.#clients.delete(name);
    this.#former.delete(name);
  }

  /** Takes note of an event; says whether there is anything new to show. */
  event(section: Section, event: ClientEvent): boolean {
    const client = this.#client(section);
    if (client.state === "silent") this.#enter(client, "working");
    switch (event.kind) {
      case "beat":
      case "log":
        return false;
      case "transfer":
        this.#enter(client, "working");
        noteTransfer(client, event, this.#nowMs());
        return true;
      case "action":
        noteAction(client, event);
        this.#enter(client, "working");
        return true;
      case "problem":
        this.#problem(client, event);
        return true;
      case "mended":
        client.problems.delete(event.path);
        return true;
      case "outlook":
        client.outlook = { ...event.outlook, atMs: this.#nowMs() };
        return true;
      case "round":
        client.lastRound = { ...event.summary, endedMs: this.#nowMs() };
        // The relay was there for a whole round.
        client.problems.delete("");
        client.transfers.clear();
        // After a round that moved something the next follows at once.
        this.#enter(client, hasMoved(event.summary) ? "working" : "idle");
        return true;
      default:
        return event satisfies never;
    }
  }

  #problem(client: Client, { kind: _, ...problem }: Extract<ClientEvent, { kind: "problem" }>) {
    if (problem.path !== undefined) client.transfers.delete(problem.path);
    client.problems.set(problem.path ?? "", { ...problem, sinceMs: this.#nowMs() });
  }

  #enter(client: Client, state: ClientState): void {
    if (client.state === state) return;
    client.state = state;
    client.sinceMs = this.#nowMs();
  }

  #client(section: Section): Client {
    const known = this.#clients.get(section.name);
    if (known !== undefined) {
      known.heardMs = this.#nowMs();
      return known;
    }
    this.#former.delete(section.name);
    const client: Client = {
      name: section.name,
      clientName: section.clientName,
      localPath: section.localPath,
      state: "starting",
      sinceMs: this.#nowMs(),
      heardMs: this.#nowMs(),
      restarts: 0,
      ...(section.quotaBytes === undefined ? {} : { quotaBytes: section.quotaBytes }),
      pushed: 0,
      pulled: 0,
      transfers: new Map(),
      problems: new Map(),
    };
    this.#clients.set(section.name, client);
    return client;
  }
}

function hasMoved({ pushed, pulled, conflicts }: RoundSummary): boolean {
  return pushed + pulled + conflicts > 0;
}

/** What is done is no longer pending. */
function noteAction(
  client: Client,
  { action, path, sizeBytes = 0 }: Extract<ClientEvent, { kind: "action" }>,
): void {
  client.transfers.delete(path);
  const { outlook } = client;
  if (action === "push") {
    client.pushed++;
    if (outlook) client.outlook = { ...outlook, toPush: lessOne(outlook.toPush, sizeBytes) };
  } else if (action === "pull") {
    client.pulled++;
    if (outlook) client.outlook = { ...outlook, toPull: lessOne(outlook.toPull, sizeBytes) };
  }
}

function lessOne({ files, bytes }: Amount, sizeBytes: number): Amount {
  // Content on the relay may be larger or smaller than the file: nothing pending has no bytes.
  if (files <= 1) return { files: 0, bytes: 0 };
  return { files: files - 1, bytes: Math.max(0, bytes - sizeBytes) };
}

function noteTransfer(
  client: Client,
  { kind: _, ...transfer }: Extract<ClientEvent, { kind: "transfer" }>,
  nowMs: number,
): void {
  if (transfer.doneBytes >= transfer.sizeBytes) {
    client.transfers.delete(transfer.path);
    return;
  }
  const startedMs = client.transfers.get(transfer.path)?.startedMs ?? nowMs;
  client.transfers.set(transfer.path, { ...transfer, startedMs, heardMs: nowMs });
}
