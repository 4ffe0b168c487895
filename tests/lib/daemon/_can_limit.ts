import { canLimitWorkers } from "../../../lib/daemon/sandbox.ts";

Deno.stdout.writeSync(new TextEncoder().encode(String(await canLimitWorkers())));
