import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";

import { fault, type DefinitionFault } from "./faults.js";
import { isObject, itemsOf, member, pointer, type Json, type JsonObject, type Place } from "./json.js";
import { plainErrors } from "./shape.js";

const SINGLE = [
  ...["additionalProperties", "propertyNames", "items", "contains", "not", "if", "then", "else"],
  ...["unevaluatedItems", "unevaluatedProperties", "contentSchema"],
] as const;
const LISTS = ["allOf", "anyOf", "oneOf", "prefixItems"] as const;
const MAPS = ["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"] as const;
const CORE: readonly string[] = ["$id", "$schema", "$ref", "$anchor", "$dynamicRef", "$dynamicAnchor", "$vocabulary", "$comment", "$defs"];
const UNEVALUATED: readonly string[] = ["unevaluatedItems", "unevaluatedProperties"];
const VALIDATION: readonly string[] = [
  ...["type", "const", "enum", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"],
  ...["maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "maxContains", "minContains"],
  ...["maxProperties", "minProperties", "required", "dependentRequired"],
];
const NO_ADDRESS = /[^\x21-\x7e]|[{}<>"\\^`|]/;
const META = "https://json-schema.org/draft/2020-12/";

let meta: Ajv2020 | undefined;

/** What is wrong with a JSON Schema that stands at `base` in a document (trigger data, a form's field). */
export function embeddedSchemaFaults(schema: JsonObject, base: string): readonly DefinitionFault[] {
  meta ??= newMeta();
  if (!meta.validate(`${META}schema`, schema)) {
    const error = firstOf(plainErrors(meta.errors ?? [], undefined));
    const message = `The schema is not valid: ${error.message ?? "it breaks the rules of JSON Schema"}.`;
    return [fault("schema.invalid", base + error.instancePath + nameOf(error), message)];
  }
  const parts = [...schemasIn(schema, [])];
  const unusable = wrongPattern(parts);
  if (unusable !== undefined) {
    return [fault("schema.invalid", base + pointer(...unusable), "The schema is not valid: this is no pattern that runs in linear time.")];
  }
  const wrong = wrongReference(schema, parts.map(({ part }) => part));
  if (wrong === undefined) return [];
  const message = wrong.isRemote
    ? `The schema refers to another document, which is never fetched: '${wrong.reference}'.`
    : `The schema is not valid: there is nothing at '${wrong.reference}'.`;
  return [fault(wrong.isRemote ? "schema.remote_reference" : "schema.invalid", base, message)];
}

function newMeta(): Ajv2020 {
  return new Ajv2020({ allErrors: true, strict: false, verbose: true, validateFormats: false });
}

/** Of several errors the one that the server names: the vocabularies one after another, in each the keywords by name. */
function firstOf(errors: readonly ErrorObject[]): ErrorObject {
  const [first, ...others] = errors.filter((error) => error.keyword !== "propertyNames");
  if (first === undefined) throw new Error("The validator refuses without an error.");
  return others.reduce((one, other) => (rankOf(other.instancePath) < rankOf(one.instancePath) ? other : one), first);
}

/** A path as a text that sorts as the server looks at what it leads through. */
function rankOf(path: string): string {
  const segments = path.split("/").slice(1);
  const ranked: string[] = [];
  for (let next = segments.shift(); next !== undefined; next = segments.shift()) {
    ranked.push(`${vocabularyOf(next)}${next}`);
    const isNested = (LISTS as readonly string[]).includes(next) || (MAPS as readonly string[]).includes(next);
    if (isNested) ranked.push(segments.shift() ?? "");
  }
  return ranked.join("\0");
}

function vocabularyOf(keyword: string): number {
  const all = [CORE, [...SINGLE, ...LISTS, ...MAPS], UNEVALUATED, VALIDATION] as readonly (readonly string[])[];
  if (UNEVALUATED.includes(keyword)) return 2;
  const found = all.findIndex((keywords) => keywords.includes(keyword));
  return found < 0 ? all.length : found;
}

/** A refused name of a member is where the fault is. */
function nameOf(error: ErrorObject): string {
  return error.propertyName === undefined ? "" : `/${error.propertyName.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** Patterns run in an engine of linear time: without look-around and back-references. */
function isLinearPattern(pattern: string): boolean {
  if (/\(\?<?[=!]|\\[1-9]|\\k</.test(withoutEscapedBackslashes(pattern))) return false;
  const ours = pattern
    .replaceAll("(?P<", "(?<")
    .replace(/\[:\^?[a-z]+:\]/g, "a")
    .replace(/\(\?[a-z]+(?=\))/g, "(?:")
    .replace(/\\([^\w\s])/g, (escape: string, one: string) => ("^$\\.*+?()[]{}|/".includes(one) ? escape : one));
  try {
    new RegExp(ours, "u");
    return true;
  } catch {
    return false;
  }
}

function withoutEscapedBackslashes(pattern: string): string {
  return pattern.replaceAll("\\\\", "");
}

interface WrongReference {
  readonly reference: string;
  readonly isRemote: boolean;
}

/** The place of the first pattern that cannot be used; what only stands in definitions is not looked at. */
function wrongPattern(parts: readonly Part[]): Place | undefined {
  for (const { part, place } of parts) {
    if (place.some((segment) => segment === "$defs" || segment === "definitions")) continue;
    const pattern = member(part, "pattern");
    if (typeof pattern === "string" && !isLinearPattern(pattern)) return [...place, "pattern"];
    const names = Object.keys(member(part, "patternProperties") ?? {});
    const wrong = names.find((name) => !isLinearPattern(name));
    if (wrong !== undefined) return [...place, "patternProperties", wrong];
  }
  return undefined;
}

/** The first reference of a schema that leads nowhere within it. */
function wrongReference(schema: JsonObject, parts: readonly JsonObject[]): WrongReference | undefined {
  const anchors = new Set(parts.flatMap((part) => [member(part, "$anchor"), member(part, "$dynamicAnchor")]));
  const ids = new Set(parts.flatMap((part) => member(part, "$id") ?? []).map((id) => String(id).replace(/#$/, "")));
  for (const part of parts) {
    for (const reference of [member(part, "$ref"), member(part, "$dynamicRef")]) {
      if (typeof reference !== "string") continue;
      const [target = "", fragment = ""] = reference.split("#", 2);
      if (target.startsWith(META)) continue;
      if (target !== "" && !ids.has(target)) return { reference, isRemote: !NO_ADDRESS.test(target) };
      const isThere = fragment === "" || (fragment.startsWith("/") ? pointsAt(schema, fragment) : anchors.has(fragment));
      if (!isThere) return { reference, isRemote: false };
    }
  }
  return undefined;
}

/** A schema within a schema, and where it stands. */
interface Part {
  readonly part: JsonObject;
  readonly place: Place;
}

function* schemasIn(schema: Json | undefined, place: Place): Generator<Part> {
  if (!isObject(schema)) return;
  yield { part: schema, place };
  for (const name of SINGLE) yield* schemasIn(member(schema, name), [...place, name]);
  for (const name of LISTS) {
    for (const [index, one] of itemsOf(member(schema, name)).entries()) yield* schemasIn(one, [...place, name, index]);
  }
  for (const name of MAPS) {
    const below = member(schema, name);
    for (const [key, one] of Object.entries(isObject(below) ? below : {})) yield* schemasIn(one, [...place, name, key]);
  }
}

function pointsAt(schema: JsonObject, fragment: string): boolean {
  let value: Json | undefined = schema;
  for (const escaped of fragment.split("/").slice(1)) {
    const name = decodeURIComponent(escaped).replaceAll("~1", "/").replaceAll("~0", "~");
    value = Array.isArray(value) ? (value as readonly Json[])[Number(name)] : member(value, name);
  }
  return value !== undefined;
}
