/** The bytes of each unit: all go by 1024, and a small `b` counts bits. */
export const BYTES_OF_UNIT: ReadonlyMap<string, number> = new Map(
  ["K", "M", "G", "T", "P", "E"].flatMap((prefix, i): [string, number][] => {
    const bytes = 1024 ** (i + 1);
    const whole = ["", "B", "o", "iB"].map((suffix): [string, number] => [prefix + suffix, bytes]);
    return [...whole, [`${prefix}b`, bytes / 8]];
  }),
);

/**
 * Reads a size: a decimal number (with point or comma) and a unit, megabytes if there is none. Returns whole bytes,
 * rounded down, or why the text is no size.
 */
export function parseSize(text: string): { bytes: number } | { problem: string } {
  const [, digits, unit = ""] = /^(\d+(?:[.,]\d+)?) ?([A-Za-z]*)$/.exec(text) ?? [];
  if (digits === undefined) return { problem: 'should be a number and a unit, like "1.5 GB"' };
  const bytesOfUnit = BYTES_OF_UNIT.get(unit === "" ? "MB" : unit);
  if (bytesOfUnit === undefined) {
    return {
      problem: `has an unknown unit: should be one of ${[...BYTES_OF_UNIT.keys()].join(", ")}`,
    };
  }
  const bytes = Math.floor(Number(digits.replace(",", ".")) * bytesOfUnit);
  if (bytes === 0) return { problem: "should be more than 0 bytes" };
  if (!Number.isSafeInteger(bytes)) return { problem: "should be less than 8 PB" };
  return { bytes };
}
