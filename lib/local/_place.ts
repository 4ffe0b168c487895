import { unlinkSync } from "node:fs";
import { printable, type RelativePath } from "../path.ts";
import { changedError, failureOf, isAbsence, refusedError } from "./_failure.ts";
import { lookFor, resolveFolders, sameContentStamp, sameStamp } from "./_inside.ts";
import { stampOf } from "./_look.ts";
import { twinOf } from "./names.ts";
import type { FileStamp } from "./state.ts";

/**
 * Moments at which another program may interfere: `looked`, the file was found as expected; `linked`, its backup or
 * its second name stands, and nothing is replaced yet.
 */
export type PlaceMoment = "looked" | "linked";

/** What placing needs besides its file. */
export interface PlaceContext {
  readonly root: string;
  /** A new hidden place in the folder of `place`. */
  readonly hide: (place: string) => string;
  readonly at: (moment: PlaceMoment, path: RelativePath) => void;
}

/** Gives a new file its name, only if nothing stands there. */
export function placeNew(context: PlaceContext, path: RelativePath, temporary: string): void {
  const target = resolveFolders(context.root, path);
  context.at("looked", path);
  const outcome = link(temporary, target, path);
  if (outcome === "linked") return removeQuietly(temporary);
  if (outcome === "exists" || stands(target)) throw inTheWay(context.root, path);
  attempt("place", path, () => Deno.renameSync(temporary, target));
}

/**
 * Replaces a file that is still as expected, without a moment at which there is none.
 *
 * The old file is kept under a hidden second name meanwhile, so that what a program wrote into it between the looks
 * and the rename is not lost. A program that replaces the file itself in the one call between the second look and the
 * rename cannot be noticed: there is no rename on condition here.
 */
export function replaceFile(
  context: PlaceContext,
  path: RelativePath,
  temporary: string,
  expected: FileStamp,
): void {
  const target = resolveFolders(context.root, path);
  const isLink = checkExpected(context.root, path, expected);
  context.at("looked", path);
  const backup = context.hide(target);
  // What a link leads to is not replaced with it, and needs no backup.
  const hasBackup = !isLink && link(target, backup, path) === "linked";
  let lasting = false;
  try {
    if (!isStill(context.root, path, expected)) throw changedMeanwhile(path);
    context.at("linked", path);
    attempt("place", path, () => Deno.renameSync(temporary, target));
    if (!hasBackup) return;
    const replaced = attempt("look at", path, () => stampAt(backup));
    if (sameContentStamp(replaced, expected)) return;
    lasting = true;
    attempt("put back", path, () => Deno.renameSync(backup, target));
    throw changedMeanwhile(path);
  } finally {
    if (hasBackup && !lasting) removeQuietly(backup);
  }
}

/**
 * Gives a file another name, only if nothing has it, and says `taken` if something does. What a program writes into the
 * file at the last moment goes with it.
 */
export function renameAside(
  context: PlaceContext,
  names: { readonly from: RelativePath; readonly to: RelativePath },
  expected: FileStamp,
): "kept" | "taken" {
  const { from, to } = names;
  const source = resolveFolders(context.root, from);
  const target = resolveFolders(context.root, to);
  checkExpected(context.root, from, expected);
  if (stands(target)) return "taken";
  context.at("looked", from);
  const outcome = link(source, target, from);
  if (outcome === "exists") return "taken";
  if (outcome === "unsupported") {
    checkExpected(context.root, from, expected);
    attempt("rename", from, () => Deno.renameSync(source, target));
    return "kept";
  }
  if (!isStill(context.root, to, expected)) {
    removeQuietly(target);
    throw changedMeanwhile(from);
  }
  context.at("linked", from);
  removeName(context, from, source, target);
  return "kept";
}

/** Removes the first name of a file that has a second one, unless it has come to name another file. */
function removeName(
  context: PlaceContext,
  from: RelativePath,
  source: string,
  target: string,
): void {
  const hidden = context.hide(source);
  attempt("rename", from, () => Deno.renameSync(source, hidden));
  const isSame = () => sameContentStamp(stampAt(hidden), stampAt(target));
  if (attempt("look at", from, isSame)) return removeQuietly(hidden);
  // What stood under the name is newer than what was kept; it gets its name back before the other one goes.
  if (!stands(source)) attempt("put back", from, () => Deno.renameSync(hidden, source));
  removeQuietly(hidden);
  removeQuietly(target);
  throw changedMeanwhile(from);
}

function stampAt(place: string): FileStamp {
  return stampOf(Deno.lstatSync(place));
}

/** Removes a file as far as that is possible. */
export function removeQuietly(place: string): void {
  try {
    unlinkSync(place);
  } catch {
    // A temporary file that stays is found and removed when the client starts again.
  }
}

/** @returns whether a symbolic link stands there */
function checkExpected(root: string, path: RelativePath, expected: FileStamp): boolean {
  const standing = lookFor(root, path);
  if (standing.kind === "absent") throw changedError(path, "it is gone");
  if (standing.kind !== "file") throw inTheWay(root, path);
  if (!sameStamp(standing.stamp, expected)) {
    throw changedError(path, "it has changed since it was last looked at");
  }
  return standing.isLink;
}

function isStill(root: string, path: RelativePath, expected: FileStamp): boolean {
  const standing = lookFor(root, path);
  return standing.kind === "file" && sameContentStamp(standing.stamp, expected);
}

/** The error for what stands where a file was to be placed. */
function inTheWay(root: string, path: RelativePath): Error {
  const twin = twinHere(root, path);
  if (twin !== undefined) {
    // A place for it is found when it is tried again.
    return changedError(path, `"${printable(twin)}" has that name on this file system`);
  }
  const standing = lookFor(root, path);
  if (standing.kind === "folder") return refusedError(path, "a folder of that name stands there");
  if (standing.kind === "other") return refusedError(path, standing.why);
  return changedError(path, "a file has appeared there");
}

function changedMeanwhile(path: RelativePath): Error {
  return changedError(path, "it was changed at this very moment");
}

/** {@linkcode twinOf} for the repository at `root`. */
export function twinHere(root: string, path: string): string | undefined {
  return twinOf(path, {
    exists: (inside) => stands(`${root}/${inside}`),
    list: (folder) => [...Deno.readDirSync(`${root}/${folder}`)].map((entry) => entry.name),
  });
}

/** Makes a second name. Whatever fails but an existing target counts as a file system without second names. */
function link(from: string, to: string, path: RelativePath): "linked" | "exists" | "unsupported" {
  try {
    Deno.linkSync(from, to);
    return "linked";
  } catch (cause) {
    if (cause instanceof Deno.errors.AlreadyExists) return "exists";
    if (cause instanceof Deno.errors.NotFound) throw failureOf(cause, "place", path);
    return "unsupported";
  }
}

/** In doubt, yes. */
function stands(place: string): boolean {
  try {
    Deno.lstatSync(place);
    return true;
  } catch (cause) {
    return !isAbsence(cause);
  }
}

function attempt<T>(verb: string, path: RelativePath, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw failureOf(cause, verb, path);
  }
}
