import type { Pool } from "./_pool.ts";
import type { Reply } from "./_reply.ts";
import type { Session } from "./_session.ts";

/** The most commands that are sent at once: their answers must fit in what a connection holds. */
const MAX_COMMANDS = 64;

interface Waiting {
  readonly commandsFor: (session: Session) => readonly string[];
  readonly resolve: (replies: readonly Reply[]) => void;
  readonly reject: (cause: unknown) => void;
}

/** Sends short commands of callers at the same time together, so that all of them take one round trip. */
export class Together {
  readonly #pool: Pool;
  #waiting: Waiting[] = [];
  #isSending = false;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** The answers to some commands, which are made when their turn has come. */
  exchange(commandsFor: Waiting["commandsFor"]): Promise<readonly Reply[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly Reply[]>();
    this.#waiting.push({ commandsFor, resolve, reject });
    if (!this.#isSending) this.#sendAll();
    return promise;
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true;
    while (this.#waiting.length > 0) {
      let taken: readonly Waiting[] = [];
      try {
        await this.#pool.use({ purpose: "call", signal: undefined }, async (session) => {
          // Callers of this very moment are in time.
          taken = this.#waiting.splice(0, MAX_COMMANDS);
          await send(session, taken);
        });
      } catch (cause) {
        // Without a session there is none for those that still wait either.
        if (taken.length === 0) taken = this.#waiting.splice(0);
        for (const { reject } of taken) reject(cause);
      }
    }
    this.#isSending = false;
  }
}

async function send(session: Session, taken: readonly Waiting[]): Promise<void> {
  const sets = taken.flatMap((one) => {
    try {
      return { ...one, commands: one.commandsFor(session) };
    } catch (cause) {
      one.reject(cause);
      return [];
    }
  });
  const replies = await session.exchangeAll(sets.flatMap(({ commands }) => commands));
  for (const { commands, resolve } of sets) resolve(replies.splice(0, commands.length));
}
