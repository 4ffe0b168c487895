import { printable } from "../path.ts";
import type { ClientEvent } from "../sync/events.ts";
import { formatBytes, formatSeconds } from "./format.ts";

/** Transfers that are shorter are not shown. */
const SHOW_AFTER_MS = 1_000;
const DRAW_EVERY_MS = 200;
/** A transfer that was not heard of for so long has failed or waits. */
const FORGET_AFTER_MS = 10_000;

const CLEAR = "\r\x1b[K";
/** Off and on again: the terminal starts a new line where one is too long. Keeps wide characters in one line. */
const [WRAP_OFF, WRAP_ON] = ["\x1b[?7l", "\x1b[?7h"];

/** A transfer on its way. */
export type TransferEvent = Extract<ClientEvent, { kind: "transfer" }>;
type Transfer = TransferEvent & { readonly startMs: number; readonly heardMs: number };

/** What the status line is drawn on. */
export interface ProgressContext {
  readonly write: (text: string) => void;
  readonly columns: () => number;
  readonly nowMs: () => number;
}

/** One line at the bottom of a terminal that shows the transfer last heard of. */
export class Progress {
  readonly #context: ProgressContext;
  readonly #transfers = new Map<string, Transfer>();
  #drawnMs = -DRAW_EVERY_MS;
  #isDrawn = false;

  constructor(context: ProgressContext) {
    this.#context = context;
  }

  /** Takes note of a transfer of a client, and draws if it is time. */
  update(client: string, event: TransferEvent): void {
    const now = this.#context.nowMs();
    const key = keyOf(client, event.path);
    if (event.doneBytes >= event.sizeBytes) return this.end(client, event.path);
    for (const [other, { heardMs }] of this.#transfers) {
      if (now - heardMs > FORGET_AFTER_MS) this.#transfers.delete(other);
    }
    const startMs = this.#transfers.get(key)?.startMs ?? now;
    const transfer = { ...event, startMs, heardMs: now };
    this.#transfers.set(key, transfer);
    if (now - startMs < SHOW_AFTER_MS || now - this.#drawnMs < DRAW_EVERY_MS) return;
    this.#drawnMs = now;
    this.#isDrawn = true;
    const line = progressLine(transfer, {
      others: this.#transfers.size - 1,
      columns: this.#context.columns(),
    });
    this.#context.write(`${CLEAR}${WRAP_OFF}${line}${WRAP_ON}`);
  }

  /** Takes note that a transfer has ended, well or not. */
  end(client: string, path: string): void {
    this.#transfers.delete(keyOf(client, path));
    if (this.#transfers.size === 0) this.clear();
  }

  /** Takes the line away, so that something else can be written; the next update draws it again. */
  clear(): void {
    if (!this.#isDrawn) return;
    this.#isDrawn = false;
    this.#context.write(CLEAR);
  }
}

function keyOf(client: string, path: string): string {
  return `${client}\0${path}`;
}

/** The text of the status line: of the file's name only as much as fits into `columns`, its end first. */
function progressLine(
  { action, path, doneBytes, sizeBytes, startMs, heardMs }: Transfer,
  { others, columns }: { readonly others: number; readonly columns: number },
): string {
  const perSecond = (doneBytes * 1_000) / Math.max(1, heardMs - startMs);
  const left = perSecond === 0
    ? ""
    : `, ${formatSeconds((sizeBytes - doneBytes) / perSecond)} left`;
  const more = others === 0 ? "" : ` (+${others} more)`;
  const done = `${formatBytes(doneBytes)} of ${formatBytes(sizeBytes)}`;
  const before = action === "push" ? "pushing " : "pulling ";
  const after = ` ${done}, ${formatBytes(Math.round(perSecond))}/s${left}${more}`;
  return before + lastOf(printable(path), columns - 1 - before.length - after.length) + after;
}

function lastOf(text: string, length: number): string {
  const characters = [...text];
  if (characters.length <= length) return text;
  return length < 4 ? "" : `...${characters.slice(characters.length - length + 3).join("")}`;
}
