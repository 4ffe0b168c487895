import { createHash } from "node:crypto";
import { BackendError, type ByteSource, type ObjectName } from "../backend.ts";
import { openReader, readFrom, SourceFailure } from "../streams.ts";
import type { Drive } from "./_drive.ts";
import { type Folders, splitByTitle } from "./_folders.ts";
import { baseOf, folderOf, temporaryIn } from "./_names.ts";
import type { Entry } from "./_output.ts";
import type { Running, RunOptions } from "./_program.ts";

/** How long an abandoned upload may take to be removed, milliseconds. */
const CLEAN_UP_MS = 30_000;

/** What storing an object works with. */
export interface PutParts {
  readonly drive: Drive;
  readonly folders: Folders;
  readonly trace: (line: string) => void;
  readonly options: RunOptions;
}

/** How an object is stored. */
export interface PutRules {
  /** Nothing is stored where there is an object. */
  readonly isNew: boolean;
}

/**
 * Stores an object and says whether its content stands. It is sent under a hidden name of its own, and renamed when it is
 * whole: drive takes what it has for the whole when its sender dies. What stood there is removed after that, by id.
 *
 * @throws {BackendError} what the source throws is thrown on as it is
 */
export async function putObject(
  name: ObjectName,
  source: ByteSource,
  parts: PutParts & PutRules,
): Promise<boolean> {
  const { drive, folders, options, isNew } = parts;
  await folders.ensure(folderOf(name), options);
  const [before] = splitByTitle(await drive.find(name, options), name);
  checkNoFolder(before, options);
  if (isNew && before.length > 0) return false;
  const upload: Upload = { name: temporaryIn(folderOf(name)), mayStand: false };
  try {
    const sent = await send(upload, source, parts);
    const own = await verify(upload, { ...parts, sent });
    await drive.rename(upload.name, baseOf(name), options);
    return await settle(name, { ...parts, before, own });
  } catch (thrown) {
    if (upload.mayStand) await removeQuietly(upload.name, parts);
    throw thrown instanceof SourceFailure ? thrown.reason : thrown;
  }
}

interface Upload {
  readonly name: ObjectName;
  /** Drive has got all of it: it may store it yet, whatever happens to its run. */
  mayStand: boolean;
}

interface Sent {
  readonly sizeBytes: number;
  readonly md5: string;
}

/** Sends a content whole. Whatever goes wrong before its last byte, drive ends without having stored it. */
async function send(
  upload: Upload,
  source: ByteSource,
  { drive, options }: PutParts,
): Promise<Sent> {
  using running = drive.push(upload.name, options);
  const draining = running.stdout.pipeTo(new WritableStream()).catch(() => {});
  const writer = running.stdin.getWriter();
  try {
    const sent = await feed({ running, writer }, source, options);
    running.touch();
    if (sent !== undefined) {
      upload.mayStand = true;
      // A run that has ended already tells by its status.
      await writer.close().catch(() => {});
    }
    await draining;
    drive.check(await running.ended(), options);
    if (sent !== undefined) return sent;
    const message = `Cannot ${options.action}: drive ended before it had got all`;
    throw new BackendError("unavailable", message);
  } catch (thrown) {
    running[Symbol.dispose]();
    await writer.abort().catch(() => {});
    // What its end led to is not why an aborted call ends.
    options.signal?.throwIfAborted();
    throw thrown;
  }
}

/**
 * Hands a content to a run; `undefined` if that takes no more of it.
 *
 * @throws {SourceFailure} if the source fails; {BackendError} `protocol` if it has another length than it said
 */
async function feed(
  { running, writer }: {
    readonly running: Running;
    readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  },
  source: ByteSource,
  { action, signal }: RunOptions,
): Promise<Sent | undefined> {
  const md5 = createHash("md5");
  const reader = openReader(source);
  const giveUp = () => void reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener("abort", giveUp, { once: true });
  let sizeBytes = 0;
  try {
    for (;;) {
      running.rest();
      const { done, value } = await readFrom(reader);
      signal?.throwIfAborted();
      if (done) break;
      sizeBytes += value.length;
      if (sizeBytes > source.sizeBytes) throw wrongLength(action, source);
      md5.update(value);
      running.touch();
      if (!await writer.write(value).then(() => true, () => false)) return undefined;
    }
    if (sizeBytes < source.sizeBytes) throw wrongLength(action, source);
    return { sizeBytes, md5: md5.digest("hex") };
  } finally {
    signal?.removeEventListener("abort", giveUp);
    await reader.cancel().catch(() => {});
  }
}

/** The id of what was sent. @throws {BackendError} `protocol` if it is not stored as it was sent */
async function verify(
  upload: Upload,
  { drive, options, sent }: PutParts & { readonly sent: Sent },
): Promise<string> {
  const [entry] = await drive.find(upload.name, options);
  const isWhole = entry !== undefined && drive.plainBytes(entry.sizeBytes) === sent.sizeBytes &&
    (drive.isEncrypted || entry.md5 === sent.md5);
  if (isWhole) return entry.id;
  const message = `Cannot ${options.action}: what is stored is not what was sent`;
  throw new BackendError("protocol", message, { retryable: true });
}

/**
 * Leaves one object under the name: the one that was sent, or that of another client which did the same meanwhile. Says
 * whether it is the one that was sent.
 */
async function settle(
  name: ObjectName,
  { drive, options, before, own }: PutParts & {
    readonly before: readonly Entry[];
    readonly own: string;
  },
): Promise<boolean> {
  const old = new Set(before.map(({ id }) => id));
  const ids = await drive.ids(name, options);
  const others = ids.filter((id) => id !== own && !old.has(id));
  const found = others.length === 0 ? [] : await drive.stat(others, options);
  const [now] = splitByTitle(found, name);
  if (now.some(({ isFolder }) => isFolder)) {
    await drive.delete([own], options);
    checkNoFolder(now, options);
  }
  // One that is not found may have been taken away as a twin, or not be shown yet.
  const isThere = ids.includes(own) || (await drive.stat([own], options)).length > 0;
  const [kept, ...twins] = [...now.map(({ id }) => id), ...(isThere ? [own] : [])].sort();
  const needless = [...ids.filter((id) => old.has(id)), ...twins];
  if (needless.length > 0) await drive.delete(needless, options);
  return kept === own;
}

function checkNoFolder(found: readonly Entry[], { action }: RunOptions): void {
  if (!found.some(({ isFolder }) => isFolder)) return;
  throw new BackendError("exists", `Cannot ${action}: a folder of that name stands there`);
}

/** Removes what an upload left, also when its signal has aborted. What cannot be removed now is removed in a day. */
async function removeQuietly(name: ObjectName, { drive, trace }: PutParts): Promise<void> {
  const options = {
    action: `remove ${JSON.stringify(name)}`,
    signal: AbortSignal.timeout(CLEAN_UP_MS),
  };
  try {
    const ids = await drive.ids(name, options);
    if (ids.length > 0) await drive.delete(ids, options);
  } catch (thrown) {
    trace(`${name} may be left behind: ${String(thrown)}`);
  }
}

function wrongLength(action: string, { sizeBytes }: ByteSource): BackendError {
  const message = `Cannot ${action}: its content is not ${sizeBytes} bytes long`;
  return new BackendError("protocol", message);
}
