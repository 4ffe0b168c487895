import { World } from "./support/engine.ts";
import { makeSection } from "./support/sections.ts";
import { TestClient } from "./support/engine.ts";
import { openFile } from "../backends/file/mod.ts";
const [step, n] = [Deno.args[0], Number(Deno.args[1])];
const root = "/dev/shm/idx-bench";
const section = makeSection({ name: "A", clientName: "A", localPath: `${root}/A`, statePath: `${root}/state/A.db`,
  relay: { ...makeSection().relay, folder: `${root}/relay` }, index: { kind: "pages", depth: 0 }, compression: "zstd", legacyPeers: false });
const a = new TestClient(section, { openBackend: openFile, clock: { uptimeS: 1e6 } });
let t = performance.now();
const lap = (w: string) => { console.log(w, Math.round(performance.now() - t), "ms", Math.round(Deno.memoryUsage().rss/1e6), "MB rss", Math.round(Deno.memoryUsage().heapUsed/1e6)); t = performance.now(); };
if (step === "make") {
  for (const f of ["A", "relay", "state"]) Deno.mkdirSync(`${root}/${f}`, { recursive: true });
  for (let i = 0; i < n; i++) { if (i % 1000 === 0) Deno.mkdirSync(a.pathOf(`d${i/1000}`), {recursive:true}); Deno.writeFileSync(a.pathOf(`d${Math.floor(i/1000)}/file ${i}`), new TextEncoder().encode(String(i))); }
  lap("made");
  await using s = await a.open();
  await s.round(); lap("push");
  for (const e of Deno.readDirSync(`${root}/relay`)) if (/\d{5,}/.test(e.name)) Deno.removeSync(`${root}/relay/${e.name}`);
} else {
  await using s = await a.open(); lap("open");
  for (let i = 0; i < 4; i++) { const r = await s.round(); (globalThis as any).gc?.(); lap(`round ${JSON.stringify(r.tally)}`); }
}
