import { checkRelay } from "../relay/check.ts";
import { checkPages } from "../relay/check_pages.ts";
import type { Checked, CheckOptions } from "../relay/findings.ts";
import type { Toolbox } from "./toolbox.ts";

/**
 * Looks at the relay of a section in the layout that it says, and changes nothing.
 *
 * @throws {EscaleError} `wrong-key`
 * @throws {BackendError}
 */
export function checkSection(
  { context, section, signal }: Toolbox,
  options: Omit<CheckOptions, "signal">,
): Promise<Checked> {
  const look = section.index.kind === "none" ? checkRelay : checkPages;
  return look(context, { ...options, signal });
}
