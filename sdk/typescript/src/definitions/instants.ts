const DATE = /^(?:(\d{4})-(\d\d)-(\d\d)|(\d{4})(\d\d)(\d\d)|(\d{4})-W(\d\d)(?:-(\d))?|(\d{4})W(\d\d)(\d)?)/;
const CLOCK = String.raw`(\d\d)(?::(\d\d)(?::(\d\d)(?:[.,]\d*)?)?|(\d\d)(?:(\d\d)(?:[.,]\d*)?)?)?`;
const TIME = new RegExp(`^${CLOCK}(?:Z|[+-]${CLOCK})?$`);

/** Whether a text is an instant as the server reads it: an ISO 8601 date, a time of day, an offset; each after it may be left out. */
export function isInstant(text: string): boolean {
  const date = DATE.exec(text);
  if (date === null || !isDate(date.map(Number))) return false;
  const [separator, ...time] = text.slice(date[0].length);
  return separator === undefined || isTime(time.join(""));
}

function isDate(parts: readonly number[]): boolean {
  const [year = NaN, month = NaN, day = NaN] = filled(parts.slice(1, 4), parts.slice(4, 7));
  if (!Number.isNaN(year)) return year > 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
  const [isoYear = NaN, week = NaN, weekday = NaN] = filled(parts.slice(7, 10), parts.slice(10, 13));
  const isDay = Number.isNaN(weekday) || (weekday >= 1 && weekday <= 7);
  return isoYear > 0 && week >= 1 && week <= weeksIn(isoYear) && isDay;
}

function isTime(text: string): boolean {
  const found = TIME.exec(text);
  if (found === null) return false;
  const parts = found.slice(1).map(Number);
  return isClock(parts.slice(0, 5)) && isClock(parts.slice(5, 10));
}

/** Hours, minutes and seconds, written with colons or without; what is not there is no number. */
function isClock(parts: readonly number[]): boolean {
  const [hour = NaN, minute = NaN, second = NaN, plainMinute = NaN, plainSecond = NaN] = parts;
  return !(hour > 23) && ![minute, second, plainMinute, plainSecond].some((part) => part > 59);
}

function filled(one: readonly number[], other: readonly number[]): readonly number[] {
  return Number.isNaN(one[0]) ? other : one;
}

function daysIn(year: number, month: number): number {
  const day = new Date(0);
  day.setUTCFullYear(year, month, 0);
  return day.getUTCDate();
}

/** A year has 53 weeks where it begins, or a leap year ends, on a Thursday. */
function weeksIn(year: number): number {
  const first = new Date(0);
  first.setUTCFullYear(year, 0, 1);
  const weekday = first.getUTCDay();
  return weekday === 4 || (weekday === 3 && daysIn(year, 2) === 29) ? 53 : 52;
}
