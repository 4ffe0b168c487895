import fc from "fast-check";
import type { Mode } from "../../lib/sync/plan.ts";

/** One history: who takes part, and what happens, in order. */
export interface History {
  readonly kind: HistoryKind;
  readonly clients: readonly ClientSetup[];
  /** So many clients are there from the beginning; the others may join. */
  readonly startsWith: number;
  /** The right puller counts, or one for all clients. */
  readonly pullerCount: "right" | number;
  /** Whether damaged content is told from whole content even without a record, as an authenticating cipher does. */
  readonly isAuthentic: boolean;
  /** Whether a put that is broken off may leave a part of the content. */
  readonly hasTornPuts: boolean;
  /** Whether a client may be stopped between looking at its lock and writing. */
  readonly hasRaces: boolean;
  readonly steps: readonly Step[];
  /** Orders the rounds in which all come to rest. */
  readonly order: number;
}

/**
 * Calm: all clients are there and take all versions; there is no excuse for a needless conflict. Lossy: the relay may
 * lose what stands on it. Steady: also other modes, late clients and crashes. Wild: also lost states, returns to earlier
 * contents, wrong puller counts, and others who put something on the relay.
 */
export type HistoryKind = "calm" | "lossy" | "steady" | "wild";

/** How a client is set up. */
export interface ClientSetup {
  readonly mode: Mode;
  /** Whether the file "p" and its conflict copies may be pushed from here. */
  readonly mayRead: boolean;
  /** Whether the file "p" may be replaced here. */
  readonly mayWrite: boolean;
  /** Whether modification times stand in its records. */
  readonly recordsTimes: boolean;
  /** Works on the files of the client before it, which uploads what this one downloads beside. */
  readonly isSibling: boolean;
}

/** What goes wrong within an exchange, before its effect number `at`. */
export interface Mishap {
  readonly at: number;
  readonly what: "crash" | "pause" | "edit" | "delete";
}

/** Something that happens. */
export type Step =
  /** A user writes a file, whose time is so far from now; `earlier` is the number of a content that was there before. */
  | (AtFile & {
    readonly kind: "edit";
    readonly earlier: number | undefined;
    readonly skewS: number;
  })
  /** All clients come to rest, then a user returns to an earlier content. */
  | (AtFile & { readonly kind: "return"; readonly earlier: number })
  | (AtFile & { readonly kind: "delete" })
  /** A client exchanges one file or all, or goes on where it was stopped. */
  | (AtFile & {
    readonly kind: "sync";
    readonly all: boolean;
    readonly mishap: Mishap | undefined;
  })
  /** Somebody takes from the relay, spoils a content, or puts one there without a record. */
  | (AtFile & { readonly kind: Meddling })
  /** A client loses its state, or its files too, or is gone for ever. */
  | { readonly kind: "forget" | "wipe" | "leave"; readonly by: number }
  | { readonly kind: "join" }
  /** All locks that stand grow stale. */
  | { readonly kind: "wait" }
  /** Rounds until all are at rest. */
  | { readonly kind: "rest" };

/** What somebody does to the relay who knows of no rules. */
export type Meddling = "lose-record" | "lose-content" | "damage" | "put-whole" | "put-part";

interface AtFile {
  readonly by: number;
  readonly file: number;
}

type Steps = fc.Arbitrary<Step>;
const someFile = fc.nat(9);
const someClient = fc.nat(3);

const syncWith = (...mishaps: readonly Mishap["what"][]): Steps =>
  fc.record({
    kind: fc.constant("sync"),
    by: someClient,
    file: someFile,
    all: fc.boolean(),
    mishap: often(4, undefined, fc.record({ at: fc.nat(14), what: fc.constantFrom(...mishaps) })),
  });
const edit: Steps = fc.record({
  kind: fc.constant("edit"),
  by: someClient,
  file: someFile,
  earlier: fc.constant(undefined),
  skewS: often(3, 0, fc.integer({ min: -9, max: 9 })),
});
const editBack: Steps = fc.record({
  kind: fc.constant("edit"),
  by: someClient,
  file: someFile,
  earlier: fc.nat(9),
  skewS: fc.constant(0),
});
const goBack: Steps = fc.record({
  kind: fc.constant("return"),
  by: someClient,
  file: someFile,
  earlier: fc.nat(9),
});
const meddle = (...kinds: readonly Meddling[]): Steps =>
  fc.record({ kind: fc.constantFrom(...kinds), by: someClient, file: someFile });
