import { isObject, itemsOf, member, pointer, type Json, type JsonObject, type Place } from "./json.js";

/** A connection: where it leads, when it is taken, and where it stands. */
export interface Edge {
  readonly target: string;
  readonly condition: string;
  readonly index: number;
}

/** A step whose id could be read. */
export interface Node {
  readonly id: string;
  /** Way to the step in the normalised document. */
  readonly place: Place;
  readonly step: JsonObject;
  readonly config: JsonObject;
  readonly edges: readonly Edge[];
  /** Ids of the loops around it, outermost first. */
  readonly owners: readonly string[];
}

/** The steps of one array, the document's or a loop body's. */
export interface Graph {
  readonly place: Place;
  /** By id; of two steps with one id, the first. */
  readonly nodes: ReadonlyMap<string, Node>;
  /** The further steps with an id that a node has. */
  readonly repeated: readonly Node[];
  /** False: the id of some step could not be read. */
  readonly isComplete: boolean;
  readonly targets: ReadonlySet<string>;
}

/** The document's own graph and those of all loop bodies, outer ones first. */
export function graphsOf(document: JsonObject): readonly Graph[] {
  const steps = member(document, "steps");
  const found: Graph[] = [];
  if (Array.isArray(steps)) gather(steps, ["steps"], [], found);
  return found;
}

/** Every step of a graph, those with a repeated id last. */
export function stepsOf(graph: Graph): readonly Node[] {
  return [...graph.nodes.values(), ...graph.repeated];
}

/** JSON Pointer to a place below a step. */
export function at(node: Node, ...below: Place): string {
  return pointer(...node.place, ...below);
}

/** Connections of a node that lead to a step of this graph. */
export function knownEdges(graph: Graph, node: Node): readonly Edge[] {
  return node.edges.filter((edge) => graph.nodes.has(edge.target));
}

/** The graph that each id belongs to; of two, the first. */
export function homesOf(graphs: readonly Graph[]): ReadonlyMap<string, Graph> {
  const homes = new Map<string, Graph>();
  for (const graph of graphs.toReversed()) for (const id of graph.nodes.keys()) homes.set(id, graph);
  return homes;
}

function gather(steps: readonly Json[], place: Place, owners: readonly string[], found: Graph[]): void {
  const nodes = new Map<string, Node>();
  const repeated: Node[] = [];
  const read = steps.map((step, index) => nodeOf(step, [...place, index], owners));
  const known = read.filter((node) => node !== undefined);
  for (const node of known) {
    if (nodes.has(node.id)) repeated.push(node);
    else nodes.set(node.id, node);
  }
  const targets = new Set(known.flatMap((node) => node.edges.map((edge) => edge.target)));
  found.push({ place, nodes, repeated, isComplete: known.length === read.length, targets });
  for (const node of known) {
    const body = member(node.step, "type") === "loop" ? member(node.config, "body") : undefined;
    if (Array.isArray(body)) gather(body, [...node.place, "config", "body"], [...owners, node.id], found);
  }
}

function nodeOf(step: Json, place: Place, owners: readonly string[]): Node | undefined {
  const id = member(step, "id");
  if (!isObject(step) || typeof id !== "string" || id === "") return undefined;
  const config = member(step, "config");
  return { id, place, step, config: isObject(config) ? config : {}, edges: edgesOf(step), owners };
}

function edgesOf(step: JsonObject): readonly Edge[] {
  return itemsOf(member(step, "connections")).flatMap((connection, index) => {
    const target = member(connection, "targetStepId");
    if (typeof target !== "string") return [];
    const condition = member(connection, "condition");
    return [{ target, condition: typeof condition === "string" ? condition : "success", index }];
  });
}
