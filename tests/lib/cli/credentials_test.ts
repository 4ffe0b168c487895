import assert from "node:assert/strict";
import type { Configuration, RelaySettings } from "../../../lib/config/section.ts";
import { askForCredentials } from "../../../lib/cli/credentials.ts";
import type { Terminal } from "../../../lib/cli/terminal.ts";
import { EscaleError } from "../../../lib/errors.ts";
import { makeSection } from "../../support/sections.ts";

function configurationOf(...relays: readonly Partial<RelaySettings>[]): Configuration {
  const base = makeSection().relay;
  const sections = relays.map((relay, i) => {
    return makeSection({ name: `s${i}`, relay: { ...base, protocol: "ftp", host: "h", ...relay } });
  });
  return { file: "/c", logRotate: 3, logFormat: "text", sections, warnings: [] };
}

/** Answers by counting, and notes what it was asked. */
class FakeTerminal implements Terminal {
  readonly asked: string[] = [];

  ask(question: string): string {
    return `user${this.asked.push(question)}`;
  }

  askHidden(question: string): string {
    return `secret${this.asked.push(question)}`;
  }
}

Deno.test("askForCredentials() asks once for a server, and only for what is missing", () => {
  const configuration = configurationOf(
    {},
    { folder: "/other" },
    { host: "i", username: "me" },
    { host: "j", username: "me", password: "known" },
    { protocol: "file" },
  );
  const terminal = new FakeTerminal();
  const fillIn = askForCredentials(configuration.sections, terminal);
  assert.deepEqual(terminal.asked, [
    "User at h: ",
    "Password of user1 at h: ",
    "Password of me at i: ",
  ]);
  // Loaded anew, the configuration lacks them again.
  for (let i = 0; i < 2; i++) {
    const logins = fillIn(configuration).sections.map((
      { relay },
    ) => [relay.username, relay.password]);
    assert.deepEqual(logins, [
      ["user1", "secret2"],
      ["user1", "secret2"],
      ["me", "secret3"],
      ["me", "known"],
      [undefined, undefined],
    ]);
  }
});

Deno.test("askForCredentials() fails where nobody can be asked, and names what is missing", () => {
  for (
    const [relay, lack] of [[{}, /no user name/], [{ username: "me" }, /no password/]] as const
  ) {
    assert.throws(() => askForCredentials(configurationOf(relay).sections, undefined), (thrown) => {
      assert.ok(thrown instanceof EscaleError);
      assert.equal(thrown.code, "config");
      assert.match(thrown.message, lack);
      return true;
    });
  }
  const known = configurationOf({ username: "me", password: "x" }, { protocol: "webdav" });
  assert.deepEqual(askForCredentials(known.sections, undefined)(known), known);
});
