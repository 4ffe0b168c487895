import { DatabaseSync } from "node:sqlite";
import { EscaleError, messageOf } from "../errors.ts";
import { sqliteFailureOf } from "./_sqlite.ts";

/**
 * Holds `file` for this process until disposed of or until the process ends, however it ends: an exclusive transaction
 * on an empty SQLite database, as the runtime has no lock on files that does not wait.
 *
 * @throws {EscaleError} `locked` if another process holds it; `denied` if it cannot be made
 */
export function holdAlone(file: string, what: string): Disposable {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: 0 });
    database.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    database?.close();
    if (sqliteFailureOf(cause) === "busy") {
      throw new EscaleError("locked", `Cannot run ${what}: another process runs it already`, {
        hint: "Stop the other one first, or let it do the work",
        cause,
      });
    }
    throw new EscaleError("denied", `Cannot make the file "${file}": ${messageOf(cause)}`, {
      cause,
    });
  }
  const held = database;
  return {
    [Symbol.dispose](): void {
      if (held.isOpen) held.close();
    },
  };
}
