import { cyclesOf, topologicalOrder } from "./cycles.js";
import { didYouMean, fault, type DefinitionFault } from "./faults.js";
import { member, pointer } from "./json.js";
import { at, homesOf, knownEdges, stepsOf, type Edge, type Graph, type Node } from "./outline.js";

const OTHER: Readonly<Record<string, string>> = { success: "failure", failure: "success" };

/** Every graph fault of a document: ids, targets, entry, reachability, cycles, joins. */
export function* graphFaults(graphs: readonly Graph[]): Generator<DefinitionFault> {
  yield* repeatedIds(graphs);
  const homes = homesOf(graphs);
  for (const graph of graphs) {
    yield* unknownTargets(graph, homes);
    yield* entryFaults(graph);
    const cycles = cyclesOf(graph);
    for (const cycle of cycles) yield* cycleFault(graph, cycle);
    if (cycles.length === 0) yield* deadJoins(graph);
  }
}

function* repeatedIds(graphs: readonly Graph[]): Generator<DefinitionFault> {
  const seen = new Map<string, Node>();
  for (const node of graphs.flatMap(stepsOf)) {
    const first = seen.get(node.id);
    if (first === undefined) seen.set(node.id, node);
    else {
      const message = `The id '${node.id}' belongs to two steps, at ${at(first)} and here.`;
      yield fault("step.duplicate_id", at(node, "id"), message);
    }
  }
}

function* unknownTargets(graph: Graph, homes: ReadonlyMap<string, Graph>): Generator<DefinitionFault> {
  for (const node of stepsOf(graph)) {
    for (const edge of node.edges) {
      if (graph.nodes.has(edge.target)) continue;
      const path = at(node, "connections", edge.index, "targetStepId");
      const leads = `Step '${node.id}' leads to '${edge.target}'`;
      if (homes.has(edge.target)) {
        yield fault("connection.leaves_loop", path, `${leads}, which is not in the same loop body or outside.`);
      } else {
        const hint = didYouMean(edge.target, homes.keys());
        yield fault("connection.unknown_target", path, `${leads}, but there is no such step.`, hint);
      }
    }
  }
}

function* entryFaults(graph: Graph): Generator<DefinitionFault> {
  if (!graph.isComplete) return;
  const entries = entriesOf(graph);
  if (entries.length === 0) {
    yield fault("graph.no_entry_step", pointer(...graph.place), noEntryMessage(graph));
    return;
  }
  const reached = new Set(entries);
  for (const id of reached) {
    const node = graph.nodes.get(id);
    for (const edge of node === undefined ? [] : knownEdges(graph, node)) reached.add(edge.target);
  }
  for (const node of graph.nodes.values()) {
    if (!reached.has(node.id)) {
      yield fault("step.unreachable", at(node), `No path leads from the start to step '${node.id}'.`);
    }
  }
}

/** Steps without incoming connections, and connected with something if one of them is; parked ones harm nobody. */
function entriesOf(graph: Graph): readonly string[] {
  const free = [...graph.nodes.values()].filter((node) => !graph.targets.has(node.id));
  const isConnected = [...graph.nodes.values()].some((node) => node.edges.length > 0);
  const counted = free.filter((node) => node.edges.length > 0 || member(node.step, "isEnabled") === false);
  return (isConnected && counted.length > 0 ? counted : free).map((node) => node.id);
}

function noEntryMessage(graph: Graph): string {
  const what = graph.place.length > 1 ? "The loop's body" : "The workflow";
  if (graph.nodes.size === 0) return `${what} has no steps.`;
  return `${what} has no step to start with: each of its steps has an incoming connection.`;
}

function* cycleFault(graph: Graph, cycle: readonly Node[]): Generator<DefinitionFault> {
  const [first, last] = [cycle[0], cycle.at(-1)];
  if (first === undefined || last === undefined) return;
  const names = [...cycle, first].map((node) => `'${node.id}'`).join(" → ");
  const closing = knownEdges(graph, last).find((edge) => edge.target === first.id);
  yield fault("graph.cycle", at(last, "connections", closing?.index ?? 0), `The steps lead in a circle: ${names}.`);
}

/** A branch that must have been taken, by the step that it leaves. */
interface Branch {
  readonly source: string;
  readonly condition: string;
}

/**
 * Joins that need what excludes itself: the success and the failure branch of one step. For each step the branches
 * that must have been taken before it can run are gathered: from its one incoming connection, or from all of them for
 * `join: all`, or what they have in common for `join: any`.
 */
function* deadJoins(graph: Graph): Generator<DefinitionFault> {
  if (![...graph.nodes.values()].some(joinsAll)) return;
  const incoming = incomingOf(graph);
  const needed = new Map<string, ReadonlyMap<string, Branch>>();
  for (const node of topologicalOrder(graph)) {
    const ways = (incoming.get(node.id) ?? []).map(([source, edge]) => new Map([...(needed.get(source.id) ?? []), ...branchOf(source, edge)]));
    const here = joinsAll(node) ? new Map(ways.flatMap((way) => [...way])) : common(ways);
    const torn = [...here.values()].find((one) => here.has(keyOf({ ...one, condition: OTHER[one.condition] ?? "" })));
    // What follows a torn join can then not run either; naming the join is enough.
    needed.set(node.id, torn === undefined ? here : new Map());
    if (torn === undefined) continue;
    const message = `Step '${node.id}' waits for the success and for the failure branch of '${torn.source}': never both.`;
    yield fault("join.never_fires", at(node, "join"), message);
  }
}

function joinsAll(node: Node): boolean {
  return member(node.step, "join") === "all";
}

function common(ways: readonly ReadonlyMap<string, Branch>[]): ReadonlyMap<string, Branch> {
  return new Map([...(ways[0] ?? [])].filter(([key]) => ways.every((way) => way.has(key))));
}

function incomingOf(graph: Graph): ReadonlyMap<string, (readonly [Node, Edge])[]> {
  const incoming = new Map<string, (readonly [Node, Edge])[]>([...graph.nodes.keys()].map((id) => [id, []]));
  for (const node of graph.nodes.values()) {
    for (const edge of knownEdges(graph, node)) incoming.get(edge.target)?.push([node, edge]);
  }
  return incoming;
}

/** The branch that a connection stands for; none where its step does not branch into success and failure. */
function branchOf(source: Node, edge: Edge): readonly (readonly [string, Branch])[] {
  const other = Object.hasOwn(OTHER, edge.condition) ? OTHER[edge.condition] : undefined;
  if (other === undefined || !source.edges.some((one) => one.condition === other)) return [];
  const branch = { source: source.id, condition: edge.condition };
  return [[keyOf(branch), branch]];
}

function keyOf(branch: Branch): string {
  return `${branch.condition} ${branch.source}`;
}
