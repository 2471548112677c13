import { Maestro } from "@maestro/composer-sdk";

const maestro = new Maestro({ baseUrl: process.env["MAESTRO_URL"] ?? "", token: process.env["MAESTRO_TOKEN"] ?? "" });

const workflow = await maestro.workflows.create({
  name: "hello",
  steps: [{ id: "greet", type: "action", config: { actionType: "noop" } }],
});
await maestro.workflows.publish(workflow.id, { bump: "major" });
const started = await maestro.workflows.execute(workflow.id, { triggerData: { to: "world" } });
const ended = await maestro.executions.waitFor(started.id);
console.log(ended.status);
