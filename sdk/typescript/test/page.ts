// What a page in a browser does with the package; the address and the token stand in the page's own address.
import { Maestro } from "@maestro/composer-sdk";
import { DefinitionValidator } from "@maestro/composer-sdk/definitions";
import { WorkflowsDocument } from "@maestro/composer-sdk/graphql";

async function run(): Promise<string> {
  const asked = new URLSearchParams(location.hash.slice(1));
  const maestro = new Maestro({ baseUrl: asked.get("url") ?? "", token: asked.get("token") ?? "" });
  const definition = { name: "in a browser", steps: [{ id: "act", type: "action" as const, config: { actionType: "noop" } }] };
  const faults = new DefinitionValidator({ actions: await maestro.actions() }).validate(definition);
  const { id } = await maestro.workflows.create(definition);
  await maestro.workflows.publish(id, { bump: "major" });
  const execution = await maestro.workflows.execute(id);
  const seen: string[] = [];
  for await (const event of maestro.executions.events(execution.id)) seen.push(event.status);
  return `${WorkflowsDocument.kind}: ${faults.length} faults, ${seen.at(-1) ?? "nothing"}`;
}

document.title = await run().catch(String);
