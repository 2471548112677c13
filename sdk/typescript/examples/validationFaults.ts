// Shows every fault of a draft, as the server names them.
import { Maestro, ValidationError, type WorkflowDefinition } from "@maestro/composer-sdk";

const maestro = new Maestro({ baseUrl: process.env["MAESTRO_URL"] ?? "", token: process.env["MAESTRO_TOKEN"] ?? "" });

const draft: WorkflowDefinition = {
  name: "broken",
  steps: [{ id: "a", type: "action", config: { actionType: "noop" }, connections: [{ targetStepId: "b" }] }],
};
try {
  await maestro.workflows.create(draft);
} catch (error) {
  if (!(error instanceof ValidationError)) throw error;
  for (const fault of error.faults) console.log(`${fault.path} ${fault.code}`);
}
