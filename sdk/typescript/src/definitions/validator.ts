import type { ValidateFunction } from "ajv/dist/2020.js";

import { WORKFLOW_DEFINITION_SCHEMA } from "../generated/schema.js";
import { ActionCatalogue, type KnownAction } from "./actions.js";
import { fault, MAX_FAULTS, type DefinitionFault } from "./faults.js";
import { graphFaults } from "./graph.js";
import { isObject, itemsOf, member, pointer, type Json, type JsonObject, type Place } from "./json.js";
import { survey } from "./limits.js";
import { normalise } from "./normaliser.js";
import { graphsOf, type Graph } from "./outline.js";
import { asWritten, isShallow, readDefinition } from "./reading.js";
import { referenceFaults } from "./references.js";
import { embeddedSchemaFaults } from "./schemas.js";
import { errorsOf, faultsOfError, newAjv } from "./shape.js";
import { subworkflowFaults, type PublishedWorkflows } from "./subworkflows.js";
import { timingFaults } from "./timing.js";
import { triggerFaults } from "./triggers.js";

/** What a validator knows of the installation. */
export interface ValidatorOptions {
  /** Its actions, as `GET /api/actions` lists them; without them action steps are not checked against any. */
  readonly actions?: readonly KnownAction[] | undefined;
}

/** What one check knows of the document's surroundings. */
export interface CheckOptions {
  /** The workflow that the document belongs to; absent while it is being created. */
  readonly workflowId?: string | undefined;
  /** The published workflows that it may reach; without them sub-workflows are not looked up. */
  readonly subworkflows?: PublishedWorkflows | undefined;
}

/**
 * Checks workflow definitions as the server does: the same faults, by code and path, before anything is sent.
 * One validator serves any number of documents; its schemas are compiled once.
 */
export class DefinitionValidator {
  readonly #shape: ValidateFunction = newAjv().compile(WORKFLOW_DEFINITION_SCHEMA);
  readonly #actions: ActionCatalogue | undefined;

  constructor(options: ValidatorOptions = {}) {
    this.#actions = options.actions === undefined ? undefined : new ActionCatalogue(options.actions);
  }

  /** Every fault of a document; none: the server accepts it. What JSON cannot say is left out, as on the way there. */
  validate(document: unknown, options: CheckOptions = {}): readonly DefinitionFault[] {
    return this.#check(asWritten(document), options);
  }

  /**
   * Every fault of a document's JSON text, members that stand twice included.
   *
   * @throws SyntaxError it is not JSON.
   */
  validateText(text: string, options: CheckOptions = {}): readonly DefinitionFault[] {
    const { document, faults } = readDefinition(text);
    return faults.length > 0 ? faults : this.#check(document, options);
  }

  #check(document: Json, options: CheckOptions): readonly DefinitionFault[] {
    const found = survey(document);
    if (!found.isReadable) return found.faults;
    const { document: present, original } = normalise(document);
    if (!isObject(present)) {
      return [...found.faults, fault("document.not_object", "", "The document must be a JSON object.")];
    }
    // Folded loops nest deeper than they did as sent.
    const folded = isShallow(present) ? undefined : survey(present).faults;
    const faults = [...found.faults, ...(folded ?? this.#faults(present, options))];
    return distinct(faults.map((one) => ({ ...one, path: original(one.path) }))).slice(0, MAX_FAULTS);
  }

  *#faults(document: JsonObject, options: CheckOptions): Generator<DefinitionFault> {
    for (const error of errorsOf(this.#shape, document)) yield* faultsOfError(error, document, []);
    const inputSchema = member(document, "inputSchema");
    if (isObject(inputSchema)) yield* embeddedSchemaFaults(inputSchema, "/inputSchema");
    const graphs = graphsOf(document);
    yield* graphFaults(graphs);
    if (this.#actions !== undefined) yield* this.#actions.faults(document, graphs);
    yield* referenceFaults(document, graphs);
    yield* timingFaults(document, graphs);
    yield* triggerFaults(document);
    if (options.subworkflows !== undefined) yield* subworkflowFaults(graphs, options.workflowId, options.subworkflows);
    yield* formFaults(graphs);
  }
}

function* formFaults(graphs: readonly Graph[]): Generator<DefinitionFault> {
  for (const node of graphs.flatMap((graph) => [...graph.nodes.values()])) {
    const place: Place = [...node.place, "config", "formConfig", "fields"];
    for (const [index, field] of itemsOf(member(member(node.config, "formConfig"), "fields")).entries()) {
      const schema = member(field, "schema");
      if (isObject(schema)) yield* embeddedSchemaFaults(schema, pointer(...place, index, "schema"));
    }
  }
}

function distinct(faults: readonly DefinitionFault[]): readonly DefinitionFault[] {
  return [...new Map(faults.map((one) => [JSON.stringify([one.code, one.path, one.message, one.hint]), one])).values()];
}
