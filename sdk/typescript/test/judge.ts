// Judges documents for the tests that compare with the server: a JSON object a line in, the faults of it a line out.
// The first line has the actions; each further one `{text, workflowId?, subworkflows?}`.
import { createInterface } from "node:readline";

import { DefinitionValidator, type KnownAction, type PublishedWorkflows } from "@maestro/composer-sdk/definitions";

interface Case {
  readonly text: string;
  readonly workflowId?: string;
  readonly subworkflows?: PublishedWorkflows;
}

let validator: DefinitionValidator | undefined;
for await (const line of createInterface({ input: process.stdin })) {
  if (validator === undefined) {
    validator = new DefinitionValidator({ actions: JSON.parse(line) as KnownAction[] });
    continue;
  }
  const { text, ...options } = JSON.parse(line) as Case;
  console.log(JSON.stringify(validator.validateText(text, options)));
}
