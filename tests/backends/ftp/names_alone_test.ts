import assert from "node:assert/strict";
import type { Backend, BackendErrorCode } from "../../../backends/backend.ts";
import { openFtp } from "../../../backends/ftp/mod.ts";
import { noise } from "../../support/byte_streams.ts";
import { FakeFtp, type FakeFtpQuirks } from "../../support/fake_ftp.ts";
import { sourceOf } from "../../support/sources.ts";
import { assertCode, name, namesIn } from "../cases/case.ts";
import { conformance } from "../conformance.ts";

/** A server that neither has `MLSD` nor `LIST`. */
const NAMES_ALONE: FakeFtpQuirks = { mlsd: "missing", hasNoList: true, hasTimes: true };

function open({ port }: FakeFtp): Promise<Backend> {
  return openFtp({
    ...{ protocol: "ftp", host: "127.0.0.1", port, folder: "/relay", verifyTls: true },
    ...{ username: "me", password: "secret", maxTransfers: 2, timeoutMs: 5_000 },
  });
}

conformance("fake server that lists names alone", {
  start() {
    const server = new FakeFtp(NAMES_ALONE);
    return {
      open: () => open(server),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
  rounds: 5,
  cannotName: (text) => /[\r\n]/.test(text) ? "a command is one line" : undefined,
});

Deno.test("names come with sizes and, where the server tells them, with times", async () => {
  for (const hasTimes of [true, false]) {
    await using server = new FakeFtp({ ...NAMES_ALONE, hasTimes });
    await using backend = await open(server);
    assert.equal(backend.traits.timePrecisionMs, hasTimes ? 1000 : undefined);
    await backend.put(name("d/f"), sourceOf(noise(12)));
    const info = {
      name: name("d/f"),
      sizeBytes: 12,
      ...(hasTimes ? { modifiedMs: Date.UTC(2020, 0, 2, 3, 4, 5) } : {}),
    };
    assert.deepEqual(await Array.fromAsync(backend.list("", { recursive: true })), [info]);
    assert.deepEqual(await backend.stat(name("d/f")), info);
  }
});

Deno.test("what cannot be understood is no empty folder", async () => {
  const quirks: readonly (readonly [FakeFtpQuirks, BackendErrorCode])[] = [
    [{ ...NAMES_ALONE, nlst: "foreign" }, "protocol"],
    [{ ...NAMES_ALONE, nlst: "missing" }, "protocol"],
    [{ ...NAMES_ALONE, nlst: "hiding" }, "unsupported"],
    [{ mlsd: "foreign", listing: "foreign", nlst: "foreign" }, "protocol"],
  ];
  for (const [quirk, code] of quirks) {
    await using server = new FakeFtp(quirk);
    await assertCode(code, () => open(server));
    assert.deepEqual([...server.files.keys()], [], "nothing is left behind");
    await using good = new FakeFtp();
    await using backend = await open(good);
    await backend.put(name("f"), sourceOf(noise(12)));
    Object.assign(good.quirks, quirk);
    for (let turn = 0; turn < 2; turn++) await assertCode(code, () => namesIn(backend));
  }
});

Deno.test("a server that stops to list in one way is listed in another that shows hidden names", async () => {
  for (const nlst of ["paths", "without options"] as const) {
    await using server = new FakeFtp();
    await using backend = await open(server);
    for (const text of ["f", "d/.hidden"]) await backend.put(name(text), sourceOf(noise(3)));
    Object.assign(server.quirks, { ...NAMES_ALONE, nlst });
    assert.deepEqual(await namesIn(backend), ["d/.hidden", "f"]);
    assert.deepEqual([...server.files.keys()].sort(), ["/relay/d/.hidden", "/relay/f"]);
  }
});

Deno.test("one folder that cannot be understood leaves the others as they are", async () => {
  await using server = new FakeFtp(NAMES_ALONE);
  await using backend = await open(server);
  await backend.put(name("a/.f"), sourceOf(noise(3)));
  await backend.put(name("b/.g"), sourceOf(noise(3)));
  server.quirks.refused = /\.g/;
  await assertCode("unsupported", () => namesIn(backend, name("b")));
  assert.deepEqual(await namesIn(backend, name("a")), ["a/.f"]);
  await assertCode("unsupported", () => namesIn(backend, name("b")));
  assert.deepEqual([...server.files.keys()].sort(), ["/relay/a/.f", "/relay/b/.g"]);
});

Deno.test("a folder that may not be listed is not taken for an empty one", async () => {
  for (const quirks of [{}, { mlsd: "missing" }, { ...NAMES_ALONE, nlst: "refusing" }] as const) {
    await using server = new FakeFtp(quirks);
    await using backend = await open(server);
    await backend.put(name("closed/f"), sourceOf(noise(3)));
    server.folders.add("/relay/empty");
    assert.deepEqual(await namesIn(backend), ["closed/f"]);
    server.quirks.refused = /closed/;
    await assertCode("denied", () => namesIn(backend));
  }
});

Deno.test("a folder of names costs few round trips", async () => {
  await using server = new FakeFtp(NAMES_ALONE);
  await using backend = await open(server);
  for (const text of ["a", "b"]) await backend.put(name(text), sourceOf(noise(3)));
  await namesIn(backend);
  server.commands.splice(0);
  await namesIn(backend);
  assert.deepEqual(server.commands, [
    ...["EPSV", "CWD /relay", "NLST -a"],
    ...["CWD /relay/a", "SIZE /relay/a", "CWD /relay/b", "SIZE /relay/b"],
    ...["MDTM /relay/a", "MDTM /relay/b"],
  ]);
});
