import type { Section } from "../config/section.ts";
import { type Log, logTo } from "../log.ts";
import { openToolbox, type Toolbox } from "../sync/toolbox.ts";
import type { Ctl } from "./ctl.ts";

/** How {@linkcode toolboxOf} opens one. */
export interface CtlToolboxOptions {
  /** As for `openToolbox()`. */
  readonly isAlone?: boolean;
  readonly puller?: string;
}

/** The toolbox of a section for a command. @throws as `openToolbox()` */
export function toolboxOf(
  section: Section,
  ctl: Ctl,
  options: CtlToolboxOptions = {},
): Promise<Toolbox> {
  const { signal, program: { openBackend } } = ctl;
  return openToolbox(section, { openBackend, signal, log: logOf(ctl), ...options });
}

/** A log whose warnings the user sees. */
export function logOf(ctl: Ctl): Log {
  return logTo((level, event, fields) => {
    if (level !== "warn" && level !== "error") return;
    const facts = Object.entries(fields).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name} ${value}`]
    );
    const text = event.charAt(0).toUpperCase() + event.slice(1);
    ctl.warn(facts.length === 0 ? text : `${text}: ${facts.join(", ")}`);
  });
}
