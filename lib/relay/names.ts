import { type ObjectName, parseObjectName } from "../../backends/backend.ts";
import { baseOf, folderOf, isRelativePath, joinPath, type RelativePath } from "../path.ts";

/** What an object on the relay is, told by its name alone (FORMAT.md, "Names"). */
export type ObjectKind =
  | { readonly kind: "content"; readonly resource: RelativePath }
  | { readonly kind: "placeholder"; readonly resource: RelativePath }
  | { readonly kind: "lock"; readonly resource: RelativePath }
  /** An object of the index layout; only at the top of the relay's folder. */
  | { readonly kind: "index" }
  /** Reserved, foreign, or not acceptable as a name: left alone. */
  | { readonly kind: "other" };

const OTHER: ObjectKind = { kind: "other" };
const PERSISTENT_INDEX = /^\.[^.]+\.index$/;
const UPDATE = /^\.[^.]+\.\d+\.(index|data)$/;

/** The placeholder beside a resource. */
export function placeholderName(resource: RelativePath): ObjectName {
  return beside(resource, "placeholder");
}

/** The lock beside a resource. */
export function lockName(resource: RelativePath): ObjectName {
  return beside(resource, "lock");
}

/** The folder that makes a lock exclusive where a storage has nothing but exclusive folders; 0.7 ignores it. */
export function guardName(lock: ObjectName): ObjectName {
  return parseObjectName(lock.replace(/\.lock$/, ".guard"));
}

/** The folder that makes taking a lock over exclusive, where its guard may stand already. */
export function takerName(lock: ObjectName): ObjectName {
  return parseObjectName(lock.replace(/\.lock$/, ".taker"));
}

/** The content of a resource. */
export function contentName(resource: RelativePath): ObjectName {
  return parseObjectName(resource);
}

/** Tells what an object is. Names come from a relay that nobody trusts: all that is odd is `other`. */
export function classify(name: string): ObjectKind {
  const base = baseOf(name);
  if (!base.startsWith(".")) {
    return isRelativePath(name) ? { kind: "content", resource: name } : OTHER;
  }
  if (base === name && (PERSISTENT_INDEX.test(name) || UPDATE.test(name))) return { kind: "index" };
  const dot = base.lastIndexOf(".");
  const resource = joinPath(folderOf(name), base.slice(1, dot));
  if (dot < 1 || !isRelativePath(resource)) return OTHER;
  switch (base.slice(dot)) {
    case ".placeholder":
      return { kind: "placeholder", resource };
    case ".lock":
      return { kind: "lock", resource };
    default:
      return OTHER;
  }
}

function beside(resource: RelativePath, extension: string): ObjectName {
  return parseObjectName(joinPath(folderOf(resource), `.${baseOf(resource)}.${extension}`));
}
