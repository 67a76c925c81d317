/** A whole number with narrow no-break spaces between thousands; never in scientific notation. */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US").replaceAll(",", "\u202f");
}

/** Milliseconds: `−3 ms`, from a second on `6.0 s`; `–` when nothing was measured. */
export function milliseconds(value: number | null): string {
  if (value === null) return "–";
  if (Math.abs(value) >= 1000) return `${(value / 1000).toFixed(1)} s`;
  return `${Math.round(value)} ms`.replace("-", "−");
}

/** Bytes in decimal units: `12.3 MB`. */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  return `${(value / 1000 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step]}`;
}

/** Time since an ISO date: `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`. */
export function ago(since: string, now: Date): string {
  const seconds = Math.max(0, Math.round((now.getTime() - Date.parse(since)) / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
