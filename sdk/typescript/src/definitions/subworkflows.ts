import { fault, type DefinitionFault } from "./faults.js";
import { member } from "./json.js";
import { at, stepsOf, type Graph, type Node } from "./outline.js";

/** A published workflow, as far as the check of its callers needs it. */
export interface PublishedWorkflow {
  readonly name: string;
  /** Ids of the workflows that its latest version starts. */
  readonly calls: readonly string[];
  readonly versions: readonly string[];
}

/** Published workflows by id. */
export type PublishedWorkflows = Readonly<Record<string, PublishedWorkflow>>;

/** Every fault of the subprocess steps of a document. */
export function* subworkflowFaults(
  graphs: readonly Graph[],
  workflowId: string | undefined,
  published: PublishedWorkflows,
): Generator<DefinitionFault> {
  for (const [node, called] of callsOf(graphs)) {
    const path = at(node, "config", "subWorkflowId");
    const chain = workflowId === undefined ? [] : chainBetween(called, workflowId, published);
    const known = find(called, published);
    if (chain.length > 0) {
      const between = chain.slice(0, -1).map((id) => nameOf(id, published));
      const names = ["this workflow", ...between, "this workflow"].join(" → ");
      yield fault("subworkflow.recursion", path, `Step '${node.id}' would start this workflow again: ${names}.`);
    } else if (known === undefined) {
      const message = `Step '${node.id}' starts the workflow '${called}', but none is published under this id.`;
      yield fault("subworkflow.unknown", path, message);
    } else yield* versionFaults(node, called, known);
  }
}

function* versionFaults(node: Node, called: string, workflow: PublishedWorkflow): Generator<DefinitionFault> {
  const version = member(node.config, "version");
  if (typeof version !== "string" || workflow.versions.includes(version)) return;
  const message = `Step '${node.id}' starts version '${version}' of '${workflow.name}' (${called}), which has none such.`;
  yield fault("subworkflow.unknown_version", at(node, "config", "version"), message);
}

function* callsOf(graphs: readonly Graph[]): Generator<readonly [Node, string]> {
  for (const node of graphs.flatMap(stepsOf)) {
    const called = member(node.config, "subWorkflowId");
    if (member(node.step, "type") === "subprocess" && typeof called === "string") yield [node, called];
  }
}

/** The shortest chain of calls from one workflow to another, both included; empty where there is none. */
function chainBetween(start: string, end: string, published: PublishedWorkflows): readonly string[] {
  const cameFrom = new Map<string, string | undefined>([[start, undefined]]);
  for (const current of cameFrom.keys()) {
    if (current === end) {
      const chain: string[] = [];
      for (let id: string | undefined = current; id !== undefined; id = cameFrom.get(id)) chain.unshift(id);
      return chain;
    }
    for (const called of [...(find(current, published)?.calls ?? [])].sort()) {
      if (!cameFrom.has(called)) cameFrom.set(called, current);
    }
  }
  return [];
}

function find(id: string, published: PublishedWorkflows): PublishedWorkflow | undefined {
  return Object.hasOwn(published, id) ? published[id] : undefined;
}

function nameOf(id: string, published: PublishedWorkflows): string {
  const known = find(id, published);
  return known === undefined ? id : `'${known.name}'`;
}
