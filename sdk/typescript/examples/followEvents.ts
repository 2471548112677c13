// Starts a workflow that waits for a signal, gives the signal as soon as the wait begins, and prints each transition.
import { Maestro } from "@maestro/composer-sdk";

const maestro = new Maestro({ baseUrl: process.env["MAESTRO_URL"] ?? "", token: process.env["MAESTRO_TOKEN"] ?? "" });

const workflow = await maestro.workflows.create({
  name: "ask first",
  steps: [
    { id: "go", type: "wait", config: { signal: "go" }, connections: [{ targetStepId: "act" }] },
    { id: "act", type: "action", config: { actionType: "noop" } },
  ],
});
await maestro.workflows.publish(workflow.id, { bump: "major" });
const execution = await maestro.workflows.execute(workflow.id);
for await (const event of maestro.executions.events(execution.id)) {
  console.log(`${event.seq} ${event.step?.stepId ?? "execution"} ${event.status}`);
  if (event.step?.status === "waiting") await maestro.executions.signal(execution.id, "go", { by: "example" });
}
