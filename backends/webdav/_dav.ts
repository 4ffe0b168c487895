import { setTimeout as sleep } from "node:timers/promises";
import { BackendError } from "../backend.ts";
import type { Answer, Call } from "./_answer.ts";
import type { Wire } from "./_http.ts";
import type { Login } from "./_login.ts";
import { readMultistatus, type Resource, timeOf } from "./_multistatus.ts";
import { statusError } from "./_status.ts";

/** How often a server may ask who is there before one request is let through. */
const MAX_CHALLENGES = 2;

/** How often a request is sent again at once that met another one on its way. */
const MAX_MEETINGS = 6;
const FIRST_MEETING_MS = 20;

/** A `PROPFIND`. */
export interface Question extends Omit<Call, "method" | "headers"> {
  readonly depth: 0 | 1;
  readonly body: Uint8Array;
}

/** Requests of one user to one server. */
export class Dav {
  readonly #wire: Wire;
  readonly #login: Login;
  #succeededMs = -Infinity;
  #date: string | undefined;

  constructor(wire: Wire, login: Login) {
    this.#wire = wire;
    this.#login = login;
  }

  /** When a request last succeeded, by `performance.now`. */
  get succeededMs(): number {
    return this.#succeededMs;
  }

  /** The time by the server's clock when it last answered, milliseconds since 1970. */
  get serverTimeMs(): number | undefined {
    return this.#date === undefined ? undefined : timeOf(this.#date);
  }

  /** Takes back what is known of successes, when the relay's folder turns out to be gone. */
  forgetSuccess(): void {
    this.#succeededMs = -Infinity;
  }

  /**
   * Sends a request, and once more when the server asks who is there.
   *
   * @throws {BackendError} as {@linkcode Wire.send}; `denied` if the server does not accept the user
   */
  async send(call: Call): Promise<Answer> {
    for (let challenges = 0;; challenges++) {
      const authorization = this.#login.authorize(call.method, call.target);
      const answer = await this.#wire.send(
        authorization === undefined
          ? call
          : { ...call, headers: { ...call.headers, Authorization: authorization } },
      );
      this.#date = answer.header("date");
      if (answer.status >= 200 && answer.status < 300) this.#succeededMs = performance.now();
      if (answer.status !== 401) return answer;
      const challenge = answer.header("www-authenticate");
      await answer.drop();
      const canTry = this.#login.learn(challenge, authorization) && challenges < MAX_CHALLENGES;
      if (!canTry) throw this.#refusal(call, authorization !== undefined);
    }
  }

  /**
   * As {@linkcode send}, but tries again soon when the server says that the resource is locked: some lock what they
   * work on against each other's requests.
   */
  async #sendPastLocks(call: Call): Promise<Answer> {
    for (let meetings = 1;; meetings++) {
      const answer = await this.send(call);
      if (answer.status !== 423 || meetings > MAX_MEETINGS) return answer;
      await answer.drop();
      const longestMs = FIRST_MEETING_MS * 2 ** meetings;
      await sleep(longestMs / 2 + Math.random() * longestMs / 2);
      call.signal?.throwIfAborted();
    }
  }

  /** The answer to a `PROPFIND`, whatever its status. */
  async ask({ depth, ...call }: Question): Promise<Answer> {
    return await this.send({
      ...call,
      method: "PROPFIND",
      headers: { Depth: String(depth), "Content-Type": 'application/xml; charset="utf-8"' },
    });
  }

  /** Sends a request whose answer's content is of no use. */
  async call(call: Call): Promise<Answer> {
    const answer = await this.#sendPastLocks(call);
    await answer.drop();
    return answer;
  }

  /** What a `PROPFIND` tells; else its answer, with the content dropped. */
  async find(question: Question): Promise<readonly Resource[] | Answer> {
    const answer = await this.ask(question);
    if (answer.status === 207) return await readMultistatus(answer, question.action);
    await answer.drop();
    if (answer.status < 200 || answer.status >= 300) return answer;
    throw new BackendError(
      "protocol",
      `Cannot ${question.action}: the server does not answer as a WebDAV server does (status ${answer.status})`,
    );
  }

  #refusal({ action }: Call, wasSent: boolean): BackendError {
    if (wasSent) {
      return new BackendError(
        "denied",
        `Cannot ${action}: the server does not accept the user's name and password`,
        { hint: 'Check "user" and "password"' },
      );
    }
    return this.#login.hasCredentials
      ? new BackendError("denied", `Cannot ${action}: the server wants a login of another kind`, {
        hint: "Let the server offer Basic or Digest",
      })
      : new BackendError("denied", `Cannot ${action}: the server asks who is there`, {
        hint: 'Set "user" and "password"',
      });
  }
}

/** @throws {BackendError} unless the answer tells of success */
export function checkSuccess(answer: Answer): void {
  if (answer.status < 200 || answer.status >= 300 || answer.status === 207) {
    throw statusError(answer);
  }
}
