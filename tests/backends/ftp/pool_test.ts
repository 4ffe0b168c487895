import assert from "node:assert/strict";
import { openSession } from "../../../backends/ftp/_login.ts";
import { codingOf } from "../../../backends/ftp/_names.ts";
import { Pool } from "../../../backends/ftp/_pool.ts";
import type { Target } from "../../../backends/ftp/_session.ts";
import { FakeFtp } from "../../support/fake_ftp.ts";

function poolAt(
  { port }: FakeFtp,
  options: { readonly max: number; readonly idleMs?: number },
): Pool {
  const host = "127.0.0.1";
  const target: Target = {
    address: {
      protocol: "ftp",
      host,
      port,
      username: "me",
      password: "secret",
      verifyTls: true,
      maxTransfers: options.max,
      timeoutMs: 5_000,
    },
    host,
    coding: codingOf(),
    tls: { host, verify: true, version: "TLS" },
    facts: { listing: "MLSD", pipelines: true },
    trace: () => {},
  };
  return new Pool({
    open: () => openSession(target),
    timeoutMs: 5_000,
    trace: () => {},
    ...options,
  });
}

Deno.test("of idle sessions one is kept alive and the others are ended", async () => {
  await using server = new FakeFtp();
  const pool = poolAt(server, { max: 3, idleMs: 20 });
  const sessions = await Promise.all([1, 2, 3].map(() => pool.take("call", undefined)));
  for (const session of sessions) pool.give(session);
  await server.until("QUIT", 2);
  await server.until("NOOP", 3);
  assert.equal(server.count("QUIT"), 2);
  assert.equal(server.count("USER"), 3);
  await pool.close();
});

Deno.test("a session is left for calls while transfers have all others", async () => {
  await using server = new FakeFtp();
  const pool = poolAt(server, { max: 3 });
  const transfers = await Promise.all([1, 2].map(() => pool.take("transfer", undefined)));
  const waiting = new AbortController();
  const third = pool.take("transfer", waiting.signal);
  pool.give(await pool.take("call", undefined));
  waiting.abort();
  await assert.rejects(third, { name: "AbortError" });
  for (const session of transfers) pool.give(session);
  pool.give(await pool.take("transfer", undefined));
  assert.equal(server.count("USER"), 3);
  await pool.close();
});

Deno.test("a session that the server has ended is not used again", async () => {
  await using server = new FakeFtp({ goodbyes: 0 });
  const pool = poolAt(server, { max: 1 });
  const session = await pool.take("call", undefined);
  server.quirks.goodbyes = 1;
  assert.equal((await session.exchange("NOOP")).code, 421);
  pool.give(session);
  const another = await pool.take("call", undefined);
  assert.notEqual(another, session);
  assert.equal((await another.exchange("NOOP")).code, 200);
  pool.give(another);
  await pool.close();
  await assert.rejects(pool.take("call", undefined), /closed/);
});
