import type { Notice } from "../daemon/notices.ts";
import type { Mail } from "../daemon/smtp.ts";

/** The mail that tells a maintainer of clients that stopped. */
export function noticeMail(
  notices: readonly Notice[],
  { to, hostName, configFile, logFile }: {
    readonly to: string;
    readonly hostName: string;
    readonly configFile: string;
    readonly logFile: string | undefined;
  },
): Mail {
  const host = /^[A-Za-z0-9.-]+$/.test(hostName) ? hostName : "localhost";
  const count = notices.length === 1
    ? "a client stopped"
    : `clients stopped ${notices.length} times`;
  const lines = notices.map(({ atMs, text }) => `${new Date(atMs).toISOString()} ${text}`);
  return {
    from: `escale@${host}`,
    to: [to],
    subject: `Escale on ${host}: ${count}`,
    date: new Date(),
    text: [
      `On ${host}, configuration "${configFile}":`,
      "",
      ...lines,
      "",
      "To see how the clients are now: escalectl status",
      ...(logFile === undefined ? [] : [`The log is "${logFile}".`]),
      "Within an hour of this mail no other one comes; what happens meanwhile stands in the next.",
      "",
    ].join("\n"),
  };
}
