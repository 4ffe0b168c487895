import process from "node:process";
import { BackendError, type BackendErrorCode } from "../../backends/backend.ts";
import { type ErrorCode, EscaleError } from "../../lib/errors.ts";
import { Dice, mutated } from "./fuzz_inputs.ts";

/** Something that reads what comes from outside. */
export interface Parser {
  readonly name: string;
  /** What it reads well, or nearly. */
  readonly seeds: readonly Uint8Array[];
  /** So slow that a long run shares its cases with the others of this kind. */
  readonly isCostly?: boolean;
  /** Reads an input and checks what comes out; throws what the parser throws. */
  read(input: Uint8Array, dice: Dice): void | Promise<void>;
  /** Whether the parser's contract has this error. */
  mayThrow(thrown: unknown): boolean;
}

/** What came of many inputs. */
export interface Fuzzed {
  readonly runs: number;
  /** Inputs that were read, the others were refused. */
  readonly read: number;
  readonly seconds: number;
  readonly slowestMs: number;
}

/** The most processor time for one input. What takes more is tried again: memory may have been tidied up meanwhile. */
const MAX_MS = 1_000;
const TRIES = 4;

/** Feeds a parser. @throws {Error} with what is needed to see it again, for an error that its contract does not have */
export async function fuzz(
  parser: Parser,
  { runs, seed, maxMs = MAX_MS }: {
    readonly runs: number;
    readonly seed: number;
    readonly maxMs?: number;
  },
): Promise<Fuzzed> {
  const startMs = performance.now();
  let [read, slowestMs] = [0, 0];
  for (let at = 0; at < runs; at++) {
    const caseSeed = Math.imul(seed + 1, 0x9e3779b1) + Math.imul(at, 0x85ebca6b);
    let tookMs = Infinity;
    for (let tries = 0; tries < TRIES && tookMs > maxMs; tries++) {
      const dice = new Dice(caseSeed);
      const input = mutated(parser.seeds, dice);
      const fromMs = processorMs();
      try {
        await parser.read(input, dice);
        if (tries === 0) read++;
      } catch (thrown) {
        if (parser.mayThrow(thrown) && !hasControls(thrown)) {
          tookMs = Math.min(tookMs, processorMs() - fromMs);
          continue;
        }
        throw failure(parser, { at, seed, input, why: `throws ${told(thrown)}` }, thrown);
      }
      tookMs = Math.min(tookMs, processorMs() - fromMs);
    }
    slowestMs = Math.max(slowestMs, tookMs);
    if (tookMs > maxMs) {
      const input = mutated(parser.seeds, new Dice(caseSeed));
      throw failure(parser, { at, seed, input, why: `takes ${Math.round(tookMs)} ms` });
    }
  }
  return { runs, read, seconds: (performance.now() - startMs) / 1000, slowestMs };
}

/** Accepts an EscaleError of these codes. */
export function escale(...codes: readonly ErrorCode[]): (thrown: unknown) => boolean {
  return (thrown) => thrown instanceof EscaleError && codes.includes(thrown.code);
}

/** Accepts a BackendError of these codes. */
export function backend(...codes: readonly BackendErrorCode[]): (thrown: unknown) => boolean {
  return (thrown) => thrown instanceof BackendError && codes.includes(thrown.code);
}

/** Accepts nothing: the parser has a value for everything. */
export function nothing(): boolean {
  return false;
}

/** Processor time of this process, milliseconds. */
function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** What is thrown is shown to users: control characters would reach their terminal. */
function hasControls(thrown: unknown): boolean {
  return thrown instanceof Error && /[\p{Cc}\u202e]/u.test(thrown.message);
}

function failure(
  parser: Parser,
  { at, seed, input, why }: {
    readonly at: number;
    readonly seed: number;
    readonly input: Uint8Array;
    readonly why: string;
  },
  cause?: unknown,
): Error {
  const text = JSON.stringify(new TextDecoder().decode(input.subarray(0, 400)));
  return new Error(
    `${parser.name} ${why} in run ${at}: ESCALE_SEED=${seed}, ${input.length} bytes: ${text}, ` +
      `in Base64: ${input.subarray(0, 3000).toBase64()}`,
    { cause },
  );
}

function told(thrown: unknown): string {
  return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
}
