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
const together = (by: number): Step => ({ kind: "together", by, waits: [0] });
const retype = (by: number): Step => ({ kind: "retype", by });
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
  "a name that is a file and a folder stops no page": {
    ...PLAIN,
    layout: "one page",
    steps: [edit(0, 20), round(0), retype(1), round(1), edit(0, 0), edit(1, 3), round(0), round(1)],
  },
  "a file that has the renamed name of another one here gets its own": {
    ...PLAIN,
    modes: ["conservative", "upload", "shared", "download"],
    layout: "one page",
    steps: [
      ...[edit(0, 20), round(0), together(1), retype(2), together(2), round(2), round(0)],
      ...[retype(0), edit(0, 0), together(0)],
    ],
  },
  "a download client keeps the later version where an uploader goes back to an earlier one": {
    ...PLAIN,
    modes: ["upload", "shared", "download"],
    layout: "pages of folders",
    steps: [
      ...[edit(0, 9), round(0), round(1), edit(1, 2), together(1), round(1)],
      ...[{ kind: "rename", by: 0, file: 0, to: 0 } as const, round(0)],
      ...[{ kind: "rename", by: 1, file: 23, to: 0 } as const, edit(0, 0)],
    ],
  },
};

for (const [claim, history] of Object.entries(HISTORIES)) {
  Deno.test(`in a simulated world ${claim}`, async () => void await run(history));
}
