// Starts a workflow by a signed webhook, twice with the same id: the second one starts nothing.
import { Maestro, problemError, signWebhook } from "@maestro/composer-sdk";

const baseUrl = process.env["MAESTRO_URL"] ?? "";
const maestro = new Maestro({ baseUrl, token: process.env["MAESTRO_TOKEN"] ?? "" });

const workflow = await maestro.workflows.create({
  name: "on delivery",
  triggers: [{ id: "delivered", type: "webhook", config: { webhookPath: "parcels" } }],
  steps: [{ id: "note", type: "action", config: { actionType: "noop" } }],
});
await maestro.workflows.publish(workflow.id, { bump: "major" });
const { data, error, response } = await maestro.rest.POST("/api/workflows/{id}/webhook-secrets", {
  params: { path: { id: workflow.id } },
  body: {},
});
if (data === undefined) throw problemError(response, error);

const body = JSON.stringify({ parcel: 7 });
for (const attempt of [1, 2]) {
  const headers = await signWebhook({ secret: data.secret, id: "parcel-7", body });
  const answer = await fetch(`${baseUrl}/api/webhooks/workflow/${workflow.id}/parcels`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body,
  });
  const { success, duplicate } = (await answer.json()) as { success: boolean; duplicate?: boolean };
  console.log(`attempt ${attempt}: ${answer.status} success=${success} duplicate=${duplicate ?? false}`);
}
