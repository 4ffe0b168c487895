import { EscaleError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Relay, Survey } from "../relay/relay.ts";
import type { State } from "../local/state.ts";

/** How many contents are tried before the key counts as wrong: one may be damaged. */
const TRIES = 3;
const FACT = "proven key";

/**
 * Whether this client's key is the relay's. Until something on the relay has shown that it is, nothing is pushed over
 * what others wrote with another key, and what cannot be decrypted is not taken for damaged.
 */
export class KeyProof {
  readonly #state: State;
  readonly #fingerprint: string | undefined;
  readonly #log: Log;

  /** `fingerprint` tells keys apart and shows nothing of them; `undefined` without encryption. */
  constructor(
    options: { readonly state: State; readonly fingerprint: string | undefined; readonly log: Log },
  ) {
    this.#state = options.state;
    this.#fingerprint = options.fingerprint;
    this.#log = options.log;
  }

  get isProven(): boolean {
    return this.#fingerprint === undefined || this.#state.fact(FACT) === this.#fingerprint;
  }

  /** Notes that something on the relay was opened with this key. */
  note(): void {
    if (!this.isProven && this.#fingerprint !== undefined) {
      this.#state.setFact(FACT, this.#fingerprint);
    }
  }

  /**
   * Looks for a proof on the relay.
   *
   * @throws {EscaleError} `wrong-key` if what stands there was written with another key
   */
  async check(survey: Survey, relay: Relay, options: { readonly client: string }): Promise<void> {
    if (this.isProven) return;
    let forged = 0;
    for (const { record } of survey.entries.values()) {
      if (record.kind === "present" && record.record.seal !== undefined) return this.note();
      if (record.kind === "unreadable" && record.seal === "wrong") forged++;
    }
    if (forged > 0) throw wrongKey();
    const foreign = [
      ...survey.entries.values().filter(({ record, storedBytes, lock }) =>
        storedBytes !== undefined && lock === undefined && record.kind === "present" &&
        record.record.pusher !== options.client
      ),
    ];
    foreign.sort((a, b) => (a.storedBytes ?? 0) - (b.storedBytes ?? 0));
    let failed = 0;
    for (const { resource } of foreign.slice(0, TRIES)) {
      const outcome = await relay.tryKey(resource);
      if (outcome === "opens") return this.note();
      if (outcome === "fails") failed++;
    }
    if (failed > 0) throw wrongKey();
    this.#log.debug("nothing on the relay shows yet whether the key is right");
  }
}

function wrongKey(): EscaleError {
  return new EscaleError(
    "wrong-key",
    "Cannot open what stands on the relay: it was written with another passphrase; nothing was pulled or pushed",
    { hint: 'Set "passphrase" to the one that the other clients have, then start again' },
  );
}
