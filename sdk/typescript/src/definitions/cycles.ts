import { knownEdges, type Graph, type Node } from "./outline.js";

/** One shortest cycle through the first step of each knot of steps that reach each other. */
export function cyclesOf(graph: Graph): readonly (readonly Node[])[] {
  const order = new Map([...graph.nodes.keys()].map((id, position) => [id, position]));
  const positionOf = (id: string): number => order.get(id) ?? 0;
  const found: { readonly first: number; readonly cycle: readonly Node[] }[] = [];
  for (const knot of knotsOf(graph)) {
    const first = [...knot].reduce((one, other) => (positionOf(other) < positionOf(one) ? other : one));
    const cycle = cycleThrough(graph, first, knot).flatMap((id) => graph.nodes.get(id) ?? []);
    if (cycle.length > 0) found.push({ first: positionOf(first), cycle });
  }
  return found.sort((one, other) => one.first - other.first).map(({ cycle }) => cycle);
}

/** Steps of a graph without cycles, each after all that lead to it. */
export function topologicalOrder(graph: Graph): readonly Node[] {
  const open = new Map([...graph.nodes.keys()].map((id) => [id, 0]));
  for (const node of graph.nodes.values()) {
    for (const edge of knownEdges(graph, node)) open.set(edge.target, (open.get(edge.target) ?? 0) + 1);
  }
  const ready = [...open].filter(([, count]) => count === 0).map(([id]) => id);
  const order: Node[] = [];
  for (const id of ready) {
    const node = graph.nodes.get(id);
    if (node === undefined) continue;
    order.push(node);
    for (const edge of knownEdges(graph, node)) {
      const left = (open.get(edge.target) ?? 0) - 1;
      open.set(edge.target, left);
      if (left === 0) ready.push(edge.target);
    }
  }
  return order;
}

/** Groups of steps that reach each other, and single steps that lead to themselves (Kosaraju's algorithm). */
function knotsOf(graph: Graph): readonly ReadonlySet<string>[] {
  const ordered = new Set(topologicalOrder(graph).map((node) => node.id));
  const inside = new Set([...graph.nodes.keys()].filter((id) => !ordered.has(id)));
  const forward = new Map<string, string[]>();
  const backward = new Map<string, string[]>([...inside].map((id) => [id, []]));
  for (const id of inside) {
    const node = graph.nodes.get(id);
    const targets = node === undefined ? [] : knownEdges(graph, node).map((edge) => edge.target);
    forward.set(id, targets.filter((target) => inside.has(target)));
    for (const target of targets) backward.get(target)?.push(id);
  }
  const knots: ReadonlySet<string>[] = [];
  const assigned = new Set<string>();
  for (const id of finishingOrder(inside, forward).reverse()) {
    if (assigned.has(id)) continue;
    const knot = gathered(id, backward, assigned);
    if (knot.size > 1 || forward.get(id)?.includes(id)) knots.push(knot);
  }
  return knots;
}

function finishingOrder(starts: Iterable<string>, forward: ReadonlyMap<string, readonly string[]>): string[] {
  const finished: string[] = [];
  const seen = new Set<string>();
  for (const start of starts) {
    if (seen.has(start)) continue;
    seen.add(start);
    const stack = [{ id: start, next: 0 }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const following = forward.get(top.id)?.[top.next];
      top.next += 1;
      if (following === undefined) {
        finished.push(top.id);
        stack.pop();
      } else if (!seen.has(following)) {
        seen.add(following);
        stack.push({ id: following, next: 0 });
      }
    }
  }
  return finished;
}

function gathered(start: string, backward: ReadonlyMap<string, readonly string[]>, assigned: Set<string>): Set<string> {
  const knot = new Set([start]);
  assigned.add(start);
  for (const id of knot) {
    for (const source of backward.get(id) ?? []) {
      if (assigned.has(source)) continue;
      assigned.add(source);
      knot.add(source);
    }
  }
  return knot;
}

function cycleThrough(graph: Graph, first: string, knot: ReadonlySet<string>): readonly string[] {
  const cameFrom = new Map<string, string>();
  const waiting = [first];
  for (const id of waiting) {
    const node = graph.nodes.get(id);
    for (const edge of node === undefined ? [] : knownEdges(graph, node)) {
      if (edge.target === first) return wayBack(id, first, cameFrom);
      if (knot.has(edge.target) && !cameFrom.has(edge.target)) {
        cameFrom.set(edge.target, id);
        waiting.push(edge.target);
      }
    }
  }
  return [];
}

function wayBack(last: string, first: string, cameFrom: ReadonlyMap<string, string>): readonly string[] {
  const way = [last];
  for (let id: string | undefined = last; id !== undefined && id !== first; ) {
    id = cameFrom.get(id);
    if (id !== undefined) way.unshift(id);
  }
  return way;
}
