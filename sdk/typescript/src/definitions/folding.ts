import { isObject, itemsOf, member, withMembers, type Json, type JsonObject } from "./json.js";

const DONE_LABEL = "done";
const MAX_NESTED_LOOPS = 12;

/**
 * Steps with the bodies of older loops folded in. The older rule: each direct target of a loop is its body, one after
 * another per item, and what follows those targets is part of the body, until a connection labelled `done` leaves the
 * loop. A connection back to the loop step only said "next item" and goes away.
 *
 * @param origins gets, for each step that moved, its pointer in the result → its pointer as it was.
 */
export function foldLoops(steps: readonly Json[], origins: Map<string, string>): readonly Json[] {
  return hasOlderLoop(steps) ? fold(steps, "/steps", "/steps", origins) : steps;
}

function hasOlderLoop(steps: readonly Json[]): boolean {
  return steps.some((step) => isOlderLoop(step) || hasOlderLoop(itemsOf(bodyOf(step))));
}

function bodyOf(step: Json): Json | undefined {
  return member(member(step, "config"), "body");
}

function isOlderLoop(step: Json): boolean {
  return lacksBody(step) && connectionsOf(step).length > 0;
}

function lacksBody(step: Json): boolean {
  const config = member(step, "config");
  return member(step, "type") === "loop" && isObject(config) && !Object.hasOwn(config, "body");
}

function connectionsOf(step: Json): readonly JsonObject[] {
  return itemsOf(member(step, "connections")).filter(isObject);
}

function targetOf(connection: Json): string {
  const target = member(connection, "targetStepId");
  return typeof target === "string" ? target : "";
}

function isDone(connection: Json): boolean {
  return member(connection, "label") === DONE_LABEL;
}

/** One older loop. */
interface Region {
  /** Per direct target, the steps of the body that are met from it first. */
  readonly entries: string[][];
  /** Where connections labelled `done` lead. */
  exits: string[];
  /** Connections to no step at all, kept for the graph checks to name. */
  readonly dangling: JsonObject[];
}

interface Placed {
  readonly index: number;
  readonly step: JsonObject;
}

/** One step of the body of an older loop. */
interface Member {
  /** Which direct target of the loop it was met from. */
  readonly chain: number;
  readonly name: string;
  /** Its pointer in the result. */
  readonly here: string;
  /** As it stands there, but for its connections. */
  readonly step: Json;
  /** Whether it is the step of its id, and no further one. */
  readonly isFirst: boolean;
}

/** Where a step of a body may lead. */
interface Ways {
  /** The loop and what had its place before it. */
  readonly around: ReadonlySet<string>;
  /** The steps of the body. */
  readonly inside: ReadonlySet<string>;
  /** The first step of the next direct target. */
  readonly onward: string | undefined;
}

/**
 * The steps of one array by id, and the regions of its older loops. Of several steps with the same id the first is in
 * the graph. The others go where it goes, as they are: that they are too many is for the graph checks to say.
 */
class LoopGraph {
  readonly steps = new Map<string, Placed>();
  readonly #namesakes = new Map<string, Placed[]>();
  readonly regions = new Map<string, Region>();

  constructor(steps: readonly Json[]) {
    steps.forEach((step, index) => {
      const id = member(step, "id");
      if (!isObject(step) || typeof id !== "string") return;
      if (this.steps.has(id)) this.#namesakes.set(id, [...(this.#namesakes.get(id) ?? []), { index, step }]);
      else this.steps.set(id, { index, step });
    });
    for (const [id, { step }] of this.steps) if (isOlderLoop(step) && !this.regions.has(id)) this.#explore(id, []);
  }

  /** Ids of steps that are in the body of some older loop. */
  nested(): ReadonlySet<string> {
    return new Set([...this.regions.values()].flatMap((region) => region.entries.flat()));
  }

