import { isObject, lengthOf, type Json, type Place } from "./json.js";

const MAX_CHARS = 60;
const NAMED: Readonly<Record<string, string>> = { steps: "step", body: "step", triggers: "trigger" };
const TYPES: Readonly<Record<string, string>> = {
  object: "an object",
  array: "an array",
  string: "a text",
  number: "a number",
  integer: "a whole number",
  boolean: "true or false",
  null: "null",
};

/** A sentence about a place, which it names by the nearest step or trigger and the members below it. */
export function sentence(document: Json, place: Place, end: string): string {
  const text = `${placeName(document, place)} ${end}.`;
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

function placeName(document: Json, place: Place): string {
  let owner = "";
  let below: string[] = [];
  let value: Json = document;
  let previous = "";
  for (const segment of place) {
    value = belowOf(value, segment);
    below.push(String(segment));
    const kind = Object.hasOwn(NAMED, previous) ? NAMED[previous] : undefined;
    if (kind !== undefined && typeof segment === "number") {
      owner = `${kind} ${identifier(value, segment)}`;
      below = [];
    }
    previous = String(segment);
  }
  const members = below.length > 0 ? `\`${below.join(".")}\`` : "";
  if (owner !== "" && members !== "") return `${owner}: ${members}`;
  return owner || members || "the document";
}

function belowOf(value: Json, segment: string | number): Json {
  if (Array.isArray(value)) return (value as readonly Json[])[Number(segment)] ?? null;
  return isObject(value) && Object.hasOwn(value, segment) ? (value[segment] ?? null) : null;
}

function identifier(value: Json, index: number): string {
  const id = isObject(value) ? value["id"] : undefined;
  return typeof id === "string" && id !== "" ? `'${id}'` : `number ${index + 1}`;
}

/** A value as it may stand in a message: JSON text, and short. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (isObject(value)) return "an object";
  const text = JSON.stringify(value) ?? "null";
  return lengthOf(text) <= MAX_CHARS ? text : `${text.slice(0, MAX_CHARS)}…`;
}

/** JSON types as people say them. */
export function typeNames(names: unknown): string {
  return (Array.isArray(names) ? names : [names]).map((name) => TYPES[String(name)] ?? String(name)).join(" or ");
}
