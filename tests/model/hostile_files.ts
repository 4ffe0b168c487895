import assert from "node:assert/strict";
import type { Section } from "../../lib/config/section.ts";
import { type TestClient, World } from "../support/engine.ts";
import { CIPHERS, FERNET, T } from "../lib/sync/_index_world.ts";
import { type Spoiled, spoiledTokens } from "./hostile_archives.ts";
import { checkTold, looksOf, rounds } from "./hostile_oracle.ts";
import { ALL_LOCKS, ALL_NAMES, ALL_RECORDS } from "./hostile_records.ts";

/** A world in which A and B sync, with a folder beside it that nobody may touch. */
class Scene implements Disposable {
  readonly world = new World();
  readonly a: TestClient;
  readonly b: TestClient;
  readonly #outside = `${this.world.root}/outside`;
  readonly #before: readonly string[];

  constructor(options: Partial<Section> = {}) {
    Deno.mkdirSync(this.#outside);
    Deno.writeTextFileSync(`${this.#outside}/secret`, "secret");
    this.#before = looksOf(this.#outside);
    this.a = this.world.client("A", options);
    this.b = this.world.client("B", options);
    this.a.write("good", "good", T);
  }

  /** Both come to rest. @returns the paths that problems were told of */
  async run(): Promise<ReadonlySet<string | undefined>> {
    const told = await rounds(this.world, [this.b, this.a, this.b, this.a, this.b]);
    checkTold(told.map(({ message }) => message));
    assert.deepEqual(looksOf(this.#outside), this.#before);
    const names = [...Deno.readDirSync(this.world.root)].map(({ name }) => name).sort();
    assert.deepEqual(names, ["A", "B", "outside", "relay", "state"]);
    assert.equal(this.b.tree()["good"], "good");
    return new Set(told.map(({ path }) => path));
  }

  /** Each of A's files has come to B as it is, or B was told of it; A has them all. */
  check(files: ReadonlyMap<string, string>, told: ReadonlySet<string | undefined>): void {
    const [mine, came] = [this.a.tree(), this.b.tree()];
    for (const [file, what] of files) {
      assert.ok(Object.values(mine).includes(`of A: ${file}`), `${what}: A has its content`);
      const content = came[file];
      if (content === undefined) assert.ok(told.has(file), `${what}: it is told`);
      else assert.equal(content, `of A: ${file}`, what);
    }
  }

  [Symbol.dispose](): void {
    this.world[Symbol.dispose]();
  }
}

/** Each record in the place of the one of a file that A has pushed; locks beside files that A has yet to push. */
export async function runRecordsAndLocks(): Promise<void> {
  using scene = new Scene();
  const { a, world } = scene;
  const records = new Map(Object.keys(ALL_RECORDS).map((what, at) => [`r${at}`, what]));
  const locks = new Map(Object.keys(ALL_LOCKS).map((what, at) => [`l${at}`, what]));
  for (const file of records.keys()) a.write(file, `of A: ${file}`, T);
  await a.once();
  for (const file of locks.keys()) a.write(file, `of A: ${file}`, T);
  for (const [file, what] of records) put(world, `.${file}.placeholder`, ALL_RECORDS[what]);
  for (const [file, what] of locks) put(world, `.${file}.lock`, ALL_LOCKS[what]);
  const told = await scene.run();
  scene.check(records, told);
  scene.check(locks, told);
}

/** Each name with a content of its own, beside one file of A. @returns how many the disk took */
export async function runNames(): Promise<number> {
  using scene = new Scene();
  const { a, b, world } = scene;
  const planted = ALL_NAMES.filter((name, at) => put(world, `n/${name}`, `planted ${at}`));
  await scene.run();
  for (const [name, content] of [...Object.entries(a.tree()), ...Object.entries(b.tree())]) {
    assert.ok(content === "good" || /^planted \d+$/.test(content), name);
  }
  return planted.length;
}

/** Contents of one cipher. */
export interface CiphertextStates {
  readonly kind: string;
  readonly options: Partial<Section>;
  readonly states: Spoiled;
}

/** Ciphertexts of each cipher. */
export function ciphertextStates(): readonly CiphertextStates[] {
  const { fernet = {}, blowfish = {} } = CIPHERS;
  const passphrase = FERNET.passphrase ?? assert.fail("no key");
  const key = Uint8Array.fromBase64(new TextDecoder().decode(passphrase));
  const other = new TextEncoder().encode("A".repeat(140));
  return [
    { kind: "content (fernet)", options: fernet, states: spoiledTokens({ other, key }) },
    { kind: "content (blowfish)", options: blowfish, states: spoiledTokens({ other }) },
  ];
}

/** Each ciphertext in the place of a content that A has pushed. */
export async function runCiphertexts({ kind, options, states }: CiphertextStates): Promise<void> {
  using scene = new Scene(options);
  const { a, world } = scene;
  const files = new Map(Object.keys(states).map((what, at) => [`c${at}`, `${kind}: ${what}`]));
  for (const file of files.keys()) a.write(file, `of A: ${file}`, T);
  await a.once();
  for (const [at, change] of Object.values(states).entries()) {
    put(world, `c${at}`, change(Deno.readFileSync(world.pathOnRelay(`c${at}`)), `c${at}`));
  }
  scene.check(files, await scene.run());
}

/** Writes an object; false for a name that no file system here takes. */
function put(world: World, name: string, content: string | Uint8Array | undefined): boolean {
  const place = world.pathOnRelay(name);
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  try {
    Deno.mkdirSync(place.slice(0, place.lastIndexOf("/")), { recursive: true });
    Deno.writeFileSync(place, bytes ?? assert.fail(name));
    return true;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotADirectory || cause instanceof assert.AssertionError) {
      throw cause;
    }
    return false;
  }
}
