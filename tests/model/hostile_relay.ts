/** What somebody who can write to a relay's folder may plant there. */

/** A planted object; the name is relative to the relay's folder. */
export type Planted =
  | { readonly name: string; readonly text: string | Uint8Array }
  | { readonly name: string; readonly sparseBytes: number }
  | { readonly name: string; readonly link: string }
  | { readonly name: string; readonly kind: "folder" | "pipe" | "socket" | "device" };

const RECORD = "placeholder%1.0\npusher: eve\ntimestamp: 1700000000\n";
const LOCK = "lock%1.0\nowner: eve\nmode: w\n";
const SUM = "ab".repeat(64);

/** Records that are malformed, or well-formed and absurd. */
export const RECORDS: Readonly<Record<string, string | Uint8Array>> = {
  "empty": "",
  "blank": "\n\n\r\n",
  "nul": "\0\0\0",
  "nul inside": `${RECORD}checksum: ${SUM}\0\n---pullers---`,
  "binary": Uint8Array.from({ length: 5000 }, (_, at) => (at * 167 + 13) % 256),
  "bad utf-8": Uint8Array.of(0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80),
  "header alone": "placeholder%1.0",
  "later header": "placeholder%99.7\ntimestamp: 1",
  "wrong header": "index%1.0\ntimestamp: 1",
  "huge time": "placeholder%1.0\ntimestamp: 99999999999999999999999",
  "last time": "placeholder%1.0\npusher: eve\ntimestamp: 8640000000000\n---pullers---",
  "first time": "placeholder%1.0\npusher: eve\ntimestamp: -8640000000000\n---pullers---",
  "time of text": "placeholder%1.0\ntimestamp: 0x10",
  "time not a number": "placeholder%1.0\ntimestamp: NaN",
  "fraction": "placeholder%1.0\ntimestamp: 1e9",
  "negative size": `${RECORD}checksum: ${SUM}\nsize: -1`,
  "huge size": `${RECORD}checksum: ${SUM}\nsize: 9007199254740993`,
  "wrong size": `${RECORD}checksum: ${SUM}\nsize: 5\n---pullers---`,
  "huge expected": `${RECORD}checksum: ${SUM}\nexpected: 4000000000`,
  "negative expected": `${RECORD}checksum: ${SUM}\nexpected: -5`,
  "no hexadecimal": `${RECORD}checksum: ../../etc/passwd`,
  "long checksum": `${RECORD}checksum: ${"ab".repeat(20_000)}`,
  "odd checksum": `${RECORD}checksum: a`,
  "prototype": `${RECORD}checksum: ${SUM}\nalgorithm: __proto__\n__proto__: x\nconstructor: y`,
  "keyed": `${RECORD}checksum: ${"ab".repeat(32)}\nalgorithm: sha512-keyed`,
  "program": `${RECORD}checksum: ${SUM}\nalgorithm: $(touch /tmp/x) ; rm -rf *`,
  "base": `${RECORD}checksum: ${SUM}\nbase: ${"ab ".repeat(20_000)}`,
  "pusher with a path": `placeholder%1.0\npusher: ../../../eve\nchecksum: ${SUM}\n---pullers---`,
  "pusher of control characters":
    `placeholder%1.0\npusher: \x1b[31m\x07\u202e\nchecksum: ${SUM}\n---pullers---`,
  "long pusher": `placeholder%1.0\npusher: ${"e".repeat(60_000)}\nchecksum: ${SUM}\n---pullers---`,
  "colon": `placeholder%1.0\npusher: a:b\nchecksum: ${SUM}`,
  "section": `${RECORD}checksum: ${SUM}\n---evil---\nx`,
  "many sections": `${RECORD}checksum: ${SUM}\n${"---pullers---\n".repeat(4000)}`,
  "many pullers": `${RECORD}checksum: ${SUM}\n---pullers---\n${"p\n".repeat(32_000)}`,
  "other pullers": `${RECORD}checksum: ${SUM}\n---pullers---\n${
    Array.from({ length: 9000 }, (_, at) => at).join("\n")
  }`,
  "seal": `${RECORD}checksum: ${SUM}\nseal: 00`,
  "too long": `${RECORD}---pullers---\n${"p\n".repeat(40_000)}`,
};

/** Locks of the same kinds. */
export const LOCKS: Readonly<Record<string, string | Uint8Array>> = {
  "empty": "",
  "nul": "\0",
  "binary": Uint8Array.from({ length: 3000 }, (_, at) => (at * 31 + 7) % 256),
  "header alone": "lock%1.0",
  "later header": "lock%9.9\nowner: eve",
  "owner with a path": LOCK.replace("eve", "../../eve"),
  "owner of control characters": LOCK.replace("eve", "\x1b[2J\u202e"),
  "other mode": LOCK.replace("mode: w", "mode: x"),
  "long nonce": `${LOCK}nonce: ${"0".repeat(60_000)}`,
  "huge beat": `${LOCK}nonce: 1\nbeat: 99999999999999999999`,
  "two lines": "eve\nmallory",
  "no value": "lock%1.0\nowner",
  "in another's name": LOCK.replace("eve", "B") + "nonce: 1",
  "too long": LOCK + "x: y\n".repeat(20_000),
};

