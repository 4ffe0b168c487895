/**
 * Says that a test, or a part of one, cannot run here and why. Where skipping is switched off, as on the machine that
 * decides, that is a failure.
 */
export function skip(reason: string): void {
  if (Deno.env.get("ESCALE_NO_SKIP") !== undefined) {
    throw new Error(`Must not be skipped: ${reason}`);
  }
  Deno.stderr.writeSync(new TextEncoder().encode(`SKIPPED: ${reason}\n`));
}

/** Whether skipping is switched off. */
export function mustRunAll(): boolean {
  return Deno.env.get("ESCALE_NO_SKIP") !== undefined;
}
