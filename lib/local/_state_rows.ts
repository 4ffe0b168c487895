import type { Agreed, ResourceState } from "./remembered.ts";

/** A row as SQLite hands it over. */
export type Row = Readonly<Record<string, unknown>>;

/** What a row of the table of resources says. */
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
    intended: typeof row["intended"] === "string" ? stringsOf(JSON.parse(row["intended"])) : [],
    refused: typeof row["refused"] === "string" ? row["refused"] : undefined,
    record: typeof row["record"] !== "string"
      ? undefined
      : { sign: String(row["record_sign"]), text: row["record"] },
  };
}

function agreedOf(text: string): Agreed {
  const value: Partial<Record<keyof Agreed, unknown>> = JSON.parse(text);
  return {
    id: String(value.id),
    digest: String(value.digest),
    base: stringsOf(value.base),
    pusher: String(value.pusher),
    timeS: typeof value.timeS === "number" ? value.timeS : undefined,
    byPull: value.byPull === true,
    pullers: stringsOf(value.pullers),
  };
}

function stringsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** A flag as its column holds it: 1, 0 or nothing. */
export function flagOf(column: unknown): boolean | undefined {
  return column === 1 ? true : column === 0 ? false : undefined;
}

/** What a flag is stored as. */
export function columnOf(flag: boolean | undefined): number | null {
  return flag === undefined ? null : flag ? 1 : 0;
}
