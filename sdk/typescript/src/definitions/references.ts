import { topologicalOrder } from "./cycles.js";
import { didYouMean, fault, type DefinitionFault } from "./faults.js";
import { isObject, itemsOf, member, pointer, type Json, type JsonObject, type Place } from "./json.js";
import { EVENT, notificationsOf, withoutNotifications, type PlacedNotification } from "./notifications.js";
import { homesOf, knownEdges, stepsOf, type Graph, type Node } from "./outline.js";
import { Malformed, parsePath, scan, type ContextPath } from "./paths.js";

const TEMPLATED: Readonly<Record<string, readonly string[]>> = {
  action: ["actionConfig"],
  delay: ["until"],
  human: ["title", "description", "assignees", "candidateGroups", "formConfig", "dueDate", "escalation", "priority"],
};

/** Every fault of a path or template in a document: its form, and the step that it refers to. */
export function* referenceFaults(document: JsonObject, graphs: readonly Graph[]): Generator<DefinitionFault> {
  for (const [index, trigger] of itemsOf(member(document, "triggers")).entries()) {
    const condition = member(member(trigger, "config"), "condition");
    yield* conditionPaths(condition, ["triggers", index, "config", "condition"]).flatMap(([path, place]) => form(path, place));
  }
  const steps = new Steps(graphs);
  for (const node of graphs.flatMap(stepsOf)) yield* new StepReferences(node, steps).faults();
  for (const one of notificationsOf(document, graphs)) yield* notificationFaults(one);
}

/** Which step runs after which. */
class Steps {
  readonly homes: ReadonlyMap<string, Graph>;
  readonly #order = new Map<string, number>();
  readonly #after = new Map<string, ReadonlySet<string>>();

  constructor(graphs: readonly Graph[]) {
    this.homes = homesOf(graphs);
    for (const graph of graphs) {
      topologicalOrder(graph).forEach((node, position) => {
        if (this.homes.get(node.id) === graph) this.#order.set(node.id, position);
      });
    }
  }

  /** Id of the step behind `steps.`, dots in it included; undefined where there is none. */
  referredTo(path: ContextPath): string | undefined {
    for (let end = 2; end <= path.length; end += 1) {
      const id = path.slice(1, end).join(".");
      if (this.homes.has(id)) return id;
    }
    return undefined;
  }

  /** Whether a step can only run after another one, or after a loop around that. */
  runsAfter(other: string, node: Node): boolean {
    const home = this.homes.get(other);
    const here = [node.id, ...node.owners].find((one) => this.homes.get(one) === home);
    const [later, earlier] = [this.#order.get(other), here === undefined ? undefined : this.#order.get(here)];
    if (here === undefined || later === undefined || earlier === undefined) return false;
    // A loop around the step is not finished while the step runs.
    if (here === other) return here !== node.id;
    return later > earlier && this.#reachable(here).has(other);
  }

  #reachable(start: string): ReadonlySet<string> {
    const known = this.#after.get(start);
    if (known !== undefined) return known;
    const [graph, reached, waiting] = [this.homes.get(start), new Set<string>(), [start]];
    for (const id of waiting) {
      const node = graph?.nodes.get(id);
      for (const edge of graph === undefined || node === undefined ? [] : knownEdges(graph, node)) {
        if (!reached.has(edge.target)) waiting.push(edge.target);
        reached.add(edge.target);
      }
    }
    this.#after.set(start, reached);
    return reached;
  }
}

/** Faults of the paths and templates of one step. */
class StepReferences {
  readonly #node: Node;
  readonly #steps: Steps;

  constructor(node: Node, steps: Steps) {
    this.#node = node;
    this.#steps = steps;
  }

