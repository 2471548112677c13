/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  readonly [name: string]: Json;
}

/** Way from the document to a place in it: member names and array positions. */
export type Place = readonly (string | number)[];

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A member's own value; what objects inherit (`constructor`, …) is not there. */
export function member(value: Json | undefined, name: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

export function itemsOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

/** A copy with some members set; also names such as `__proto__` are plain members of it. */
export function withMembers(value: JsonObject, members: JsonObject): JsonObject {
  return { ...value, ...members };
}

/** A copy with each member's value changed. */
export function mapMembers(value: JsonObject, change: (member: Json) => Json): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, change(one)]));
}

const BLANKS = "[\\t-\\r\\u001c-\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+";
const AROUND = new RegExp(`^${BLANKS}|${BLANKS}$`, "g");

/** Without the blanks around it, where blanks are what the server takes for them. */
export function stripped(text: string): string {
  return text.replace(AROUND, "");
}

/** Length in characters, a surrogate pair being one. */
export function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length += 1;
  return length;
}

/** JSON Pointer (RFC 6901) of a place. */
export function pointer(...place: Place): string {
  return place.map((segment) => `/${escaped(String(segment))}`).join("");
}

/** One segment as it stands in a pointer. */
export function escaped(segment: string): string {
  return segment.replaceAll("~", "~0").replaceAll("/", "~1");
}
