import assert from "node:assert/strict";
import { dirname } from "node:path";

import { BackendError } from "../../../../backends/backend.ts";
import { openFile } from "../../../../backends/file/mod.ts";
import { loadConfiguration } from "../../../../lib/config/load.ts";
import { exportSection } from "../../../../lib/config/export.ts";
import { systemEnvironment } from "../../../../lib/config/environment.ts";
import { runClient } from "../../../../lib/sync/client.ts";
import { Desk } from "./_wizard.ts";

/** Answers to the questions of a new section on a folder, in their order. */
function answersFor({ relay }: Desk, changes: Readonly<Record<string, string>> = {}): string[] {
  const answers = {
    section: "photos",
    path: "~/photos",
    relay,
    folder: "yes",
    legacy: "no",
    client: "laptop",
    encryption: "yes",
    passphrase: "new",
    ...changes,
  };
  const rest = ["mode", "pullers", "refresh", "quota", "index", "more"];
  return [...Object.values(answers).filter((it) => it !== "left out"), ...rest.map(() => "")];
}

Deno.test("the wizard makes a configuration, its folders and a passphrase that only the user can read", async () => {
  using desk = new Desk();
  const { thrown, result, shown } = await desk.run(answersFor(desk));
  assert.equal(thrown, undefined, shown);
  assert.equal(
    desk.read(desk.config),
    `[photos]
local path = ~/photos
protocol = file
relay path = ${desk.relay}
legacy peers = no
client name = laptop
encryption = fernet
passphrase = ~/.config/escale/photos.key
mode = shared
refresh = 30
`,
  );
  assert.match(desk.read("~/.config/escale/photos.key"), /^[\w-]{43}=$/);
  for (const file of [desk.config, "~/.config/escale/photos.key"]) {
    assert.equal(desk.mode(file), 0o600);
  }
  assert.equal(desk.mode("~/.config/escale"), 0o700);
  assert(Deno.statSync(`${desk.home}/photos`).isDirectory);
  assert.deepEqual([...Deno.readDirSync(desk.relay)], []);
  assert.match(result, /\n {2}escale\n/);
  assert.match(result, /escalectl export photos photos\.escale/);
  assert.match(result, /passphrase ~\/\.config\/escale\/photos\.key/);
  const environment = { ...systemEnvironment(), home: desk.home };
  assert.deepEqual(loadConfiguration(desk.config, { environment }).warnings, []);
});

Deno.test("the wizard leaves all as it was when it is broken off, at any question", async () => {
  using desk = new Desk();
  desk.configure(
    "# mine\nrefresh = 5\n\n[music]\npath = ~/music\nrelay path = /m\nprotocol = file\n",
    0o640,
  );
  const before = desk.tree();
  const answers = answersFor(desk);
  for (let at = 0; at <= answers.length - 1; at++) {
    const { thrown } = await desk.run([...answers.slice(0, at), undefined], { isTerminal: true });
    assert(thrown instanceof DOMException && thrown.name === "AbortError", `question ${at}`);
    assert.deepEqual(desk.tree(), before);
    assert.equal(desk.mode(desk.config), 0o640);
    const ended = await desk.run(answers.slice(0, at));
    assert.match(String(ended.thrown), /standard input has ended/);
    assert.deepEqual(desk.tree(), before);
  }
});

Deno.test("the wizard changes one option of a section and keeps every other byte, and the former file", async () => {
  using desk = new Desk();
  Deno.mkdirSync(desk.relay);
  const text = `# all of them
refresh = 5

[photos]
; where they are
path = ~/photos
protocol = file
relay path = ${desk.relay}   
client = laptop
exclude = *.tmp,
  # between
  *.bak
legacy peers = no
`;
  desk.configure(text, 0o644);
  // All as it is, but for the refresh: this section's own from now on.
  const answers = ["photos", "", "", "", "", "", "", "", "7", "", "", ""];
  const { thrown, shown, result } = await desk.run(answers);
  assert.equal(thrown, undefined, shown);
  assert.equal(desk.read(desk.config), `${text}refresh = 7\n`);
  assert.equal(desk.read(`${desk.config}.before-wizard`), text);
  for (const file of [desk.config, `${desk.config}.before-wizard`]) {
    assert.equal(desk.mode(file), 0o600);
  }
  assert.match(result, /The former one is "~\/\.config\/escale\/escale\.conf\.before-wizard"/);
  assert.match(result, /escalectl reload/);
});

