import type { TestClient } from "../support/engine.ts";
import type { VirtualTime } from "../support/virtual_time.ts";
import type { EditTime } from "./world_history.ts";
import type { Departed } from "./world_oracle.ts";
import { canStand, readIfThere, shown, TYPED } from "./world_things.ts";

const LARGE_BYTES = 300_000;

/** What users do in the folders of their clients, and what of it must not be lost. */
export class Users {
  /** Contents that nobody who had them has replaced or deleted. */
  readonly alive: Set<string> = new Set();
  /** A name has been a file for one and a folder for another. */
  isTorn = false;
  readonly #departed = new Map<TestClient, Departed>();
  readonly #time: VirtualTime;
  readonly #say: (line: string) => void;
  #made = 0;

  constructor(time: VirtualTime, say: (line: string) => void) {
    this.#time = time;
    this.#say = say;
  }

  /** What the client's user took away. */
  departedOf(client: TestClient): Departed {
    const departed = this.#departed.get(client) ?? { paths: new Set(), contents: new Set() };
    this.#departed.set(client, departed);
    return departed;
  }

  /** Writes a new content in place. */
  edit(
    client: TestClient,
    path: string,
    { time, isLarge }: { readonly time: EditTime; readonly isLarge: boolean },
  ): void {
    if (!canStand(client, path)) return;
    const place = client.pathOf(path);
    const old = readIfThere(place);
    const nowS = this.#time.nowMs / 1000;
    const oldTimeS = old === undefined
      ? nowS
      : (Deno.lstatSync(place).mtime?.getTime() ?? 0) / 1000;
    const made = `${client.section.name}${String(++this.#made).padStart(4, "0")}`;
    const content = isLarge ? made.padEnd(LARGE_BYTES, made) : made;
    if (old !== undefined) this.#giveUp(client, old);
    this.alive.add(content);
    client.write(
      path,
      content,
      time === "same" ? oldTimeS : time === "older" ? oldTimeS - 1000 : nowS,
    );
    this.#time.touched(place);
    this.#say(`    ${path} is ${made}, was ${shown(old)}`);
  }

  delete(client: TestClient, path: string): void {
    const tree = client.tree();
    const old = tree[path];
    // A repository without any file would stop its client.
    if (old === undefined || Object.keys(tree).length < 2) return;
    this.#giveUp(client, old, path);
    client.remove(path);
    this.#say(`    ${path} was ${shown(old)}`);
  }

  rename(client: TestClient, from: string, to: string): void {
    const tree = client.tree();
    const [moved, replaced] = [tree[from], tree[to]];
    if (moved === undefined || from === to || !canStand(client, to)) return;
    if (to.startsWith(`${from}/`)) return;
    if (replaced !== undefined) this.#giveUp(client, replaced);
    const folder = client.pathOf(to).replace(/\/[^/]*$/, "");
    Deno.mkdirSync(folder, { recursive: true });
    Deno.renameSync(client.pathOf(from), client.pathOf(to));
    this.departedOf(client).paths.add(from);
    this.#say(`    ${shown(moved)}, over ${shown(replaced)}`);
  }

  retype(client: TestClient): void {
    const path = TYPED;
    this.isTorn = true;
    const place = client.pathOf(path);
    const tree = client.tree();
    const inside = Object.keys(tree).filter((name) => name.startsWith(`${path}/`));
    if (tree[path] !== undefined) {
      this.#giveUp(client, tree[path], path);
      Deno.removeSync(place);
      this.edit(client, `${path}/u`, { time: "now", isLarge: false });
    } else if (inside.length > 0) {
      for (const name of inside) this.#giveUp(client, tree[name] ?? "", name);
      Deno.removeSync(place, { recursive: true });
      this.edit(client, path, { time: "now", isLarge: false });
    }
  }

  /** A user replaced a content, or deleted it from `path`. */
  #giveUp(client: TestClient, content: string, path?: string): void {
    this.alive.delete(content);
    const departed = this.departedOf(client);
    departed.contents.add(content);
    if (path !== undefined) departed.paths.add(path);
  }
}
