import assert from "node:assert/strict";
import { parseAddress } from "../../lib/config/address.ts";
import { parseIni } from "../../lib/config/ini.ts";
import { OPTIONS } from "../../lib/config/options.ts";
import { parseValue } from "../../lib/config/values.ts";
import { readStatus } from "../../lib/daemon/status_file.ts";
import type { StatusDocument } from "../../lib/daemon/status.ts";
import { resourceOf } from "../../lib/local/_state_rows.ts";
import { formatModifiers, parseAccessWords } from "../../lib/local/access_words.ts";
import { utf8 } from "../support/byte_streams.ts";
import { readGolden } from "../support/golden.ts";
import { escale, nothing, type Parser } from "./fuzz_run.ts";

const HOME = "/home/me";

const ini: Parser = {
  name: "configuration",
  seeds: Object.values(readGolden<Record<string, { text: string }>>("configs.json"))
    .map(({ text }) => utf8(text)),
  mayThrow: nothing,
  read(input) {
    const { globals, sections, problems } = parseIni(new TextDecoder().decode(input));
    for (const { name, value, line } of [...globals, ...sections.flatMap((it) => it.entries)]) {
      assert.ok(name !== "" && name === name.trim() && line > 0);
      for (const option of OPTIONS) {
        if (!option.names.includes(name)) continue;
        const parsed = parseValue(option.type, value, { home: HOME, folder: HOME });
        if ("problem" in parsed) assert.ok(parsed.problem !== "");
      }
    }
    for (const { line, text } of problems) assert.ok(line > 0 && !/[\p{Cc}\u202e]/u.test(text));
  },
};

const addresses: Parser = {
  name: "addresses",
  seeds: Object.keys(
    readGolden<{ multi_path: Record<string, unknown> }>("addresses.json").multi_path,
  )
    .map(utf8),
  mayThrow: nothing,
  read(input, dice) {
    const text = new TextDecoder().decode(input);
    const { host } = parseAddress(text, { home: HOME, isMultiPath: dice.once(2) });
    if (host?.startsWith("~/")) assert.ok(!text.startsWith("~/"));
  },
};

const accessWords: Parser = {
  name: "access modifiers",
  seeds: ["f r+w-", "a b/c.txt r? w+", "rw f", "r- r", "w-", "r+ w- x"].map(utf8),
  mayThrow: escale("usage"),
  read(input) {
    const { change } = parseAccessWords(new TextDecoder().decode(input).split(" "));
    const { read = undefined, write = undefined } = change;
    formatModifiers({ read: read ?? undefined, write: write ?? undefined });
  },
};

const STATUS: StatusDocument = {
  ...{ version: 1, configFile: "/home/me/escale.conf", pid: 17, startedMs: 1, atMs: 2, args: [] },
  clients: [{
    ...{ name: "photos", clientName: "laptop", localPath: "/home/me/photos", state: "idle" },
    ...{ sinceMs: 1, heardMs: 2, restarts: 0, pushed: 1, pulled: 2, transfers: [], problems: [] },
    problemCount: 0,
  }],
};
const status: Parser = {
  name: "status file",
  isCostly: true,
  seeds: [utf8(`${JSON.stringify(STATUS)}\n`)],
  mayThrow: nothing,
  read(input) {
    const file = `${folder()}/status.json`;
    Deno.writeFileSync(file, input);
    const document = readStatus(file);
    if (document !== undefined) assert.ok(Array.isArray(document.clients));
  },
};

const AGREED = {
  ...{ id: "ab", digest: "cd", base: ["ef"], pusher: "Zoé", timeS: 1_600_000_000, byPull: true },
  pullers: ["B", "C d"],
};
const stateRows: Parser = {
  name: "rows of the state",
  seeds: [JSON.stringify(AGREED), '["ab","cd"]', "{}", "[]", "null"].map(utf8),
  mayThrow: nothing,
  read(input) {
    const text = new TextDecoder().decode(input);
    const { agreed, intended } = resourceOf({ agreed: text, intended: text, digest: text });
    assert.ok(intended.every((it) => typeof it === "string"));
    if (agreed === undefined) return;
    for (const it of [agreed.id, agreed.digest, agreed.pusher, ...agreed.base, ...agreed.pullers]) {
      assert.equal(typeof it, "string");
    }
  },
};

/** What is read of the user's own files and words. */
export const CONFIG_PARSERS: readonly Parser[] = [ini, addresses, accessWords, status, stateRows];

let madeFolder: string | undefined;

function folder(): string {
  madeFolder ??= makeFolder();
  return madeFolder;
}

/** Removes what the parsers have written. */
export function removeFolder(): void {
  if (madeFolder !== undefined) Deno.removeSync(madeFolder, { recursive: true });
  madeFolder = undefined;
}

/** In memory where the system has such a place. */
function makeFolder(): string {
  try {
    return Deno.makeTempDirSync({ dir: "/dev/shm" });
  } catch {
    return Deno.makeTempDirSync();
  }
}