const remove: Steps = fc.record({ kind: fc.constant("delete"), by: someClient, file: someFile });
const lose = (...kinds: readonly ("forget" | "wipe" | "leave")[]): Steps =>
  fc.record({ kind: fc.constantFrom(...kinds), by: someClient });
const wait: Steps = fc.constant({ kind: "wait" });
const rest: Steps = fc.constant({ kind: "rest" });
const join: Steps = fc.constant({ kind: "join" });

const simple = weighted([20, syncWith("edit", "delete")], [12, edit], [3, remove], [1, rest]);
const calm = weighted([12, simple], [1, goBack]);
const lossy = weighted([12, simple], [1, meddle("lose-content", "damage")]);
const crashing = syncWith("crash", "crash", "pause", "edit", "delete");
const steady = weighted(
  [20, crashing],
  [12, edit],
  [3, remove],
  [3, wait],
  [1, rest],
  [1, join],
  [1, lose("leave")],
  [2, meddle("lose-record", "lose-content", "damage")],
);
const wild = weighted(
  [32, steady],
  [4, editBack],
  [1, goBack],
  [3, lose("forget", "wipe")],
  [4, meddle("lose-record", "lose-content", "damage", "put-whole", "put-part")],
);

const fullClient: fc.Arbitrary<ClientSetup> = fc.record({
  mode: often<Mode>(4, "shared", fc.constant("download")),
  mayRead: fc.constant(true),
  mayWrite: fc.constant(true),
  recordsTimes: fc.constant(true),
  isSibling: fc.constant(false),
});
const anyClient: fc.Arbitrary<ClientSetup> = fc.record({
  mode: often<Mode>(2, "shared", fc.constantFrom("upload", "download", "conservative")),
  mayRead: often(12, true, fc.constant(false)),
  mayWrite: often(12, true, fc.constant(false)),
  recordsTimes: often(12, true, fc.constant(false)),
  isSibling: fc.constant(false),
});
const FULL = { mayRead: true, mayWrite: true, recordsTimes: true };
const pair: readonly ClientSetup[] = [
  { ...FULL, mode: "upload", isSibling: false },
  { ...FULL, mode: "download", isSibling: true },
];
const anyCount = often<"right" | number>(6, "right", fc.integer({ min: 1, max: 3 }));

/** Histories of 2 to 4 clients and up to 40 steps. */
export const someHistory: fc.Arbitrary<History> = weighted(
  [1, historyOf("calm", calm)],
  [1, historyOf("lossy", lossy)],
  [1, historyOf("steady", steady)],
  [3, historyOf("wild", wild)],
);

function historyOf(kind: HistoryKind, step: Steps): fc.Arbitrary<History> {
  const isSimple = kind === "calm" || kind === "lossy";
  const isWild = kind === "wild";
  const client = isSimple ? fullClient : anyClient;
  const clients = fc.array(client, { minLength: 2, maxLength: 4, size: "max" });
  const withPair = clients.map((all) => [...pair, ...all.slice(0, 2)]);
  return fc.record({
    kind: fc.constant(kind),
    clients: isSimple ? clients : weighted([3, clients], [1, withPair]),
    startsWith: isSimple ? fc.constant(4) : fc.integer({ min: 1, max: 4 }),
    pullerCount: isWild ? anyCount : fc.constant("right"),
    isAuthentic: fc.boolean(),
    hasTornPuts: fc.boolean(),
    hasRaces: isWild ? fc.boolean() : fc.constant(false),
    steps: fc.array(step, { maxLength: 40, size: "max" }),
    order: fc.nat(),
  });
}

function weighted<T>(
  ...all: readonly (readonly [weight: number, arbitrary: fc.Arbitrary<T>])[]
): fc.Arbitrary<T> {
  return fc.oneof(...all.map(([weight, arbitrary]) => ({ weight, arbitrary })));
}

function often<T>(weight: number, common: T, rare: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return weighted([weight, fc.constant(common)], [1, rare]);
}