Deno.test("the wizard works without questions, by answers of the command line", async () => {
  using desk = new Desk();
  Deno.mkdirSync(desk.relay);
  const set = [
    "path=~/photos",
    `relay path=${desk.relay}`,
    "encryption=no",
    "client=laptop",
    "quota=2 GB",
    "lock timeout=7200",
  ];
  const options = { section: "photos", set, takesDefaults: true };
  const { thrown, shown } = await desk.run([], options);
  assert.equal(thrown, undefined, shown);
  assert.doesNotMatch(shown, /Folder here/);
  const environment = { ...systemEnvironment(), home: desk.home };
  const [section] = loadConfiguration(desk.config, { environment }).sections;
  assert.equal(section?.lockTimeoutS, 7200);
  assert.equal(section?.quotaBytes, 2 * 1024 ** 3);
  assert.equal(section?.cipher, "off");
  assert.equal(section?.legacyPeers, false);
  const again = await desk.run([], { section: "other", takesDefaults: true });
  assert.match(String(again.thrown), /Folder here.*an answer is needed/);
});

Deno.test("the wizard refuses an answer that it cannot take and changes nothing", async () => {
  const cases: readonly [readonly string[], RegExp][] = [
    [["path=~/p", "relay=nonsense://h/x"], /protocol "nonsense"/],
    [["path=~/p", "relay=ftp://me:secret@h/x"], /password does not belong/],
    [["path=~/p", "relay=~/p/inside", "folder=yes"], /one inside the other/],
    [["path=~/p", "relay=/proc/no/such", "folder=no"], /no folder "\/proc\/no\/such"/],
    [["path=~/p", "relay=./relay", "client=a:b", "encryption=no"], /"a:b".*contains ":"/],
    [["path=~/p", "relay=ftp://h/x", "user=me", "password=secret"], /is no file/],
    [["path=~/p", "relay=./relay", "log file=x", "encryption=no"], /it is for all clients/],
  ];
  for (const [set, expected] of cases) {
    using desk = new Desk();
    const relative = set.map((it) => it.replace("=./relay", `=${desk.relay}`));
    const { thrown, shown } = await desk.run([], {
      section: "p",
      set: relative,
      takesDefaults: true,
    });
    assert.match(String(thrown), expected);
    assert.doesNotMatch(String(thrown) + shown, /secret/);
    assert.deepEqual(desk.tree(), { "/home/": "" });
  }
});

Deno.test("on a terminal a wrong answer is asked for again, and a relay that does not work told and asked anew", async () => {
  using desk = new Desk();
  Deno.mkdirSync(desk.relay);
  const answers = [
    ...["?", "photos", "~someone/photos", "~/photos", "/proc/none", "no", "again"],
    ...[desk.relay, "perhaps", "no", "laptop", "off", "", "", "", "soon", "", "", "no"],
  ];
  const { thrown, shown } = await desk.run(["photos", ...answers.slice(2)], { isTerminal: true });
  assert.equal(thrown, undefined, shown);
  assert.match(shown, /homes of other users are not known/i);
  assert.match(shown, /This does not work: There is no folder "\/proc\/none"/);
  assert.match(shown, /Should be yes or no/);
  assert.match(shown, /should be a size|number and a unit/i);
  assert.match(desk.read(desk.config), /encryption = off|legacy peers = no/);
});

Deno.test("a relay that refuses is told and nothing is saved, unless the user keeps it so", async () => {
  using desk = new Desk();
  const openBackend = () =>
    Promise.reject(new BackendError("denied", "Cannot log in: 530 wrong password"));
  const set = ["path=~/photos", "relay=ftp://h/x", "user=me", "encryption=no"];
  const { thrown } = await desk.run(["pass"], { section: "photos", set, openBackend });
  assert.match(String(thrown), /Cannot use the relay: Cannot log in: 530 wrong password/);
  assert.deepEqual(desk.tree(), { "/home/": "" });
  const kept = await desk.run(["pass", "keep", "no", "laptop", "", "", "", "", ""], {
    ...{ section: "photos", set, openBackend, isTerminal: true },
  });
  assert.equal(kept.thrown, undefined, kept.shown);
  assert.equal(desk.read("~/.config/escale/photos.password"), "me:pass\n");
  assert.equal(desk.mode("~/.config/escale/photos.password"), 0o600);
  assert.match(desk.read(desk.config), /password = ~\/\.config\/escale\/photos\.password/);
  assert.doesNotMatch(desk.read(desk.config), /pass\n.*pass/);
});

Deno.test("an existing section stays byte for byte if all is taken as it is, and its client keeps its name", async () => {
  for (const [hostName, expected] of [["laptop", "laptop"], ["localhost", "p"]] as const) {
    using desk = new Desk();
    Deno.mkdirSync(desk.relay);
    const text = `[p]\npath = ~/p\nprotocol = file\nrelay path = ${desk.relay}\n`;
    desk.configure(text);
    const { thrown } = await desk.run([], { section: "p", takesDefaults: true, hostName });
    assert.equal(thrown, undefined);
    assert.equal(desk.read(desk.config), text);
    const environment = { ...systemEnvironment(), home: desk.home, hostName };
    assert.equal(loadConfiguration(desk.config, { environment }).sections[0]?.clientName, expected);
  }
});

