/**
 * Writes `lib/archive/_bzip2_wasm.ts` anew from the pinned package: `deno task embed`. The registry of modules takes no
 * module that imports bytes. `tests/embed_test.ts` fails while the two differ.
 */
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** The library as the package has it. */
export function packagedBzip2(): Uint8Array {
  const url = import.meta.resolve("bzip2-wasm/bzip2-1.0.8/bzip2.wasm");
  return Deno.readFileSync(fileURLToPath(url));
}

function moduleText(wasm: Uint8Array): string {
  const data = gzipSync(wasm, { level: 9 }).toBase64();
  return `// deno-fmt-ignore-file -- written by "deno task embed" from the package bzip2-wasm
/**
 * libbz2 1.0.8 as WebAssembly, compressed by gzip, in base64. Copyright 1996-2019 Julian R Seward; its licence stands in
 * the file LICENSE.
 */
export const BZIP2_WASM_GZIP_BASE64: string = "${data}";
`;
}

if (import.meta.main) {
  const file = new URL("../lib/archive/_bzip2_wasm.ts", import.meta.url);
  Deno.writeTextFileSync(file, moduleText(packagedBzip2()));
}
