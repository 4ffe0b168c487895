import { commandOf } from "../support/program.ts";

/**
 * Runs a program on a terminal of its own and types an answer whenever a question stands there, Ctrl-C when there are no
 * more; tells what was shown, the status, and whether the terminal echoes again.
 */
const ON_TERMINAL = String.raw`
import fcntl, json, os, pty, struct, sys, termios
columns, answers, command = json.loads(sys.argv[1])
pid, fd = pty.fork()
if pid == 0:
    os.environ["NO_COLOR"] = "1"
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    os.execvp(command[0], command)
shown = b""
while True:
    try:
        chunk = os.read(fd, 4096)
    except OSError:
        break
    if not chunk:
        break
    shown += chunk
    if shown.endswith(b": "):
        os.write(fd, (answers.pop(0) if answers else "\x03").encode())
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
echoes = bool(termios.tcgetattr(fd)[3] & termios.ECHO)
print(json.dumps({"shown": shown.decode(), "status": status, "echoes": echoes, "left": len(answers)}))
`;

/** What was seen on a terminal. */
export interface OnTerminal {
  readonly shown: string;
  readonly status: number;
  /** What is typed there is shown again. */
  readonly echoes: boolean;
  /** How many answers nobody asked for. */
  readonly left: number;
}

/** Runs `escale` on a terminal; each answer is typed as it is, its line end included. */
export async function escaleOnTerminal(
  args: readonly string[],
  answers: readonly string[],
  { columns = 80 }: { readonly columns?: number } = {},
): Promise<OnTerminal> {
  const command = [...commandOf("escale"), ...args];
  const { stdout, stderr } = await new Deno.Command("python3", {
    args: ["-c", ON_TERMINAL, JSON.stringify([columns, answers, command])],
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (stdout.length === 0) throw new Error(text(stderr));
  return JSON.parse(text(stdout));
}
