import { isObject, lengthOf, stripped, type Json, type Place } from "./json.js";

const MAX_PATH_CHARS = 1_000;
const SEGMENT = "[^.{}\\[\\]\\u0000-\\u001f\\u007f]+";
const WELL_FORMED = new RegExp(`^${SEGMENT}(?:\\.${SEGMENT})*$`);
const REFUSED = /[{}[\]\u0000-\u001f\u007f]/;

/** Dotted path into the context of an execution, in its segments; never without one. */
export type ContextPath = readonly string[];

/** A text that is no path, or no template; the message says why, as the end of a sentence. */
export class Malformed {
  constructor(readonly message: string) {}
}

/** Path of its dotted text, or why it is none. */
export function parsePath(text: string): ContextPath | Malformed {
  const path = stripped(text);
  if (WELL_FORMED.test(path) && lengthOf(path) <= MAX_PATH_CHARS) return path.split(".");
  return new Malformed(whyNot(path));
}

function whyNot(text: string): string {
  if (text === "") return "it is empty";
  if (lengthOf(text) > MAX_PATH_CHARS) return `it is longer than ${MAX_PATH_CHARS} characters`;
  const refused = REFUSED.exec(text)?.[0];
  if (refused === undefined) return "it has an empty segment (a dot at an end, or two in a row)";
  if (!"{}[]".includes(refused)) return "it contains a control character";
  return `it contains '${refused}'; array positions are written as numbers, like items.0.name`;
}

/** Every path in the templates of a value, and every text that is no template, with the way to it. */
export function* scan(value: Json | undefined, place: Place): Generator<readonly [Place, ContextPath | Malformed]> {
  if (typeof value === "string") {
    for (const found of pathsIn(value)) yield [place, found];
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* scan(item as Json, [...place, index]);
  } else if (isObject(value)) {
    for (const [name, one] of Object.entries(value)) yield* scan(one, [...place, name]);
  }
}

/** The paths of a text's templates; where one of them is malformed, that alone. */
function pathsIn(text: string): readonly (ContextPath | Malformed)[] {
  const found: ContextPath[] = [];
  let position = 0;
  for (let start = text.indexOf("{{"); start >= 0; start = text.indexOf("{{", position)) {
    if (start > 0 && text[start - 1] === "\\") {
      position = start + 2;
      continue;
    }
    const end = text.indexOf("}}", start);
    if (end < 0) return [new Malformed("a '{{' is not closed by '}}'")];
    const path = parsePath(text.slice(start + 2, end));
    if (path instanceof Malformed) {
      return [new Malformed(`${text.slice(start, end + 2).slice(0, 100)} is not a path: ${path.message}`)];
    }
    found.push(path);
    position = end + 2;
  }
  return found;
}
