import { PASSWORD, USER, type WebDavProgram } from "./webdav.ts";

/** `rclone serve webdav` of a local folder. */
export const rcloneServe: WebDavProgram = {
  name: "rclone",
  tool: "rclone",
  logins: ["none", "basic"],
  holdsControls: false,
  path: "relay",
  configure({ home, port, login, certificates, wantsClientCertificate }) {
    return [
      ...["serve", "webdav", `${home}/files`, "--addr", `127.0.0.1:${port}`],
      // What another client wrote is to be seen at once.
      ...["--dir-cache-time", "0s", "--poll-interval", "0", "--config", `${home}/rclone.conf`],
      ...["--cache-dir", `${home}/tmp`],
      ...(login === "basic" ? ["--user", USER, "--pass", PASSWORD] : []),
      ...(certificates === undefined
        ? []
        : ["--cert", certificates.serverBundleFile, "--key", certificates.serverKeyFile]),
      ...(wantsClientCertificate && certificates !== undefined
        ? ["--client-ca", certificates.authorityFile]
        : []),
    ];
  },
};
