import { hash } from "node:crypto";
import type { Section } from "../config/section.ts";

/**
 * To be raised whenever the rules change, or what an outlook holds: what needed nothing under the old ones is then
 * looked at again.
 */
const RULES = 2;

/**
 * Stands for all settings by which a client decides about a file. Secrets are not in it; `keyFingerprint` tells keys
 * apart.
 */
export function settingsSign(section: Section, keyFingerprint: string | undefined): string {
  const { passphrase: _passphrase, relay, ...others } = section;
  const { protocol, host, port, folder } = relay;
  const told = [RULES, others, protocol, host, port, folder, keyFingerprint];
  return hash("sha256", JSON.stringify(told), "hex");
}
