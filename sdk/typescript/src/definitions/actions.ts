import type { ErrorObject, ValidateFunction } from "ajv/dist/2020.js";

import { didYouMean, fault, type DefinitionFault } from "./faults.js";
import { isObject, member, pointer, type Json, type JsonObject, type Place } from "./json.js";
import { notificationsOf } from "./notifications.js";
import { stepsOf, type Graph } from "./outline.js";
import { errorsOf, faultsOfError, newAjv } from "./shape.js";

/** What a definition needs to know of an action: its name, and the JSON Schema of its `actionConfig`. */
export interface KnownAction {
  readonly name: string;
  readonly configSchema: unknown;
}

const ABOUT_MEMBERS: readonly string[] = ["required", "additionalProperties", "unevaluatedProperties", "dependentRequired"];

/** The actions of an installation, their schemas compiled when a document first needs them. */
export class ActionCatalogue {
  readonly #ajv = newAjv();
  readonly #schemas: ReadonlyMap<string, unknown>;
  readonly #compiled = new Map<string, ValidateFunction>();

  constructor(actions: readonly KnownAction[]) {
    this.#schemas = new Map(actions.map((action) => [action.name, action.configSchema]));
  }

  /** Every fault of the action steps (and their probes) and of the notifications of a document. */
  *faults(document: JsonObject, graphs: readonly Graph[]): Generator<DefinitionFault> {
    for (const node of graphs.flatMap(stepsOf)) {
      if (member(node.step, "type") !== "action") continue;
      const place = [...node.place, "config"];
      yield* this.#configFaults(document, `Step '${node.id}'`, node.config, place);
      const probe = member(node.config, "probe");
      if (isObject(probe)) yield* this.#configFaults(document, `Step '${node.id}'`, probe, [...place, "probe"]);
    }
    for (const { who, notification, place } of notificationsOf(document, graphs)) {
      yield* this.#configFaults(document, who, notification, place);
    }
  }

  *#configFaults(document: JsonObject, who: string, config: JsonObject, place: Place): Generator<DefinitionFault> {
    const name = member(config, "actionType");
    if (typeof name !== "string") return;
    if (!this.#schemas.has(name)) {
      const message = `${who} asks for the action '${name.slice(0, 200)}', which nobody has registered.`;
      yield fault("action.unknown_type", pointer(...place, "actionType"), message, didYouMean(name, this.#schemas.keys()));
      return;
    }
    const given = member(config, "actionConfig");
    if (given !== undefined && !isObject(given)) return;
    // A missing actionConfig is the fault of the config that lacks it.
    const below = given === undefined ? place : [...place, "actionConfig"];
    for (const error of errorsOf(this.#validator(name), given ?? {})) {
      if (mayBeRightWhenRendered(error)) continue;
      for (const found of faultsOfError(error, document, below)) {
        const hint = `${found.hint} The schema of '${name}' is at /api/schemas/actions/${name}.`;
        yield fault("action.config_invalid", found.path, found.message, hint);
      }
    }
  }

  #validator(name: string): ValidateFunction {
    const known = this.#compiled.get(name) ?? this.#ajv.compile(this.#schemas.get(name) as JsonObject);
    this.#compiled.set(name, known);
    return known;
  }
}

/** A refused value with a template in it may be right once it is rendered; what is missing or unknown stays so. */
function mayBeRightWhenRendered(error: ErrorObject): boolean {
  return !ABOUT_MEMBERS.includes(error.keyword) && hasTemplate(error.data as Json);
}

function hasTemplate(value: Json): boolean {
  if (typeof value === "string") return value.includes("{{");
  return typeof value === "object" && value !== null && Object.values(value).some((one) => hasTemplate(one as Json));
}
