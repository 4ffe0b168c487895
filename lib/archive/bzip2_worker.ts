import { compressHere } from "./bzip2_encode.ts";
import { serveCompression } from "./bzip2_port.ts";

/*
 * A worker that compresses for others; it needs no permissions. Each message `{ port }` to it brings a port on which it
 * answers from then on, as bzip2_port.ts says.
 */

globalThis.onmessage = ({ data }: MessageEvent<unknown>) => {
  if (typeof data !== "object" || data === null || !("port" in data)) return;
  if (data.port instanceof MessagePort) serveCompression(data.port, compressHere);
};