/** Everything but names that no text can hold; `outside` is a folder that nobody may touch. */
export function hostileObjects(outside: string): Planted[] {
  const planted: Planted[] = [];
  for (const [name, text] of Object.entries(RECORDS)) {
    planted.push({ name: `r/.${name}.placeholder`, text }, { name: `r/${name}`, text: "planted" });
    planted.push({ name: `alone/.${name}.placeholder`, text });
  }
  for (const [name, text] of Object.entries(LOCKS)) {
    planted.push({ name: `l/.${name}.lock`, text }, { name: `l/${name}`, text: "planted" });
  }
  const record = `${RECORD}checksum: ${SUM}\n---pullers---`;
  for (const kind of ["folder", "pipe", "socket", "device"] as const) {
    planted.push(
      { name: `k/${kind} content`, kind },
      { name: `k/.${kind} content.placeholder`, text: record },
      { name: `k/.${kind} record.placeholder`, kind },
      { name: `k/${kind} record`, text: "planted" },
      { name: `k/.${kind} lock.lock`, kind },
      { name: `k/${kind} lock`, text: "planted" },
      // The one of a client that has such a file.
      { name: `k/.good ${kind}.placeholder`, kind },
      { name: `k/.good lock ${kind}.lock`, kind },
      { name: `k/good content ${kind}`, kind },
    );
  }
  planted.push(
    { name: "s/link", link: `${outside}/secret` },
    { name: "s/.link.placeholder", text: record },
    { name: "s/.linked record.placeholder", link: `${outside}/record` },
    { name: "s/linked record", text: "planted" },
    { name: "s/.linked lock.lock", link: `${outside}/lock` },
    { name: "s/folder", link: outside },
    { name: "s/loop", link: "loop" },
    { name: "s/.loop.placeholder", link: ".loop.placeholder" },
    { name: "s/.dangling.placeholder", link: "nothing" },
    { name: "s/good link", link: `${outside}/secret` },
    { name: "s/.good linked record.placeholder", link: `${outside}/record` },
    { name: "s/.good linked lock.lock", link: `${outside}/lock` },
    { name: "h/.huge record.placeholder", sparseBytes: 2 ** 30 },
    { name: "h/huge record", text: "planted" },
    { name: "h/.huge lock.lock", sparseBytes: 2 ** 30 },
    { name: "h/.huge content.placeholder", text: `${record.replace("---", "size: 5\n---")}` },
    { name: "h/huge content", sparseBytes: 2 ** 40 },
  );
  const strange = [
    ...[".lock", ".placeholder", "..lock", "...placeholder", ".x", ".git/config", ".a/.b.lock"],
    ...["n/..x.placeholder", "n/.y.placeholder.placeholder", "n/.lock.lock", "n/..lock.lock"],
    ...["n/new\nline", "n/\x1b[31mred", "n/\u202etxt.exe", "n/tab\t", "n/ blank ", "n/C:\\x"],
    ...["n/..\\..\\up", "n/~", "n/$(touch x)", "n/-rf", "n/*", "n/%2e%2e%2f", "n/con", "n/a:b"],
    ...[`n/${"x".repeat(255)}`, `n/${"y".repeat(243)}`, `n/${"ü".repeat(120)}`, "n/\ufffd"],
    ...[`${"deep/".repeat(120)}f`, `${`${"w".repeat(200)}/`.repeat(15)}f`],
    ...[".escale-0123456789abcdef.tmp", "n/.escale-01234567-0123456789ab.tmp"],
  ];
  for (const name of strange) planted.push({ name, text: "planted" });
  return planted;
}

/** Plants objects in a folder; what this system does not allow is left out. @returns how many stand */
export function plant(folder: string, objects: readonly Planted[]): number {
  let count = 0;
  for (const object of objects) {
    const place = `${folder}/${object.name}`;
    Deno.mkdirSync(place.slice(0, place.lastIndexOf("/")), { recursive: true });
    if ("text" in object) {
      const { text } = object;
      Deno.writeFileSync(place, typeof text === "string" ? new TextEncoder().encode(text) : text);
    } else if ("sparseBytes" in object) {
      Deno.writeFileSync(place, new Uint8Array());
      Deno.truncateSync(place, object.sparseBytes);
    } else if ("link" in object) {
      Deno.symlinkSync(object.link, place);
    } else if (!makeSpecial(place, object.kind)) {
      continue;
    }
    count++;
  }
  return count;
}

function makeSpecial(place: string, kind: "folder" | "pipe" | "socket" | "device"): boolean {
  switch (kind) {
    case "folder":
      Deno.mkdirSync(place);
      return true;
    case "pipe":
      return runs("mkfifo", [place]);
    case "device":
      return runs("mknod", [place, "c", "1", "5"]);
    case "socket": {
      // Closing the socket takes its first name away.
      const listener = Deno.listen({ transport: "unix", path: `${place}.1` });
      Deno.linkSync(`${place}.1`, place);
      listener.close();
      return true;
    }
    default:
      return kind satisfies never;
  }
}

/** A path longer than any call takes, made of two halves. */
export function plantLongPath(folder: string): void {
  const half = `${"z".repeat(200)}/`.repeat(12);
  for (const name of ["long", "end"]) {
    Deno.mkdirSync(`${folder}/${name}/${half}`, { recursive: true });
  }
  Deno.writeTextFileSync(`${folder}/end/${half}f`, "planted");
  Deno.renameSync(`${folder}/end`, `${folder}/long/${half}end`);
}

/** Names that are no Unicode, made by a shell. */
export function plantByShell(folder: string): boolean {
  const script = [
    "mkdir bytes && cd bytes",
    `printf x > "$(printf 'bad\\377name')"`,
    `printf x > "$(printf '.bad\\377name.placeholder')"`,
    `mkdir "$(printf 'bad\\377folder')" && printf x > "$(printf 'bad\\377folder/f')"`,
  ];
  return runs("sh", ["-c", script.join("\n")], folder);
}

function runs(command: string, args: readonly string[], cwd?: string): boolean {
  try {
    const options = cwd === undefined ? {} : { cwd };
    return new Deno.Command(command, { args: [...args], ...options }).outputSync().success;
  } catch {
    return false;
  }
}
