import { type ObjectName, parseObjectName } from "../../backends/backend.ts";
import type { RelativePath } from "../path.ts";

/** What an object of the index layout is, told by its name alone (FORMAT.md, "Pages"). */
export type PageObjectKind =
  | { readonly kind: "lock"; readonly page: string }
  | { readonly kind: "persistent"; readonly page: string }
  | { readonly kind: "update index" | "update data"; readonly page: string; readonly ts: number }
  /** An object of the layout without an index. */
  | { readonly kind: "placeholder layout" }
  /** Foreign: left alone. */
  | { readonly kind: "other" };

/** The page of all that no folder claims. */
export const REST_PAGE = "0";
/** A page's name and what is added to it fit the 255 bytes that file systems grant. */
const MAX_PAGE_BYTES = 200;

/** The latest `TS` there may be, in seconds since 1970. */
export const MAX_TS = 999_999_999_999;

const PAGE_LOCK = /^\.([^.]+)\.lock$/;
const PERSISTENT = /^\.([^.]+)\.index$/;
const UPDATE = /^\.([^.]+)\.(\d{1,12})\.(index|data)$/;
const PLACEHOLDER = /^\..+\.placeholder$/;
/** What 0.7 strips from a line's end: Python counts more characters as blank than a regular expression here. */
// deno-lint-ignore no-control-regex -- these are what Python strips
const TRAILING_BLANK = /[\s\u001c-\u001f\u0085]$/;

/**
 * The page that a resource stands on: that of its first `depth` folders, joined with `_`, every `.` made `_`. With fewer
 * folders, and with depth 0, it is page 0. Two folders may share a page.
 */
export function pageOf(resource: string, depth: number): string {
  if (depth === 0) return REST_PAGE;
  const folders = resource.split("/").slice(0, -1).filter((part) => part !== "");
  if (folders.length < depth) return REST_PAGE;
  return folders.slice(0, depth).join("_").replaceAll(".", "_");
}

/** Why a resource cannot stand in an index, or `undefined` if it can. */
export function whyNotIndexed(resource: RelativePath, depth: number): string | undefined {
  if (/[\r\n]/.test(resource)) return "its name has a line break, which would break its page";
  if (TRAILING_BLANK.test(resource)) return "its name ends with a blank, which an index loses";
  if (new TextEncoder().encode(pageOf(resource, depth)).length > MAX_PAGE_BYTES) {
    return "the names of its folders are too long for a page";
  }
  return undefined;
}

/** The lock of a page. */
export function pageLockName(page: string): ObjectName {
  return parseObjectName(`.${page}.lock`);
}

/** The persistent index of a page. */
export function persistentIndexName(page: string): ObjectName {
  return parseObjectName(`.${page}.index`);
}

/** The index of the update of that time, whole seconds since 1970. */
export function updateIndexName(page: string, ts: number): ObjectName {
  return parseObjectName(`.${page}.${ts}.index`);
}

/** The data of the update of that time. */
export function updateDataName(page: string, ts: number): ObjectName {
  return parseObjectName(`.${page}.${ts}.data`);
}

/** Tells what an object at the top of the relay's folder is. */
export function classifyPageObject(name: string): PageObjectKind {
  if (!name.startsWith(".") || PLACEHOLDER.test(name)) return { kind: "placeholder layout" };
  const [, page, ts, extension] = UPDATE.exec(name) ?? [];
  if (page !== undefined && ts === String(Number(ts))) {
    const kind = extension === "data" ? "update data" : "update index";
    return { kind, page, ts: Number(ts) };
  }
  const [, indexed] = PERSISTENT.exec(name) ?? [];
  if (indexed !== undefined) return { kind: "persistent", page: indexed };
  const [, locked] = PAGE_LOCK.exec(name) ?? [];
  return locked === undefined ? { kind: "other" } : { kind: "lock", page: locked };
}
