import type { History, Step } from "./world_history.ts";
import { run } from "./world_run.ts";

const edit = (by: number, file: number): Step => ({
  kind: "edit",
  by,
  file,
  time: "now",
  isLarge: false,
});
const round = (by: number): Step => ({ kind: "round", by });
const PLAIN = {
  modes: ["shared", "shared"],
  layout: "placeholders",
  isEncrypted: false,
  hasLegacyPeers: false,
  storage: "best",
} as const satisfies Omit<History, "steps">;

/** Histories that once ended badly, as {@linkcode run} found them. */
const HISTORIES: Readonly<Record<string, History>> = {
  "a record that was read short is read again": {
    ...PLAIN,
    steps: [edit(0, 0), round(0), edit(1, 0), round(1), { kind: "fault", by: 0, at: 2, fault: 7 }],
  },
};

for (const [claim, history] of Object.entries(HISTORIES)) {
  Deno.test(`in a simulated world ${claim}`, () => run(history));
}