Deno.test("another user needs another password, and a password in an address is not shown", async () => {
  using desk = new Desk();
  const place = "path = ~/p\nclient = me\nlegacy peers = no\n";
  const login = "user = old\npassword = ~/login\n";
  desk.configure(`[p]\n${place}address = ftp://h/x\n${login}`);
  Deno.writeTextFileSync(`${desk.home}/login`, "old:before\n", { mode: 0o600 });
  const options = { section: "p", tries: false };
  // The folder, the relay, the user, the password; then all the rest as it is.
  const rest = ["", "", "no", "", "", "", "", ""];
  const same = await desk.run(["", "", "", "", ...rest], options);
  assert.equal(same.thrown, undefined, same.shown);
  assert.match(desk.read(desk.config), /user = old\npassword = ~\/login\n/);
  const lacking = await desk.run(["", "", "new", "", ...rest], options);
  assert.match(String(lacking.thrown), /Password of new at h.*an answer is needed/);
  const other = await desk.run(["", "", "new", "after", ...rest], options);
  assert.equal(other.thrown, undefined, other.shown);
  assert.equal(desk.read("~/.config/escale/p.password"), "new:after\n");
  assert.equal(desk.read("~/login"), "old:before\n");
  desk.configure(`[p]\n${place}address = ftp://me:s3cret@h/x\n`);
  const shown = await desk.run(["", ""], options);
  assert.doesNotMatch(shown.shown + String(shown.thrown), /s3cret/);
});

Deno.test("a new client is told that its passphrase is not the relay's, before anything is saved", async () => {
  using desk = new Desk();
  using other = new Desk();
  assert.equal((await desk.run(answersFor(desk))).thrown, undefined);
  await pushSomething(desk);
  const answers = answersFor(desk, { folder: "left out", passphrase: "new", client: "desktop" });
  const { thrown } = await other.run(answers);
  assert(
    thrown instanceof Error && "code" in thrown && thrown.code === "wrong-key",
    String(thrown),
  );
  assert.deepEqual(other.tree(), { "/home/": "" });
});

Deno.test("an export makes the next client, which asks for what belongs to its machine", async () => {
  using desk = new Desk();
  using other = new Desk();
  assert.equal((await desk.run(answersFor(desk))).thrown, undefined);
  await pushSomething(desk);
  const environment = { ...systemEnvironment(), home: desk.home };
  const [section] = loadConfiguration(desk.config, { environment }).sections;
  assert(section);
  const key = desk.read("~/.config/escale/photos.key");
  for (const hasSecrets of [false, true]) {
    const text = exportSection(desk.read(desk.config), section, { hasSecrets });
    assert.equal(text.includes(key), hasSecrets);
    assert.doesNotMatch(text, /laptop|local path/);
    const file = `${other.root}/photos.escale`;
    Deno.writeTextFileSync(file, text);
    Deno.writeTextFileSync(`${other.root}/its.key`, key);
    const passphrase = hasSecrets ? "" : `${other.root}/its.key`;
    const answers = ["~/pictures", "", "desktop", passphrase, ""];
    const { thrown, shown } = await other.run(answers, { imports: [file] });
    assert.equal(thrown, undefined, shown);
    assert.match(shown, /Layout and passphrase fit what stands there: 1 files/);
    const made = loadConfiguration(other.config, {
      environment: { ...systemEnvironment(), home: other.home },
    });
    assert.deepEqual(made.sections.map((it) => new TextDecoder().decode(it.passphrase)), [key]);
    assert.doesNotMatch(other.read(other.config), new RegExp(key));
    const clash = await other.run(answers, { imports: [file] });
    assert.match(String(clash.thrown), /section "photos".*one of that name already/);
    Deno.removeSync(`${other.home}/.config`, { recursive: true });
  }
});

Deno.test("an expert is asked for every option that is of use", async () => {
  using desk = new Desk();
  Deno.mkdirSync(desk.relay);
  const set = ["path=~/p", `relay=${desk.relay}`, "encryption=no"];
  const { shown } = await desk.run(Array.from({ length: 60 }, () => ""), {
    ...{ section: "p", set, isExpert: true },
  });
  for (const name of ["exclude", "checksum", "max parallel transfers", "maintainer"]) {
    assert.match(shown, new RegExp(`\n${name}.*: `));
  }
  assert.doesNotMatch(shown, /\n(maxpagesize|verify ssl|encoding|drive binary|local path)/);
});

/** Has the client of the desk's configuration push one file. */
async function pushSomething(desk: Desk): Promise<void> {
  const environment = { ...systemEnvironment(), home: desk.home };
  const [section] = loadConfiguration(desk.config, { environment }).sections;
  assert(section);
  Deno.writeTextFileSync(`${section.localPath}/a.txt`, "content");
  Deno.mkdirSync(dirname(section.statePath), { recursive: true });
  const { signal } = new AbortController();
  const context = { openBackend: openFile, emit: () => {}, signal };
  const { outcome, error } = await runClient(section, context, { once: true, dryRun: false });
  assert.equal(outcome, "done", error?.message);
}
