import type { ValidateFunction } from "ajv/dist/2020.js";

import { WORKFLOW_DEFINITION_SCHEMA } from "../generated/schema.js";
import { newAjv } from "./shape.js";

const ID = String(WORKFLOW_DEFINITION_SCHEMA["$id"]);
const compiled = new Map<string, ValidateFunction>();
let ajv: ReturnType<typeof newAjv> | undefined;

/** Whether a value conforms to a part of the schema, or to all of it; each part is compiled when it is first asked for. */
export function conformsTo(part: string, value: unknown): boolean {
  ajv ??= newAjv().addSchema(WORKFLOW_DEFINITION_SCHEMA);
  const $ref = part === "" ? ID : `${ID}#/$defs/${part}`;
  const validate = compiled.get($ref) ?? ajv.compile({ $ref });
  compiled.set($ref, validate);
  return validate(value) === true;
}
