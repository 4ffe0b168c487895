import type { Row } from "./_state_rows.ts";

/** The most rows that are read at a time. */
const MAX_ROWS = 512;
const SURROGATES = /[\ud800-\udfff]/;

/** Where rows are read from. Names are in SQLite's binary order: by code point. */
export interface RowSource {
  one(name: string): Row | undefined;
  /** The first `count` rows from `name` on. */
  from(name: string, count: number): Row[];
}

/**
 * Reads rows by name. As long as names are asked for in ascending order it reads ahead, more the better that proves;
 * asked in any other order it still gives the right rows, one by one.
 */
export function rowReader(source: RowSource): (name: string) => Row | undefined {
  const ahead = new Map<string, Row>();
  let [first, last] = ["", ""];
  let count = 1;
  let found = 0;
  return (name) => {
    // With surrogates the order of JavaScript is not the one of code points.
    if (SURROGATES.test(name)) return source.one(name);
    if (ahead.size === 0 || name < first || name > last) {
      count = found * 2 >= ahead.size ? Math.min(MAX_ROWS, count * 2) : Math.max(1, count >> 1);
      found = 0;
      const rows = source.from(name, count);
      ahead.clear();
      for (const row of rows) ahead.set(String(row["name"]), row);
      first = name;
      last = String(rows.at(-1)?.["name"] ?? name);
      if (SURROGATES.test(last)) last = name;
    }
    const row = ahead.get(name);
    if (row !== undefined) found++;
    return row;
  };
}
