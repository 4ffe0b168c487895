import type { Agreed, ResourceChange, ResourceState } from "./remembered.ts";

/** A row as SQLite hands it over. */
export type Row = Readonly<Record<string, unknown>>;

/** What a row of the table of resources says. What cannot be read counts as forgotten. */
export function resourceOf(row: Row): ResourceState {
  return {
    hashed: typeof row["digest"] !== "string" ? undefined : {
      stamp: {
        sizeBytes: Number(row["size"]),
        modifiedMs: Number(row["modified"]),
        changedMs: Number(row["changed"]),
        inode: Number(row["inode"]),
      },
      digest: row["digest"],
    },
    agreed: typeof row["agreed"] === "string" ? agreedOf(row["agreed"]) : undefined,
    intended: typeof row["intended"] === "string" ? stringsOf(valueOf(row["intended"])) : [],
    refused: typeof row["refused"] === "string" ? row["refused"] : undefined,
    record: typeof row["record"] !== "string"
      ? undefined
      : { sign: String(row["record_sign"]), text: row["record"] },
  };
}

/** The columns that a change sets, by name. */
export function columnsOf(change: ResourceChange): Record<string, string | number | null> {
  const { hashed, agreed, intended, refused, record } = change;
  return {
    ...("hashed" in change && {
      size: hashed?.stamp.sizeBytes ?? null,
      modified: hashed?.stamp.modifiedMs ?? null,
      changed: hashed?.stamp.changedMs ?? null,
      inode: hashed?.stamp.inode ?? null,
      digest: hashed?.digest ?? null,
    }),
    ...(agreed !== undefined && { agreed: JSON.stringify(agreed) }),
    ...(intended !== undefined && {
      intended: intended.length === 0 ? null : JSON.stringify(intended),
    }),
    ...(refused !== undefined && { refused }),
    ...(record !== undefined && {
      record_sign: record?.sign ?? null,
      record: record?.text ?? null,
    }),
  };
}

/** The statement that sets these columns of a resource's row and leaves the others as they are. */
export function upsert(columns: readonly string[]): string {
  const marks = columns.map(() => "?");
  const sets = columns.map((column) => `${column} = excluded.${column}`);
  return `INSERT INTO resource (name, ${columns}) VALUES (?, ${marks})
    ON CONFLICT (name) DO UPDATE SET ${sets}`;
}

function agreedOf(text: string): Agreed | undefined {
  const value = valueOf(text);
  if (typeof value !== "object" || value === null) return undefined;
  const { id, digest, base, pusher, timeS, byPull, pullers }: Partial<
    Record<keyof Agreed, unknown>
  > = value;
  if (typeof id !== "string" || typeof digest !== "string" || typeof pusher !== "string") {
    return undefined;
  }
  return {
    ...{ id, digest, base: stringsOf(base), pusher },
    timeS: typeof timeS === "number" ? timeS : undefined,
    byPull: byPull === true,
    pullers: stringsOf(pullers),
  };
}

/** The value that a text of JSON has; `undefined` if it is none. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function stringsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((it) => typeof it === "string") : [];
}

/** A flag as its column holds it: 1, 0 or nothing. */
export function flagOf(column: unknown): boolean | undefined {
  return column === 1 ? true : column === 0 ? false : undefined;
}

/** What a flag is stored as. */
export function columnOf(flag: boolean | undefined): number | null {
  return flag === undefined ? null : flag ? 1 : 0;
}
