/**
 * Workflow definitions: their types, type guards, JSON Schema, and a validator that finds what the server would find.
 *
 * @packageDocumentation
 */
export * from "../generated/definition.js";
export { FAULT_HINTS } from "../generated/faults.js";
export * from "../generated/guards.js";
export { WORKFLOW_DEFINITION_SCHEMA } from "../generated/schema.js";
export type { KnownAction } from "./actions.js";
export type { DefinitionFault, FaultCode } from "./faults.js";
export type { PublishedWorkflow, PublishedWorkflows } from "./subworkflows.js";
export { DefinitionValidator, type CheckOptions, type ValidatorOptions } from "./validator.js";
