import assert from "node:assert/strict";
import type { TestClient, World } from "../support/engine.ts";

/** What somebody is told of a hostile relay names its object, and shows nothing that a terminal would obey. */
export function checkTold(problems: readonly string[]): void {
  for (const problem of problems) {
    assert.match(problem, /"/, "each names its object");
    assert.doesNotMatch(problem, /[\p{Cc}\u202e]/u, "no control characters pass");
    assert.doesNotMatch(problem, /undefined|TypeError|SyntaxError|RangeError|not a function/);
    assert.doesNotMatch(
      problem,
      /unexpected token|Cannot read propert|is not iterable|Invalid array/i,
    );
  }
}

/** Names, sizes and times of all that stands below a folder. */
export function looksOf(folder: string): string[] {
  const looks: string[] = [];
  const visit = (path: string) => {
    for (const { name } of Deno.readDirSync(path)) {
      const info = Deno.lstatSync(`${path}/${name}`);
      looks.push(`${path}/${name} ${info.size} ${info.mtime?.getTime()} ${info.isSymlink}`);
      if (info.isDirectory) visit(`${path}/${name}`);
    }
  };
  visit(folder);
  return looks.sort();
}

/** What a client was told is wrong. */
export interface Problem {
  readonly message: string;
  readonly path?: string;
}

/** Some rounds of each client, the clock going on so that locks become stale and contents stable. */
export async function rounds(
  world: World,
  clients: readonly TestClient[],
): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  for (const client of clients) {
    await using session = await client.open();
    for (let round = 0; round < 3; round++) {
      const { events } = await session.round();
      for (const event of events) if (event.kind === "problem") problems.push(event);
      world.clock.uptimeS += client.section.lockTimeoutS + 1;
    }
  }
  return problems;
}
