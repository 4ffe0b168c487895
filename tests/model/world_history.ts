import fc from "fast-check";
import type { Mode } from "../../lib/config/section.ts";
import type { Loss, When } from "../support/mortal_disk.ts";

/** What happens to a few clients around one relay, in order. */
export interface History {
  readonly modes: readonly Mode[];
  readonly layout: "placeholders" | "one page" | "pages of folders";
  readonly isEncrypted: boolean;
  readonly hasLegacyPeers: boolean;
  /** How good the storage is. */
  readonly storage: "best" | "without tags" | "replacing in two steps" | "exclusive folders only";
  readonly steps: readonly Step[];
}

/** The time that a written file has: of now, that of the file before, or long ago. */
export type EditTime = "now" | "same" | "older";

/** Something that happens. `by` and `file` are numbers, taken modulo how many there are. */
export type Step =
  /** A user writes a file in place: by default of the same size always. */
  | {
    readonly kind: "edit";
    readonly by: number;
    readonly file: number;
    readonly time: EditTime;
    readonly isLarge: boolean;
  }
  | { readonly kind: "rename"; readonly by: number; readonly file: number; readonly to: number }
  | { readonly kind: "delete"; readonly by: number; readonly file: number }
  /** A file becomes a folder with a file in it, or a folder becomes a file: always the same one. */
  | { readonly kind: "retype"; readonly by: number }
  | { readonly kind: "round"; readonly by: number }
  /** Two clients run a round at the same time; each relay call waits so many turns, over and over. */
  | { readonly kind: "together"; readonly by: number; readonly waits: readonly number[] }
  /** A user writes a file while the own client runs a round, at that call to the disk or the relay. */
  | {
    readonly kind: "edit-during";
    readonly by: number;
    readonly file: number;
    readonly at: number;
    readonly when: When;
  }
  /** The client dies at that call to the disk or the relay. */
  | {
    readonly kind: "kill";
    readonly by: number;
    readonly at: number;
    readonly when: When;
    readonly loss: Loss;
  }
  /** That relay call of a round goes wrong, with fault number `fault`. */
  | { readonly kind: "fault"; readonly by: number; readonly at: number; readonly fault: number }
  | { readonly kind: "restart" | "forget"; readonly by: number }
  | { readonly kind: "wait"; readonly seconds: number };

const by = fc.nat(3);
const file = fc.nat(30);
const when = fc.constantFrom<When>("before", "after");
const time = weighted<EditTime>([4, "now"], [2, "same"], [1, "older"]);

const someStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 14,
    arbitrary: fc.record({
      kind: fc.constant("edit"),
      by,
      file,
      time,
      isLarge: weighted([40, false], [1, true]),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("rename"), by, file, to: file }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete"), by, file }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("retype"), by }) },
  { weight: 14, arbitrary: fc.record({ kind: fc.constant("round"), by }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("together"),
      by,
      waits: fc.array(fc.nat(3), { minLength: 1, maxLength: 8 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("edit-during"),
      by,
      file,
      at: fc.integer({ min: 1, max: 40 }),
      when,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("kill"),
      by,
      at: fc.integer({ min: 1, max: 40 }),
      when,
      loss: fc.constantFrom<Loss>("nothing", "contents", "all"),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("fault"),
      by,
      at: fc.integer({ min: 1, max: 24 }),
      fault: fc.nat(30),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("restart", "forget"), by }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("wait"), seconds: fc.constantFrom(1, 3, 40, 400) }),
  },
);

/** Two clients at least pull, so that nobody pushes for nobody. */
const MODES: readonly (readonly Mode[])[] = [
  ["shared", "shared"],
  ["shared", "shared", "shared"],
  ["shared", "shared", "shared", "shared"],
  ["upload", "download", "download"],
  ["upload", "shared", "download"],
  ["upload", "upload", "shared", "shared"],
  ["shared", "shared", "download"],
  ["conservative", "shared", "shared"],
  ["conservative", "conservative", "shared"],
  ["conservative", "upload", "shared", "download"],
];

/** Histories of 2 to 4 clients and up to 40 steps. */
export const someHistory: fc.Arbitrary<History> = fc.record({
  modes: fc.constantFrom(...MODES),
  layout: fc.constantFrom("placeholders", "one page", "pages of folders"),
  isEncrypted: weighted([2, false], [1, true]),
  hasLegacyPeers: fc.boolean(),
  storage: fc.constantFrom(
    "best",
    "without tags",
    "replacing in two steps",
    "exclusive folders only",
  ),
  steps: fc.array(someStep, { minLength: 4, maxLength: 40, size: "max" }),
});

function weighted<T>(...all: readonly (readonly [number, T])[]): fc.Arbitrary<T> {
  return fc.oneof(
    ...all.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })),
  );
}
