/** The longest client name taken, in UTF-16 units; it stands in every record and conflict copy. */
const MAX_LENGTH = 100;

/**
 * Says why `name` cannot name a client on a relay, or `undefined` if it can: it must survive as a value and as a line
 * of its own in locks and placeholders.
 */
export function whyNotClientName(name: string): string | undefined {
  if (name === "") return "is empty";
  if (!name.isWellFormed()) return "is not valid Unicode";
  if (name.length > MAX_LENGTH) return `is longer than ${MAX_LENGTH} characters`;
  if (name.trim() !== name) return "starts or ends with a blank";
  if (name.includes(":")) return 'contains ":"';
  if (/\p{Cc}|[\u2028\u2029]/u.test(name)) return "contains a control character or a line end";
  if (/^[-=+#%]/.test(name)) return `starts with "${name.slice(0, 1)}", which starts a section`;
  return undefined;
}
