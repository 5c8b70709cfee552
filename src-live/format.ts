const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** A value that may be missing. */
export type Reading = number | null | undefined;

export type Format = (value: Reading) => string;

const missing = '–';

/** Three digits that count; the unit that fits. */
export const bytes: Format = (value) => {
  if (value == null) return missing;
  const step = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(value, 1)) / 10)));
  return `${short(value / 1024 ** step)} ${UNITS[step]}`;
};

export const count: Format = (value) => (value == null ? missing : value.toLocaleString('en'));

export const perSecond: Format = (value) => (value == null ? missing : `${short(value)}/s`);

export const millis: Format = (value) => {
  if (value == null) return missing;
  return value < 1_000 ? `${short(value)} ms` : `${short(value / 1_000)} s`;
};

function short(value: number): string {
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits);
}

/** A time as people say it. */
export function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return `${Math.floor(seconds)} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}
