/** What a failure of SQLite means, as far as somebody branches on it. */
export type SqliteFailure = "busy" | "damaged" | "other";

/**
 * Tells what failed. The runtime hands over no result code, only the code's text, which SQLite keeps stable
 * (`sqlite3_errstr`): SQLITE_BUSY, SQLITE_CORRUPT, SQLITE_NOTADB.
 */
export function sqliteFailureOf(cause: unknown): SqliteFailure {
  if (!(cause instanceof Error)) return "other";
  if (cause.message.includes("database is locked")) return "busy";
  const isDamaged = cause.message.includes("database disk image is malformed") ||
    cause.message.includes("file is not a database");
  return isDamaged ? "damaged" : "other";
}
