import { startSftp, whyNoSftpServer } from "../../servers/sftp.ts";
import { skip } from "../../support/skip.ts";
import { conformance } from "../conformance.ts";
import { addressAt, cannotName, Ground, hasRclone, relayAt } from "./_relay.ts";

const why = hasRclone() ? whyNoSftpServer() : "no rclone here";

if (why !== undefined) Deno.test("rclone sftp (SKIPPED)", () => skip(why));
else {
  conformance("rclone sftp", {
    cannotName,
    rounds: 20,
    async start() {
      await using opening = new AsyncDisposableStack();
      const server = opening.use(await startSftp());
      const ground = opening.use(new Ground(["[far]", ...server.remote]));
      const folder = `${server.folder}/relay`;
      const closing = opening.move();
      return await relayAt(addressAt(`far:${folder}`, ground.config), { folder, closing });
    },
  });
}
