import type { State } from "../local/state.ts";

/** The fact in a client's state that keeps it from beginning rounds; it outlasts the client's end. */
const FACT = "suspended";

/** Whether a client is suspended. */
export function isSuspended(state: Pick<State, "fact">): boolean {
  return state.fact(FACT) === "yes";
}

/** Suspends a client, which ends the round in hand and begins no other, or lets it go on. */
export function setSuspended(state: Pick<State, "setFact">, suspended: boolean): void {
  state.setFact(FACT, suspended ? "yes" : "no");
}
