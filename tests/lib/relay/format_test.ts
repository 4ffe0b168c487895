import assert from "node:assert/strict";

import { cipherSecret } from "../../../lib/crypto/cipher.ts";
import { deriveKey, SEAL_PURPOSE } from "../../../lib/crypto/keys.ts";
import { parseRelativePath } from "../../../lib/path.ts";
import { sealWith } from "../../../lib/relay/checksum.ts";
import { formatLock, parseLock } from "../../../lib/relay/lock_text.ts";
import { formatRecord, parseRecord } from "../../../lib/relay/metadata.ts";
import { blocksOf } from "../../readme.ts";

const root = new URL("../../../", import.meta.url);
const format = Deno.readTextFileSync(new URL("lib/relay/FORMAT.md", root));

Deno.test("FORMAT.md's examples are read and written as they stand", () => {
  const texts = blocksOf(format).map(({ text }) => text);
  const record = texts.find((text) => text.startsWith("placeholder%")) ?? "";
  assert.equal(formatRecord(parseRecord(record)), record);
  const passphrase = /`([\w=]{44})`/.exec(format)?.[1] ?? "";
  const secret = cipherSecret("fernet", new TextEncoder().encode(passphrase));
  const sealer = sealWith(deriveKey(secret, SEAL_PURPOSE));
  assert(sealer.isValid(parseRelativePath("dir/name"), parseRecord(record)));
  const lock = texts.find((text) => text.startsWith("lock%")) ?? "";
  const { owner = "", mode = "r", nonce = "", beat = 0 } = parseLock(lock);
  assert.equal(formatLock({ owner, mode, nonce, beat }), lock);
});

Deno.test("FORMAT.md has the sections that the code names", () => {
  const headings = new Set([...format.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading));
  const named = new Set<string>();
  for (const path of sourcesBelow("lib/")) {
    const text = Deno.readTextFileSync(new URL(path, root));
    for (const [reference] of text.matchAll(/FORMAT\.md(, "[^"]+")+/g)) {
      for (const [, name = ""] of reference.matchAll(/"([^"]+)"/g)) named.add(name);
    }
  }
  assert(named.size >= 4, [...named].join(", "));
  for (const name of named) assert(headings.has(name), `no section "${name}"`);
});

function* sourcesBelow(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, root))) {
    if (isDirectory) yield* sourcesBelow(`${folder}${name}/`);
    else if (name.endsWith(".ts")) yield folder + name;
  }
}
