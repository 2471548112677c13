// Runs against a running server: MAESTRO_URL, MAESTRO_TOKEN (of the administrator `sdk`), MAESTRO_VIEWER_TOKEN.
import assert from "node:assert/strict";
import { test } from "node:test";

import {
  ConflictError,
  DeniedError,
  Maestro,
  NotFoundError,
  StaleError,
  UnauthenticatedError,
  ValidationError,
  type EvidenceBundle,
  type WorkflowDefinition,
} from "@maestro/composer-sdk";

const baseUrl = process.env["MAESTRO_URL"] ?? "";
const maestro = new Maestro({ baseUrl, token: process.env["MAESTRO_TOKEN"] ?? "" });
const NOOP: WorkflowDefinition["steps"] = [{ id: "act", type: "action", config: { actionType: "noop" } }];

async function published(steps: WorkflowDefinition["steps"], name = "of the SDK"): Promise<string> {
  const { id } = await maestro.workflows.create({ name, steps });
  await maestro.workflows.publish(id, { bump: "major" });
  return id;
}

test("lists are walked page by page to their end", async () => {
  const made = await Promise.all([1, 2, 3, 4, 5].map(() => maestro.workflows.create({ name: "paged by the SDK", steps: NOOP })));
  const found: string[] = [];
  for await (const one of maestro.workflows.list({ search: "paged by the SDK", limit: 2 })) found.push(one.id);
  assert.deepEqual(found.toSorted(), made.map((one) => one.id).toSorted());
});

test("one key starts one execution", async () => {
  const id = await published(NOOP);
  const [one, other] = [
    await maestro.workflows.execute(id, { triggerData: { n: 1 } }, { idempotencyKey: "sdk-once" }),
    await maestro.workflows.execute(id, { triggerData: { n: 1 } }, { idempotencyKey: "sdk-once" }),
  ];
  assert.equal(one.id, other.id);
  await assert.rejects(maestro.workflows.execute(id, { triggerData: { n: 2 } }, { idempotencyKey: "sdk-once" }), ValidationError);
});

test("refusals of the server have their types", async () => {
  const { id, revision } = await maestro.workflows.create({ name: "refused", steps: NOOP });
  await maestro.workflows.update(id, { name: "changed", steps: NOOP }, { revision });
  await assert.rejects(maestro.workflows.update(id, { name: "late", steps: NOOP }, { revision }), StaleError);
  await assert.rejects(maestro.workflows.execute(id), ConflictError);
  await assert.rejects(maestro.executions.get("0197f3a0-0000-7000-8000-000000000000"), NotFoundError);
  await assert.rejects(new Maestro({ baseUrl, token: "no" }).workflows.get(id), UnauthenticatedError);
  const viewer = new Maestro({ baseUrl, token: process.env["MAESTRO_VIEWER_TOKEN"] ?? "" });
  await assert.rejects(viewer.workflows.archive(id), (error) => error instanceof DeniedError && error.denials.length > 0);
});

test("events go on behind the one that was seen last", async () => {
  const execution = await maestro.workflows.execute(await published(NOOP));
  const seen = [];
  for await (const event of maestro.executions.events(execution.id)) seen.push(event);
  assert.equal(seen.at(-1)?.status, "completed");
  const rest = [];
  for await (const event of maestro.executions.events(execution.id, { after: seen[0]?.seq ?? 0 })) rest.push(event);
  assert.deepEqual(rest, seen.slice(1));
});

test("a person's task is found, claimed and completed", async () => {
  const id = await published([{ id: "ask", type: "human", config: { title: "Well?", assignees: ["sdk", "somebody else"] } }]);
  const { id: executionId } = await maestro.workflows.execute(id);
  for await (const event of maestro.executions.events(executionId)) if (event.step?.status === "waiting") break;
  for await (const task of maestro.humanTasks.list({ executionId })) {
    await maestro.humanTasks.claim(task.id);
    await maestro.humanTasks.complete(task.id, { formData: { answer: "yes" } });
  }
  const ended = await maestro.executions.waitFor(executionId);
  assert.equal(ended.status, "completed");
  assert.equal((ended.steps[0]?.output as { answer?: string }).answer, "yes");
});

test("evidence is there soon after the end", async () => {
  const { id } = await maestro.workflows.execute(await published(NOOP));
  await maestro.executions.waitFor(id);
  const bundle = await evidenceOf(id, AbortSignal.timeout(30_000));
  assert.deepEqual([...bundle.bytes.subarray(0, 2)], [0x1f, 0x8b]);
});

async function evidenceOf(id: string, signal: AbortSignal): Promise<EvidenceBundle> {
  for (;;) {
    try {
      return await maestro.executions.evidence(id, { signal });
    } catch (error) {
      // The ledger takes up what has ended; until then the answer is a conflict that says when to ask again.
      if (!(error instanceof ConflictError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
