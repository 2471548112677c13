import { stripped } from "./json.js";

/** What is wrong with a cron expression, as the end of a sentence. */
export interface CronFault {
  /** It is well formed, but no date fulfils it. */
  readonly neverFires: boolean;
  readonly message: string;
}

const NICKNAMES: Readonly<Record<string, string>> = {
  "@hourly": "0 * * * *",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *",
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
};

interface Field {
  readonly name: string;
  readonly lowest: number;
  readonly highest: number;
  readonly names: readonly string[];
}

const DAY: Field = { name: "day of month", lowest: 1, highest: 31, names: [] };
const MONTH: Field = {
  name: "month",
  lowest: 1,
  highest: 12,
  names: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
};
const WEEKDAY: Field = { name: "day of week", lowest: 0, highest: 7, names: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"] };
const FIELDS: readonly Field[] = [
  { name: "second", lowest: 0, highest: 59, names: [] },
  { name: "minute", lowest: 0, highest: 59, names: [] },
  { name: "hour", lowest: 0, highest: 23, names: [] },
  DAY,
  MONTH,
  WEEKDAY,
];
const PART = /^(?:\*|([A-Z0-9]+)(?:-([A-Z0-9]+))?)(?:\/([0-9]{1,4}))?$/;
const LAST_OR_NTH_DAY = /^(?:([0-9]+)L|([A-Z0-9]+)#([1-5]))$/;
const YEARS = 50;

/** What is wrong with a cron expression, or undefined. */
export function checkCron(text: string): CronFault | undefined {
  const written = stripped(text);
  const nickname = written.toLowerCase();
  const known = Object.hasOwn(NICKNAMES, nickname) ? NICKNAMES[nickname] : undefined;
  const fields = (known ?? written).toUpperCase().split(/\s+/);
  if (fields.length !== 5 && fields.length !== 6) {
    return { neverFires: false, message: `it has ${written === "" ? 0 : fields.length} fields, not five or six` };
  }
  for (const [index, field] of FIELDS.slice(-fields.length).entries()) {
    for (const part of (fields[index] ?? "").split(",")) {
      const message = wrongPart(field, part);
      if (message !== undefined) return { neverFires: false, message };
    }
  }
  const [day = "", month = "", weekday = ""] = fields.slice(-3);
  return fires(day, month, weekday) ? undefined : { neverFires: true, message: `no date within ${YEARS} years fulfils it` };
}

function wrongPart(field: Field, part: string): string | undefined {
  if (field === DAY && (part === "L" || part === "LW")) return undefined;
  const special = field === WEEKDAY ? LAST_OR_NTH_DAY.exec(part) : null;
  if (special !== null) return wrongNumber(field, special[1] ?? special[2] ?? "");
  const match = PART.exec(part);
  if (match === null) return `'${part}' is no ${field.name}`;
  const [, first, last, step] = match;
  for (const text of [first, last]) {
    const message = text === undefined ? undefined : wrongNumber(field, text);
    if (message !== undefined) return message;
  }
  if (first !== undefined && last !== undefined && numberOf(field, last) < numberOf(field, first)) {
    return `the range ${first}-${last} of the ${field.name} runs backwards`;
  }
  const size = field.highest - field.lowest + 1;
  if (step === undefined || (Number(step) >= 1 && Number(step) <= size)) return undefined;
  return `a step of ${step} does not fit into the ${field.name}, which has ${size} values`;
}

function wrongNumber(field: Field, text: string): string | undefined {
  if (field.names.includes(text)) return undefined;
  if (!/^[0-9]{1,4}$/.test(text)) return `'${text}' is no ${field.name}`;
  const value = Number(text);
  if (value >= field.lowest && value <= field.highest) return undefined;
  return `${field.name} must be from ${field.lowest} to ${field.highest}, not ${value}`;
}

function numberOf(field: Field, text: string): number {
  const index = field.names.indexOf(text);
  return index >= 0 ? index + field.lowest : Number(text);
}

/** Whether any date fulfils the fields of days and months. Day of month and day of week, both set, mean either. */
function fires(day: string, month: string, weekday: string): boolean {
  const months = valuesOf(MONTH, month);
  const areBothNeeded = day.startsWith("*") || weekday.startsWith("*");
  for (let date = new Date(Date.UTC(2024, 0, 1)); date.getUTCFullYear() < 2024 + YEARS; date.setUTCDate(date.getUTCDate() + 1)) {
    if (!months.has(date.getUTCMonth() + 1)) continue;
    const [isDay, isWeekday] = [fitsDay(day, date), fitsWeekday(weekday, date)];
    if (areBothNeeded ? isDay && isWeekday : isDay || isWeekday) return true;
  }
  return false;
}

function fitsDay(text: string, date: Date): boolean {
  const last = lastOf(date);
  const lastWeekday = last - Math.max(0, ((new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), last)).getUTCDay() + 6) % 7) - 4);
  return text.split(",").some((part) => {
    if (part === "L") return date.getUTCDate() === last;
    if (part === "LW") return date.getUTCDate() === lastWeekday;
    return valuesOf(DAY, part).has(date.getUTCDate());
  });
}

function fitsWeekday(text: string, date: Date): boolean {
  return text.split(",").some((part) => {
    const special = LAST_OR_NTH_DAY.exec(part);
    const weekdays = special === null ? valuesOf(WEEKDAY, part) : new Set([numberOf(WEEKDAY, special[1] ?? special[2] ?? "")]);
    const isDay = weekdays.has(date.getUTCDay()) || (date.getUTCDay() === 0 && weekdays.has(7));
    if (special === null || !isDay) return isDay;
    if (special[3] === undefined) return date.getUTCDate() + 7 > lastOf(date);
    return Math.ceil(date.getUTCDate() / 7) === Number(special[3]);
  });
}

function lastOf(date: Date): number {
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
}

/** The values that a field names, each part of it known to be well formed. */
function valuesOf(field: Field, text: string): ReadonlySet<number> {
  const values = new Set<number>();
  for (const part of text.split(",")) {
    const [, first, last, step] = PART.exec(part) ?? [];
    const from = first === undefined ? field.lowest : numberOf(field, first);
    const single = first !== undefined && last === undefined && step === undefined;
    const to = single ? from : last === undefined ? field.highest : numberOf(field, last);
    for (let value = from; value <= to; value += Number(step ?? 1)) values.add(value);
  }
  return values;
}
