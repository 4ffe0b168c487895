import assert from "node:assert/strict";
import {
  type Backend,
  BackendError,
  type BackendErrorCode,
  type BackendTraits,
  type ByteSource,
  type FolderName,
  type ObjectInfo,
  type ObjectName,
  parseObjectName,
} from "../../../backends/backend.ts";
import { collect } from "../../support/byte_streams.ts";
import { isSame } from "../../support/sources.ts";

/** A relay folder that is there for one case, at first empty. Disposing it removes it. */
export interface TestRelay extends AsyncDisposable {
  /** A client's backend on it; each call is another client. */
  open(): Promise<Backend>;
  /** Waits until every client sees what was written; needed if the storage's listings lag. */
  settle?(): Promise<void>;
  /** Removes the relay's own folder, unseen by the backends. */
  removeRoot?(): Promise<void>;
}

/** What a case gets. */
export interface CaseContext {
  readonly backend: Backend;
  readonly relay: TestRelay;
  /** How far the times that stat() and list() tell may lie apart, milliseconds. */
  readonly timeSlackMs: number;
  /** How often a race is run. */
  readonly rounds: number;
  /** Why the storage cannot hold a name; `undefined` if it can. */
  readonly whyNotName: (name: string) => string | undefined;
  /** A case, or a part of it, that does not apply. It is reported. */
  readonly skip: (reason: string) => Promise<void>;
}

/** One claim of the contract. */
export interface Case {
  readonly title: string;
  /** Why the claim does not hold for a storage with these traits; `undefined` if it does. */
  readonly lacks?: (traits: BackendTraits) => string | undefined;
  run(context: CaseContext): Promise<void>;
}

/** `text` as the name of an object. */
export const name: (text: string) => ObjectName = parseObjectName;

/** All that a listing gives, by name. Fails if a name comes twice. */
export async function listing(
  backend: Backend,
  folder: FolderName = "",
  recursive = true,
): Promise<ReadonlyMap<string, ObjectInfo>> {
  const found = new Map<string, ObjectInfo>();
  for await (const info of backend.list(folder, { recursive })) {
    assert.ok(!found.has(info.name), `"${info.name}" is listed twice`);
    found.set(info.name, info);
  }
  return found;
}

/** The names that a listing gives, sorted. */
export async function namesIn(
  backend: Backend,
  folder: FolderName = "",
  recursive = true,
): Promise<string[]> {
  return [...(await listing(backend, folder, recursive)).keys()].sort();
}

/** Fails unless exactly `bytes` stand under `text`, by each way to look. */
export async function assertStands(
  backend: Backend,
  text: string,
  bytes: Uint8Array,
): Promise<void> {
  const info = await backend.stat(name(text));
  assert.equal(info?.sizeBytes, bytes.length, `size of "${text}"`);
  assert.equal(info?.name, text);
  const got = await collect(await backend.get(name(text)));
  assert.ok(isSame(got, bytes), `get gives other bytes of "${text}"`);
  const read = await backend.read(name(text), { maxBytes: bytes.length });
  assert.ok(isSame(read, bytes), `read gives other bytes of "${text}"`);
}

/** Fails unless nothing stands under `text`, by each way to look. */
export async function assertAbsent(backend: Backend, text: string): Promise<void> {
  assert.equal(await backend.stat(name(text)), undefined, `"${text}" stands`);
  await assertCode("not-found", () => backend.get(name(text)));
  await assertCode("not-found", () => backend.read(name(text), { maxBytes: 1 }));
}

/** Fails unless `call` fails with a backend error, of that code if there is one. */
export async function assertCode(
  code: BackendErrorCode | undefined,
  call: () => Promise<unknown>,
): Promise<BackendError> {
  try {
    await call();
  } catch (thrown) {
    assert.ok(thrown instanceof BackendError, `${String(thrown)} is no BackendError`);
    if (code !== undefined) assert.equal(thrown.code, code, thrown.message);
    return thrown;
  }
  assert.fail(`the call succeeds, a BackendError ${code ?? ""} was expected`);
}

/** Fails unless putting `source` throws, and leaves the same objects with the same content. */
export async function assertPutFails(
  backend: Backend,
  text: string,
  { source, check }: { source: ByteSource; check: (thrown: unknown) => void },
): Promise<void> {
  const before = await listing(backend);
  const content = new Map<string, Uint8Array>();
  for (const { name, sizeBytes } of before.values()) {
    content.set(name, await backend.read(name, { maxBytes: sizeBytes }));
  }
  await assert.rejects(backend.put(name(text), source), (thrown) => {
    check(thrown);
    return true;
  });
  assert.deepEqual(await namesIn(backend), [...before.keys()].sort());
  for (const [name, bytes] of content) await assertStands(backend, name, bytes);
}