  /** All steps with an id, that of the graph first. */
  named(id: string): readonly Placed[] {
    const first = this.steps.get(id);
    return first === undefined ? [] : [first, ...(this.#namesakes.get(id) ?? [])];
  }

  #explore(loop: string, around: readonly string[]): Region {
    const region: Region = { entries: [], exits: [], dangling: [] };
    this.regions.set(loop, region);
    const inside = [...around, loop];
    const seen = new Set(inside);
    for (const connection of connectionsOf(this.steps.get(loop)?.step ?? {})) {
      const target = targetOf(connection);
      if (isDone(connection)) region.exits.push(target);
      else if (!this.steps.has(target)) region.dangling.push(connection);
      else if (!seen.has(target)) region.entries.push(this.#follow(target, region, seen, inside));
    }
    region.exits = [...new Set(region.exits)];
    return region;
  }

  #follow(start: string, region: Region, seen: Set<string>, inside: readonly string[]): string[] {
    const met: string[] = [];
    const waiting = [start];
    for (let current = waiting.pop(); current !== undefined; current = waiting.pop()) {
      if (seen.has(current)) continue;
      seen.add(current);
      met.push(current);
      const following = this.#targetsAfter(current, region, inside);
      waiting.push(...following.filter((target) => this.steps.has(target)).reverse());
    }
    return met;
  }

  #targetsAfter(current: string, region: Region, inside: readonly string[]): readonly string[] {
    const step = this.steps.get(current)?.step ?? {};
    if (isOlderLoop(step) && inside.length < MAX_NESTED_LOOPS) {
      return (this.regions.get(current) ?? this.#explore(current, inside)).exits;
    }
    const connections = connectionsOf(step);
    region.exits.push(...connections.filter(isDone).map(targetOf));
    return connections.filter((one) => !isDone(one)).map(targetOf);
  }
}

/** Folds one array of steps. `here`, `there`: its pointer in the result and in the document as sent. */
function fold(steps: readonly Json[], here: string, there: string, origins: Map<string, string>): Json[] {
  const graph = new LoopGraph(steps);
  const assembly = new Assembly(graph, there, origins);
  const nested = graph.nested();
  const result: Json[] = [];
  steps.forEach((step, index) => {
    const id = member(step, "id");
    if (typeof id === "string" && nested.has(id)) return;
    const isFirst = typeof id === "string" && graph.steps.get(id)?.index === index;
    result.push(assembly.place(step, index, `${here}/${result.length}`, isFirst));
  });
  // Loops that hold each other (a cycle) are in no body from outside: they stay where they were, for the graph checks.
  for (const id of graph.steps.keys()) {
    if (!nested.has(id) || assembly.placed.has(id)) continue;
    for (const { index, step } of graph.named(id)) result.push(assembly.place(step, index, `${here}/${result.length}`, false));
  }
  return result;
}

/** Puts the steps of one array in their places. */
class Assembly {
  readonly placed = new Set<string>();

  constructor(
    private readonly graph: LoopGraph,
    private readonly there: string,
    private readonly origins: Map<string, string>,
  ) {}

  /** The step as it stands in the result at `here`, with its body if it is an older loop. */
  place(step: Json, index: number, here: string, isFirst: boolean): Json {
    const there = `${this.there}/${index}`;
    if (here !== there) this.origins.set(here, there);
    if (!isObject(step)) return step;
    const id = member(step, "id");
    if (typeof id === "string" && isFirst) {
      this.placed.add(id);
      const region = this.graph.regions.get(id);
      if (region !== undefined) return this.#loop(step, region, here);
    }
    const [config, body] = [member(step, "config"), bodyOf(step)];
    if (!isObject(config) || !Array.isArray(body)) return step;
    const folded = fold(body, `${here}/config/body`, `${there}/config/body`, this.origins);
    return withMembers(step, { config: withMembers(config, { body: folded }) });
  }

  #loop(loop: JsonObject, region: Region, here: string): JsonObject {
    const around = new Set(this.placed);
    const members = this.#members(region, `${here}/config/body`);
    const inside = new Set(members.map((one) => one.name));
    const body = members.map((one) => {
      if (!one.isFirst) return one.step;
      const onward = members.find((later) => later.chain > one.chain)?.name;
      return this.#inBody(one, { around, inside, onward });
    });
    const exits = region.exits.map((target): JsonObject => ({ targetStepId: target, label: DONE_LABEL }));
    const config = member(loop, "config");
    return withMembers(loop, {
      config: isObject(config) ? withMembers(config, { body }) : (config ?? null),
      connections: [...exits, ...region.dangling],
    });
  }

  /** Steps of a body, placed one after another: what a loop among them has taken is met no more. */
  #members(region: Region, here: string): Member[] {
    const members: Member[] = [];
    region.entries.forEach((names, chain) => {
      for (const name of names) {
        if (this.placed.has(name)) continue;
        this.graph.named(name).forEach(({ index, step }, position) => {
          const [at, isFirst] = [`${here}/${members.length}`, position === 0];
          members.push({ chain, name, here: at, step: this.place(step, index, at, isFirst), isFirst });
        });
      }
    });
    return members;
  }

  /** A step of a body: its ways out and back are the loop's now, and its end leads to the next direct target. */
  #inBody({ name, step, here }: Member, ways: Ways): Json {
    if (!isObject(step)) return step;
    const connections = member(step, "connections");
    if (connections !== undefined && !Array.isArray(connections)) return step;
    const isLoop = this.graph.regions.has(name);
    const there = this.origins.get(here) ?? here;
    const kept: Json[] = [];
    itemsOf(connections).forEach((connection, index) => {
      if (!this.#stays(connection, ways, isLoop)) return;
      this.origins.set(`${here}/connections/${kept.length}`, `${there}/connections/${index}`);
      kept.push(connection);
    });
    // A loop that leads nowhere has no body, which is a fault: led on, it would look like an older one.
    if (ways.onward !== undefined && !kept.some(goesOn) && !lacksBody(step)) kept.push({ targetStepId: ways.onward });
    return kept.length > 0 || connections !== undefined ? withMembers(step, { connections: kept }) : step;
  }

  #stays(connection: Json, ways: Ways, isLoop: boolean): boolean {
    if (!isObject(connection)) return true;
    if (!isLoop && isDone(connection)) return false;
    const target = targetOf(connection);
    return !(this.graph.regions.has(target) && ways.around.has(target) && !ways.inside.has(target));
  }
}

function goesOn(connection: Json): boolean {
  return isObject(connection) && member(connection, "condition") !== "failure";
}
