/** Why each permission of a program is needed. What the tasks list and this does not, or the reverse, is an error. */
const REASONS: Readonly<Record<string, string>> = {
  "read":
    "the configuration, the folders to synchronise, what is remembered of them, relays in a " +
    "directory: all are where you say",
  "write": "the same",
  "net": "relays are where you say; `escalectl` reaches the running `escale` over the loopback " +
    "interface; mail to `maintainer` goes to this machine's own server",
  "run": "`escale` itself, in the background; a program that a relay is reached by",
  "env": "the proxies that the system is set to; no other variable is read",
  "sys homedir": "`~` in paths, and the usual places of the configuration",
  "sys hostname": "the client's name where the configuration has none",
  "sys osUptime": "how long a lock has stood still, by a clock that nobody sets",
  "sys statfs": "free space, and whether a folder is still on the same disk",
  "sys uid": "a warning to the super user",
};

type Tasks = Readonly<Record<"escale" | "escalectl", string>>;

/**
 * A row for each permission that a task gives: itself, the programs that have it, and why.
 *
 * @throws {Error} if one has no reason here, or a reason has no permission
 */
export function permissionRows(tasks: Tasks): string[][] {
  const programs = new Map<string, string[]>();
  for (const program of ["escale", "escalectl"] as const) {
    for (const permission of permissionsOf(tasks[program])) {
      programs.set(permission, [...programs.get(permission) ?? [], `\`${program}\``]);
    }
  }
  const known = Object.keys(REASONS);
  const needless = known.find((name) => !programs.has(name));
  if (needless !== undefined) throw new Error(`No program has the permission "${needless}"`);
  return [...programs].map(([permission, names]) => {
    const reason = REASONS[permission];
    if (reason === undefined) throw new Error(`No reason is given for "${permission}"`);
    return [cellOf(permission, tasks), names.join(", "), reason];
  });
}

/** `read`, or `sys uid` where parts have reasons of their own. */
function permissionsOf(task: string): string[] {
  const words = task.split(" ").filter((word) => word.startsWith("--allow-"));
  return words.flatMap((word) => {
    const [name = "", values] = word.slice("--allow-".length).split("=");
    if (name === "sys" && values !== undefined) return values.split(",").map((it) => `sys ${it}`);
    return [name];
  });
}

function cellOf(permission: string, { escale }: Tasks): string {
  const [name, part] = permission.split(" ");
  if (part !== undefined) return `\`--allow-${name}=${part}\``;
  const values = new RegExp(`--allow-${name}=(\\S+)`).exec(escale)?.[1];
  if (values === undefined) return `\`--allow-${name}\``;
  const list = values.split(",").map((value) => `\`${value}\``).join(", ");
  return `\`--allow-${name}\` for ${list}`;
}
