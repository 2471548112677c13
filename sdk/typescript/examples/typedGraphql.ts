// Sends a typed document: its variables and its answer have the types of the schema.
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";

import { WorkflowsDocument, CreateWorkflowDocument } from "@maestro/composer-sdk/graphql";

async function send<Data, Variables>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data> {
  const response = await fetch(`${process.env["MAESTRO_URL"] ?? ""}/graphql`, {
    method: "POST",
    headers: { authorization: `Bearer ${process.env["MAESTRO_TOKEN"] ?? ""}`, "content-type": "application/json" },
    body: JSON.stringify({ query: print(document), variables }),
  });
  const { data, errors } = (await response.json()) as { data?: Data; errors?: unknown };
  if (data === undefined || data === null || errors !== undefined) throw new Error(JSON.stringify(errors));
  return data;
}

const definition = { name: "over graphql", steps: [{ id: "a", type: "parallel" }] };
const { createWorkflow } = await send(CreateWorkflowDocument, { input: { definition } });
if (createWorkflow.__typename !== "CreateWorkflowSuccess") throw new Error(createWorkflow.__typename);
const { workflows } = await send(WorkflowsDocument, {});
const names = workflows.edges.map((edge) => edge.node.name);
console.log(`${createWorkflow.workflow.name} at revision ${createWorkflow.workflow.revision}; listed: ${names.includes("over graphql")}`);
