import type { ErrorCode } from "../errors.ts";
import { printable } from "../path.ts";

/** The command of `escalectl` that mends a failure, or says what is wrong, by its first word; absent: there is none. */
const COMMANDS: Readonly<
  Partial<Record<ErrorCode, readonly [name: string, takes: "-r" | "name"]>>
> = {
  "config": ["doctor", "-r"],
  "denied": ["doctor", "-r"],
  "relay": ["doctor", "-r"],
  "wrong-key": ["doctor", "-r"],
  "corrupt": ["check", "-r"],
  "locked": ["check", "-r"],
  "full": ["list-pending", "-r"],
  "no-repository": ["start", "name"],
  "twin": ["restart", "name"],
  "internal": ["restart", "name"],
};

/** The command line that mends a failure of a client; `undefined` if none of `known` commands does. */
export function mendingCommand(
  code: ErrorCode,
  { client, isEnded, known }: {
    readonly client: string;
    readonly isEnded: boolean;
    readonly known: readonly string[];
  },
): string | undefined {
  const command = COMMANDS[code];
  if (command === undefined) return undefined;
  const [first, takes] = command;
  const name = first === "restart" && isEnded ? "start" : first;
  if (!known.includes(name)) return undefined;
  return `escalectl ${name} ${takes === "-r" ? "-r " : ""}${wordOf(client)}`;
}

/** A name as it is written on a command line. */
export function wordOf(name: string): string {
  return /^[\w.-]+$/.test(name) ? name : `"${printable(name)}"`;
}
