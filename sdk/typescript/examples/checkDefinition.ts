// Checks a definition as an editor does while its author types: with the actions of the installation, without sending it.
import { Maestro } from "@maestro/composer-sdk";
import { DefinitionValidator, type WorkflowDefinition } from "@maestro/composer-sdk/definitions";

const maestro = new Maestro({ baseUrl: process.env["MAESTRO_URL"] ?? "", token: process.env["MAESTRO_TOKEN"] ?? "" });
const validator = new DefinitionValidator({ actions: await maestro.actions() });

const draft: WorkflowDefinition = {
  name: "notify",
  steps: [
    { id: "call", type: "action", config: { actionType: "api", actionConfig: { url: "https://example.com" } } },
    { id: "pause", type: "delay", config: { delayMs: -5 } },
    { id: "report", type: "action", config: { actionType: "noop" }, connections: [{ targetStepId: "call" }] },
  ],
};
for (const { path, message, hint } of validator.validate(draft)) console.log(`${path} ${message} ${hint}`);
