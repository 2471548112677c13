import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";

import { durationFault, retryBudgetFault, type DurationLimits, type RetryLimits } from "./durations.js";
import { didYouMean, fault, type DefinitionFault, type FaultCode } from "./faults.js";
import { isObject, lengthOf, pointer, type Json, type JsonObject, type Place } from "./json.js";
import { sentence, shown, typeNames } from "./sentences.js";

const DURATION = "maestro:duration";
const RETRY_BUDGET = "maestro:retryBudget";
const FAULT = "maestro:fault";

const CODES: Readonly<Record<string, FaultCode>> = {
  required: "member.missing",
  dependentRequired: "member.missing",
  additionalProperties: "member.unknown",
  unevaluatedProperties: "member.unknown",
  oneOf: "member.conflict",
  anyOf: "member.conflict",
  type: "value.wrong_type",
  minimum: "value.out_of_range",
  maximum: "value.out_of_range",
  exclusiveMinimum: "value.out_of_range",
  exclusiveMaximum: "value.out_of_range",
  multipleOf: "value.out_of_range",
  minLength: "value.wrong_length",
  maxLength: "value.wrong_length",
  minItems: "value.wrong_length",
  maxItems: "value.wrong_length",
  minProperties: "value.wrong_length",
  maxProperties: "value.wrong_length",
  pattern: "value.wrong_format",
  format: "value.wrong_format",
  uniqueItems: "value.duplicate",
  [DURATION]: "duration.invalid",
  [RETRY_BUDGET]: "retry.budget_invalid",
};
/** Keywords for which a `maestro:fault` beside them speaks. */
const ALTERNATIVES: readonly string[] = ["oneOf", "anyOf", "pattern", "minLength", "maxLength"];
/** Keywords that `maestro:duration` beside them stands for. */
const OF_DURATIONS: readonly string[] = ["type", "minimum", "maximum"];
const UNKNOWN_MEMBERS: readonly string[] = ["additionalProperties", "unevaluatedProperties"];

/** A validator that knows the project's own keywords and names every fault. */
export function newAjv(): Ajv2020 {
  const ajv = new Ajv2020({ allErrors: true, strict: false, validateFormats: false, verbose: true });
  ajv.addKeyword({
    keyword: DURATION,
    validate: (limits: DurationLimits, value: unknown) => durationFault(limits, value) === undefined,
    errors: false,
  });
  ajv.addKeyword({
    keyword: RETRY_BUDGET,
    validate: (limits: RetryLimits, value: unknown) => retryBudgetFault(limits, value) === undefined,
    errors: false,
  });
  ajv.addKeyword({ keyword: FAULT });
  return ajv;
}

/** What a validator refuses a value for: an error a fault, without those that only explain another. */
export function errorsOf(validate: ValidateFunction, value: unknown): readonly ErrorObject[] {
  return validate(value) ? [] : plainErrors(validate.errors ?? [], validate.schema);
}

/** Errors without those of the branches of `anyOf` and `oneOf`, which their own error stands for. */
export function plainErrors(errors: readonly ErrorObject[], root: unknown): readonly ErrorObject[] {
  const kept: ErrorObject[] = [];
  for (const error of errors) {
    if (error.keyword === "if" || (OF_DURATIONS.includes(error.keyword) && isDuration(error))) continue;
    if (["anyOf", "oneOf", "not"].includes(error.keyword)) dropBranches(kept, error, root);
    kept.push(error);
  }
  return kept;
}

function isDuration(error: ErrorObject): boolean {
  return isObject(error.parentSchema) && Object.hasOwn(error.parentSchema, DURATION);
}

function dropBranches(kept: ErrorObject[], error: ErrorObject, root: unknown): void {
  const inside = new Set<unknown>();
  gatherSchemas(error.schema, root, inside);
  for (let last = kept.at(-1); last !== undefined; last = kept.at(-1)) {
    if (!last.instancePath.startsWith(error.instancePath) || !inside.has(last.parentSchema)) return;
    kept.pop();
  }
}

/** Every schema below a value of a schema, references followed. */
function gatherSchemas(value: unknown, root: unknown, found: Set<unknown>): void {
  if (typeof value !== "object" || value === null || found.has(value)) return;
  found.add(value);
  for (const one of Object.values(value)) gatherSchemas(one, root, found);
  const target = (value as Readonly<Record<string, unknown>>)["$ref"];
  if (typeof target === "string" && target.startsWith("#/")) gatherSchemas(pointedAt(root, target), root, found);
}

