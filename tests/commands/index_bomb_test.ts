import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { compressBytes, type Compression } from "../../lib/archive/codec.ts";
import { packTar } from "../../lib/archive/tar.ts";
import { parseRelativePath } from "../../lib/path.ts";
import { usageOf } from "../bench/measure.ts";
import { endlessStream } from "../support/byte_streams.ts";
import { filesBelow, Yard, type YardClient } from "./_yard.ts";

/** What somebody who can write to a relay may make of its index layout: little that becomes very much. */

const BOMB_BYTES = 10_000_000_000;
const UNIT = new Uint8Array(10_000_000);
/** More by hand; `tests/model/results/sizes.txt` has what came out. */
const NAMES = Number(Deno.env.get("ESCALE_NAMES") ?? 20_000);
const PEAK_MIB = 200;

/** Compresses more tightly than a client of ours does. */
async function pack(content: Uint8Array, compression: Compression): Promise<Uint8Array> {
  if (compression === "gzip") return gzipSync(content, { level: 9 });
  return await compressBytes(content, { compression });
}

/** `start`, then ten gigabytes of zeros: streams which a reader joins. */
async function bomb(start: Uint8Array, compression: Compression): Promise<Uint8Array> {
  const unit = await pack(UNIT, compression);
  const units = Array.from({ length: BOMB_BYTES / UNIT.length }, () => unit);
  const parts = [await pack(start, compression), ...units].map((part) => new Uint8Array(part));
  return await new Blob(parts).bytes();
}

/** The start of an archive up to its content, of which it says that it has so many bytes. */
async function archiveStart(sizeBytes: number): Promise<Uint8Array> {
  const member = {
    ...{ path: parseRelativePath("f"), sizeBytes, timeS: 1_600_000_000 },
    open: () => endlessStream(sizeBytes, new Uint8Array(65_536)),
  };
  // What eight gigabytes or more have is said in an extended header.
  const headerBytes = sizeBytes < 8 * 1024 ** 3 ? 512 : 1536;
  for await (const chunk of packTar([member])) return chunk.slice(0, headerBytes);
  return assert.fail("the archive has no start");
}

/** A relay on which A has pushed "f" for B. */
class Scene implements AsyncDisposable {
  readonly #yard = new Yard();
  readonly b: YardClient = this.#yard.client("B", ["index = yes"]);

  async push(): Promise<void> {
    const a = this.#yard.client("A", ["index = yes"]);
    a.write("f", "good");
    assert.equal(await a.once(), 0, a.output);
  }

  pathOf(pattern: RegExp): string {
    const name = filesBelow(this.#yard.relay).find((it) => pattern.test(it));
    return `${this.#yard.relay}/${name ?? assert.fail(`no ${pattern}`)}`;
  }

  /** Takes the size out of the update's index, as 0.7 writes none. */
  forgetSize(): void {
    const index = this.pathOf(/\d{5,}\.index$/);
    const text = Deno.readTextFileSync(index).replace(/^size: .*\n/m, "");
    const length = text.length - text.indexOf("\n") - 1;
    Deno.writeTextFileSync(index, text.replace(/^f \d+/, `f ${length}`));
  }

  /** Runs B once and gives the most memory that it took. */
  async pull(): Promise<number> {
    const { b } = this;
    b.start(["--once"]);
    let peakMiB = 0;
    const timer = setInterval(() => {
      try {
        peakMiB = Math.max(peakMiB, usageOf(b.pid).peakMiB || 0);
      } catch (cause) {
        // Between its end and the news of it there is nothing to look at.
        if (!(cause instanceof Deno.errors.NotFound)) throw cause;
      }
    }, 10);
    try {
      assert.ok([0, 3].includes(await b.ended()), b.output);
      return peakMiB;
    } finally {
      clearInterval(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#yard[Symbol.asyncDispose]();
  }
}

const linux = { ignore: Deno.build.os !== "linux" };

for (const compression of ["bz2", "zstd", "gzip"] as const) {
  const cases: readonly [name: string, hasSize: boolean, sizeBytes: number, told: RegExp][] = [
    ["a file larger than its record says", true, BOMB_BYTES, /Refused the update ".*\.data"/],
    ["a file of a record without a size", false, BOMB_BYTES, /Refused the update .* "f" its files/],
    ["more than the archive's files", true, 4, /Refused the (update|content)/],
  ];
  for (const [name, hasSize, sizeBytes, told] of cases) {
    Deno.test(
      `ten gigabytes in an update are refused by name: ${name} (${compression})`,
      linux,
      async () => {
        await using scene = new Scene();
        await scene.push();
        if (!hasSize) scene.forgetSize();
        const start = await archiveStart(sizeBytes);
        Deno.writeFileSync(scene.pathOf(/\.data$/), await bomb(start, compression));
        const peakMiB = await scene.pull();
        assert.match(scene.b.output, told);
        assert.ok(peakMiB < PEAK_MIB, `${peakMiB} MiB`);
        assert.deepEqual(filesBelow(scene.b.folder), []);
      },
    );
  }

  Deno.test(`ten gigabytes in an index are refused by name (${compression})`, linux, async () => {
    await using scene = new Scene();
    await scene.push();
    const index = await bomb(new TextEncoder().encode("f 0\n"), compression);
    Deno.writeFileSync(scene.pathOf(/^\.0\.index$/), index);
    const peakMiB = await scene.pull();
    assert.match(scene.b.output, /Refused the index "\.0\.index"/);
    assert.ok(peakMiB < PEAK_MIB, `${peakMiB} MiB`);
    assert.equal(scene.b.read("f"), "good", "what the update holds is pulled all the same");
  });
}

Deno.test(
  `an index of ${NAMES} names that nobody has takes memory in proportion`,
  linux,
  async () => {
    await using scene = new Scene();
    await scene.push();
    const record = `placeholder%1.0\npusher: A\ntimestamp: 1600000000\nchecksum: ${
      "ab".repeat(64)
    }\n`;
    const entry = `${record}---pullers---\n`;
    const names = Array.from({ length: NAMES }, (_, at) => `folder ${at % 100}/file ${at}`);
    const text = names.map((name) => `${name} ${entry.length}\n${entry}`).join("");
    const index = await pack(new TextEncoder().encode(text), "zstd");
    Deno.writeFileSync(scene.pathOf(/^\.0\.index$/), index);
    const peakMiB = await scene.pull();
    const line = `index of ${NAMES} names: ${Math.round(peakMiB)} MiB at its peak\n`;
    Deno.stderr.writeSync(new TextEncoder().encode(line));
    assert.equal(scene.b.read("f"), "good");
    assert.ok(peakMiB < PEAK_MIB + NAMES / 150, `${peakMiB} MiB`);
  },
);
