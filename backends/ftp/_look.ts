import { BackendError, type ObjectInfo, type ObjectName } from "../backend.ts";
import { replyError } from "./_errors.ts";
import { infoOf, listFolder, parseStatus } from "./_list.ts";
import type { Entry } from "./_listing.ts";
import { folderOf } from "./_names.ts";
import { isDone, isUnknownCommand, parseSize, type Reply, saysAbsent } from "./_reply.ts";
import type { Session } from "./_session.ts";
import { asksTimes, timeIn } from "./_times.ts";

/** What stands under `name`, as a listing shows it, if it is an object. */
export async function look(session: Session, name: ObjectName): Promise<ObjectInfo | undefined> {
  const asksMlst = session.has("MLST") && !asksTimes(session.facts);
  const found = asksMlst ? await lookAny(session, name) : await lookBySize(session, name);
  if (typeof found === "string" || found.kind === "folder") return undefined;
  return infoOf(folderOf(name), { ...found, name: name.slice(name.lastIndexOf("/") + 1) });
}

/** What stands under `name`; `other` is no object and no folder. @throws {BackendError} `not-found` without a root */
export async function lookAny(
  session: Session,
  name: ObjectName,
): Promise<Entry | "other" | "absent"> {
  if (session.has("MLST")) {
    const status = parseStatus(await session.exchange(`MLST ${session.path(name)}`));
    if (status === "absent") await checkRoot(session);
    if (status !== undefined) return withTimes(session, status);
  }
  if (await isFolder(session, name)) return { kind: "folder", name, sizeBytes: 0 };
  return await lookBySize(session, name);
}

/** Commands whose answers, when they come, {@linkcode isThere} understands. */
export function lookCommands(session: Session, name: ObjectName): string[] {
  const path = session.path(name);
  return session.has("MLST") ? [`MLST ${path}`] : [`CWD ${path}`, `SIZE ${path}`];
}

/** Whether anything stands under `name`, by the answers to {@linkcode lookCommands}. */
export async function isThere(
  session: Session,
  { name, replies }: { readonly name: ObjectName; readonly replies: readonly Reply[] },
): Promise<boolean> {
  const [first, size] = replies;
  if (first === undefined) throw new TypeError("all commands are answered");
  if (size === undefined) {
    const status = parseStatus(first);
    if (status !== undefined) return status !== "absent";
  } else {
    if (isDone(first) || parseSize(size) !== undefined) return true;
    if (saysAbsent(size)) return false;
  }
  return await lookAny(session, name) !== "absent";
}

/** Whether `name` is a folder. */
export async function isFolder(session: Session, name: ObjectName): Promise<boolean> {
  return isDone(await session.exchange(`CWD ${session.path(name)}`));
}

/** @throws {BackendError} `not-found` if the relay's own folder is gone, so that nothing in it is taken for gone */
export async function checkRoot(session: Session): Promise<void> {
  const reply = await session.exchange(`CWD ${session.path("")}`);
  if (!isDone(reply)) throw rootError(reply);
}

async function lookBySize(session: Session, name: ObjectName): Promise<Entry | "absent"> {
  const path = session.path(name);
  const commands = [`SIZE ${path}`, ...(asksTimes(session.facts) ? [`MDTM ${path}`] : [])];
  const [reply, time] = await session.exchangeAll(commands);
  if (reply === undefined) throw new TypeError("all commands are answered");
  const sizeBytes = parseSize(reply);
  if (sizeBytes !== undefined) return { kind: "file", name, sizeBytes, ...timeIn(time) };
  if (isUnknownCommand(reply)) return await lookInListing(session, name);
  if (!saysAbsent(reply)) throw replyError(reply);
  await checkRoot(session);
  return "absent";
}

async function lookInListing(session: Session, name: ObjectName): Promise<Entry | "absent"> {
  const listed = await listFolder(session, folderOf(name));
  if (listed.kind === "refused") {
    if (!saysAbsent(listed.reply)) throw replyError(listed.reply);
    await checkRoot(session);
    return "absent";
  }
  const own = name.slice(name.lastIndexOf("/") + 1);
  return listed.entries.find((entry) => entry.name === own) ?? "absent";
}

/** A time only where listings have one too. */
function withTimes(session: Session, status: Entry | "other" | "absent"): typeof status {
  if (typeof status === "string" || session.facts.listing === "MLSD") return status;
  const { kind, name, sizeBytes } = status;
  return { kind, name, sizeBytes };
}

function rootError(reply: Reply): BackendError {
  if (!saysAbsent(reply)) return replyError(reply);
  return new BackendError("not-found", "the relay's own folder is missing");
}