function pointedAt(root: unknown, reference: string): unknown {
  const segments = reference.slice(2).split("/").map((one) => decodeURIComponent(one).replaceAll("~1", "/").replaceAll("~0", "~"));
  return segments.reduce<unknown>((value, one) => (value as Record<string, unknown> | undefined)?.[one], root);
}

/**
 * Faults of one error.
 *
 * @param document what `above` leads into, for the names in messages.
 * @param above way from the document to the value that was validated.
 */
export function faultsOfError(error: ErrorObject, document: Json, above: Place): readonly DefinitionFault[] {
  const place = [...above, ...placeOf(error.instancePath, document, above)];
  const schema = (error.parentSchema ?? {}) as JsonObject;
  if (UNKNOWN_MEMBERS.includes(error.keyword)) return [unknownMember(error, schema, document, place)];
  const named = schema[FAULT];
  if (isObject(named) && ALTERNATIVES.includes(error.keyword)) {
    return [fault(named["code"] as FaultCode, pointer(...place), sentence(document, place, String(named["message"])))];
  }
  const code = CODES[error.keyword] ?? "value.not_allowed";
  return [fault(code, pointer(...place), sentence(document, place, endOf(error)))];
}

/** Segments of a pointer; positions of arrays as numbers. */
function placeOf(path: string, document: Json, above: Place): Place {
  let value: unknown = above.reduce<unknown>((one, segment) => (one as Record<string, unknown> | null)?.[segment], document);
  return path.split("/").slice(1).map((escaped) => {
    const name = escaped.replaceAll("~1", "/").replaceAll("~0", "~");
    const segment = Array.isArray(value) ? Number(name) : name;
    value = (value as Record<string, unknown> | null | undefined)?.[name];
    return segment;
  });
}

function unknownMember(error: ErrorObject, schema: JsonObject, document: Json, place: Place): DefinitionFault {
  const { additionalProperty, unevaluatedProperty } = error.params as Readonly<Record<string, string | undefined>>;
  const name = additionalProperty ?? unevaluatedProperty ?? "";
  const known = isObject(schema["properties"]) ? Object.keys(schema["properties"]) : [];
  const listed = known.length > 0 ? `Remove it. Known here: ${known.join(", ")}.` : undefined;
  const message = sentence(document, place, `has no member called ${shown(name)}`);
  return fault("member.unknown", pointer(...place, name), message, didYouMean(name, known) ?? listed);
}

function endOf(error: ErrorObject): string {
  const { keyword, schema: expected, data: value } = error;
  if (keyword === "required" || keyword === "dependentRequired") {
    return `lacks the member '${String((error.params as Readonly<Record<string, unknown>>)["missingProperty"])}'`;
  }
  const is = `but is ${shown(value)}`;
  const ends: Readonly<Record<string, () => string>> = {
    type: () => `must be ${typeNames(expected)}, ${is}`,
    enum: () => `must be one of ${(expected as readonly unknown[]).map(shown).join(", ")}, ${is}`,
    const: () => `must be ${shown(expected)}, ${is}`,
    minimum: () => `must be at least ${String(expected)}, ${is}`,
    maximum: () => `must be at most ${String(expected)}, ${is}`,
    exclusiveMinimum: () => `must be more than ${String(expected)}, ${is}`,
    exclusiveMaximum: () => `must be less than ${String(expected)}, ${is}`,
    minLength: () => (expected === 1 ? "must not be empty" : `must have at least ${String(expected)} characters`),
    maxLength: () => `must have at most ${String(expected)} characters, but has ${sizeOf(value)}`,
    minItems: () => `must have at least ${String(expected)} items, but has ${sizeOf(value)}`,
    maxItems: () => `must have at most ${String(expected)} items, but has ${sizeOf(value)}`,
    maxProperties: () => `must have at most ${String(expected)} members, but has ${sizeOf(value)}`,
    uniqueItems: () => "has an item twice",
    [DURATION]: () => `${durationFault(expected as DurationLimits, value) ?? "must be a duration"}, ${is}`,
    [RETRY_BUDGET]: () => retryBudgetFault(expected as RetryLimits, value) ?? "breaks its budget",
  };
  return Object.hasOwn(ends, keyword) ? (ends[keyword]?.() ?? "") : `breaks the rule '${keyword}' of its schema`;
}

function sizeOf(value: unknown): number {
  if (typeof value === "string") return lengthOf(value);
  return Array.isArray(value) ? value.length : Object.keys(value ?? {}).length;
}
