const UNITS = ["KiB", "MiB", "GiB", "TiB", "PiB"];

/** A size for people: `512 B`, `4.2 MiB`. */
export function formatBytes(bytes: number): string {
  let [value, unit] = [bytes, "B"];
  for (const next of UNITS) {
    // Below this, one decimal does not round up to 1024.0.
    if (value < 1023.95) break;
    [value, unit] = [value / 1024, next];
  }
  return `${unit === "B" ? value : value.toFixed(1)} ${unit}`;
}

/** A time for people: `0:05`, `12:34`, `2:03:04`. Seconds are rounded up. */
export function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const last = String(whole % 60).padStart(2, "0");
  return hours === 0
    ? `${minutes}:${last}`
    : `${hours}:${String(minutes).padStart(2, "0")}:${last}`;
}

const AGES: readonly (readonly [unit: string, ms: number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
];

/** How long something is ago, for people: `12 s`, `3 min`, `2 h`, `5 d`, rounded down; 0 if it lies ahead. */
export function formatAge(ms: number): string {
  const [unit, size] = AGES.find(([, size]) => ms >= size) ?? ["s", 1_000];
  return `${Math.max(0, Math.floor(ms / size))} ${unit}`;
}