  *faults(): Generator<DefinitionFault> {
    const { config, step } = this.#node;
    const place = [...this.#node.place, "config"];
    const type = String(member(step, "type"));
    for (const name of Object.hasOwn(TEMPLATED, type) ? (TEMPLATED[type] ?? []) : []) {
      const value = member(config, name);
      yield* this.#template(name === "escalation" ? withoutNotifications(value) : value, [...place, name]);
    }
    const probe = member(config, "probe");
    yield* this.#template(member(probe, "actionConfig"), [...place, "probe", "actionConfig"], true);
    yield* this.#condition(member(probe, "happened"), [...place, "probe", "happened"], true);
    yield* this.#mapping(member(config, "inputMappings"), [...place, "inputMappings"]);
    yield* values(member(config, "outputMappings"), [...place, "outputMappings"]).flatMap(([path, where]) => form(path, where));
    if (type === "loop") yield* this.#path(member(config, "iterateOver"), [...place, "iterateOver"]);
    if (type === "wait") yield* this.#correlation(member(config, "correlation"), [...place, "correlation"]);
    if (type === "condition") yield* this.#condition(member(config, "condition"), [...place, "condition"]);
    for (const [index, connection] of itemsOf(member(step, "connections")).entries()) {
      const custom = [...this.#node.place, "connections", index, "customCondition"];
      yield* this.#condition(member(connection, "customCondition"), custom, true);
    }
  }

  *#template(value: Json | undefined, place: Place, own = false): Generator<DefinitionFault> {
    for (const [where, found] of scan(value, place)) {
      if (found instanceof Malformed) {
        const message = `Step '${this.#node.id}' has a text that is no template: ${found.message}.`;
        yield fault("template.invalid", pointer(...where), message);
      } else yield* this.#target(found, where, own);
    }
  }

  *#mapping(mappings: Json | undefined, place: Place): Generator<DefinitionFault> {
    for (const [path, where] of values(mappings, place)) yield* this.#path(path, where);
  }

  *#correlation(correlation: Json | undefined, place: Place): Generator<DefinitionFault> {
    if (isObject(correlation)) for (const name of Object.keys(correlation)) yield* form(name, [...place, name]);
    yield* this.#mapping(correlation, place);
  }

  *#condition(condition: Json | undefined, place: Place, own = false): Generator<DefinitionFault> {
    for (const [path, where] of conditionPaths(condition, place)) yield* this.#path(path, where, own);
  }

  *#path(text: Json | undefined, place: Place, own = false): Generator<DefinitionFault> {
    if (typeof text !== "string") return;
    const path = parsePath(text);
    if (path instanceof Malformed) yield pathFault(text, place, path);
    else yield* this.#target(path, place, own);
  }

  /** Faults of the step that a path refers to. `own`: the step's own output is already there. */
  *#target(path: ContextPath, place: Place, own: boolean): Generator<DefinitionFault> {
    const name = path[1];
    if (path[0] !== "steps" || name === undefined) return;
    const other = this.#steps.referredTo(path);
    const refers = `Step '${this.#node.id}' refers to ${path.join(".")}`;
    if (other === undefined) {
      const hint = didYouMean(name, this.#steps.homes.keys());
      yield fault("path.unknown_step", pointer(...place), `${refers}, but there is no step '${name}'.`, hint);
    } else if ((other === this.#node.id && !own) || this.#steps.runsAfter(other, this.#node)) {
      yield fault("path.not_upstream", pointer(...place), `${refers}, but '${other}' has not run when it starts.`);
    }
  }
}

function* notificationFaults({ who, notification, place }: PlacedNotification): Generator<DefinitionFault> {
  for (const [where, found] of scan(member(notification, "actionConfig"), [...place, "actionConfig"])) {
    if (found instanceof Malformed) {
      yield fault("template.invalid", pointer(...where), `${who} has a text that is no template: ${found.message}.`);
    } else if (found[0] !== EVENT) {
      const message = `${who} refers to ${found.join(".")}; what a notification knows is \`${EVENT}\` alone.`;
      yield fault("path.invalid", pointer(...where), message, `Begin the path with \`${EVENT}.\`.`);
    }
  }
}

type Placed = readonly [value: Json, place: Place];

function conditionPaths(condition: Json | undefined, place: Place): readonly Placed[] {
  const field = member(condition, "field");
  const own: readonly Placed[] = field === undefined ? [] : [[field, [...place, "field"]]];
  const children = itemsOf(member(condition, "children"));
  return [...own, ...children.flatMap((child, index) => conditionPaths(child, [...place, "children", index]))];
}

function values(mappings: Json | undefined, place: Place): readonly Placed[] {
  return isObject(mappings) ? Object.entries(mappings).map(([name, value]) => [value, [...place, name]]) : [];
}

/** The form of a path alone: what it refers to is not known before the step has run. */
function form(text: Json, place: Place): readonly DefinitionFault[] {
  const path = typeof text === "string" ? parsePath(text) : undefined;
  return typeof text === "string" && path instanceof Malformed ? [pathFault(text, place, path)] : [];
}

function pathFault(text: string, place: Place, why: Malformed): DefinitionFault {
  return fault("path.invalid", pointer(...place), `'${text.slice(0, 100)}' is not a path: ${why.message}.`);
}
