import { parseObjectName } from "../../../backends/backend.ts";
import { openGoogleDrive } from "../../../backends/googledrive/mod.ts";
import { noise } from "../../support/byte_streams.ts";
import { heldSource } from "../../support/sources.ts";

/** Sends all of an object but its last byte, says so, and waits to be killed. */
const backend = await openGoogleDrive(JSON.parse(Deno.args[0] ?? ""));
const source = heldSource(noise(50_000));
const put = backend.put(parseObjectName("f"), source);
await source.reached;
Deno.stdout.writeSync(new TextEncoder().encode("sent\n"));
await put;
