import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { BZIP2_WASM_GZIP_BASE64 } from "../lib/archive/_bzip2_wasm.ts";
import { packagedBzip2 } from "./embed.ts";

Deno.test("the embedded libbz2 is that of the pinned package", () => {
  const embedded = gunzipSync(Uint8Array.fromBase64(BZIP2_WASM_GZIP_BASE64));
  assert.deepEqual(new Uint8Array(embedded), packagedBzip2(), 'run "deno task embed"');
});
