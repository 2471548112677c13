import { isObject, member, type Json, type JsonObject } from "./json.js";

const UNITS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1_000],
  ["millisecond", 1],
] as const;

/** Parts of the keyword `maestro:duration`. */
export interface DurationLimits {
  readonly unit: "ms" | "s";
  readonly minimum: number;
  readonly maximum: number;
}

/** Parts of the keyword `maestro:retryBudget`. */
export interface RetryLimits {
  readonly maximum: number;
}

/** What is wrong with a duration, as the end of a sentence, or undefined. */
export function durationFault(limits: DurationLimits, value: unknown): string | undefined {
  const kind = limits.unit === "s" ? "a whole number of seconds" : "a whole number of milliseconds";
  if (typeof value !== "number" || !Number.isInteger(value)) return `must be ${kind}`;
  if (value >= limits.minimum && value <= limits.maximum) return undefined;
  const scale = limits.unit === "s" ? 1_000 : 1;
  return `must be ${kind} from ${inWords(limits.minimum * scale)} to ${inWords(limits.maximum * scale)}`;
}

/** What is wrong with a `retryConfig` as a whole, as the end of a sentence, or undefined. */
export function retryBudgetFault(limits: RetryLimits, retry: unknown): string | undefined {
  if (!isObject(retry)) return undefined;
  const delay = whole(member(retry, "retryDelay"), 1_000);
  const cap = whole(member(retry, "maxDelay"), 60_000);
  if (Object.hasOwn(retry, "retryDelay") && Object.hasOwn(retry, "maxDelay") && cap < delay) {
    return `has a maxDelay of ${inWords(cap)}, shorter than its retryDelay of ${inWords(delay)}`;
  }
  const longest = longestWaitMs(retry);
  if (longest <= limits.maximum) return undefined;
  return `may wait ${inWords(longest)} between its attempts, longer than ${inWords(limits.maximum)}`;
}

/** Sum of the waits between the attempts that a `retryConfig` allows, jitter drawing the longest each time. */
export function longestWaitMs(retry: JsonObject): number {
  const retries = Math.min(whole(member(retry, "maxRetries"), 0), 1_000);
  const maxDelay = whole(member(retry, "maxDelay"), 60_000);
  const maxElapsed = whole(member(retry, "maxElapsed"), 0);
  const exponential = (member(retry, "exponentialBackoff") ?? true) === true;
  let delay = whole(member(retry, "retryDelay"), 1_000);
  let total = 0;
  for (let done = 0; done < retries; done += 1) {
    total += Math.min(delay, maxDelay);
    if (exponential) delay = Math.min(delay * 2, maxDelay);
  }
  return maxElapsed === 0 ? total : Math.min(total, maxElapsed);
}

/** A length of time as people say it: in its largest unit, rounded to a tenth of it. */
export function inWords(milliseconds: number): string {
  for (const [name, size] of UNITS) {
    if (milliseconds < size) continue;
    const amount = Math.round((milliseconds / size) * 10) / 10;
    return `${amount} ${name}${amount === 1 ? "" : "s"}`;
  }
  return "0";
}

/** A duration that holds: a whole number above 0. */
export function durationOf(value: Json | undefined): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value > 0 ? value : undefined;
}

function whole(value: Json | undefined, otherwise: number): number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : otherwise;
}
