import { checkCron } from "./cron.js";
import { durationOf, inWords, longestWaitMs } from "./durations.js";
import { TIME_ZONES } from "../generated/zones.js";
import { fault, type DefinitionFault } from "./faults.js";
import { isInstant } from "./instants.js";
import { isObject, itemsOf, member, pointer, type Json, type JsonObject } from "./json.js";
import { at, stepsOf, type Graph, type Node } from "./outline.js";

/** Every fault of time in a document: retries and timeouts that do not fit together, instants, schedules, timezones. */
export function* timingFaults(document: JsonObject, graphs: readonly Graph[]): Generator<DefinitionFault> {
  const limit = durationOf(member(member(document, "settings"), "timeout"));
  for (const node of graphs.flatMap(stepsOf)) yield* stepFaults(node, limit);
  for (const [index, trigger] of itemsOf(member(document, "triggers")).entries()) {
    if (member(trigger, "type") === "schedule") yield* scheduleFaults(trigger, index);
  }
}

function* stepFaults(node: Node, workflowMs: number | undefined): Generator<DefinitionFault> {
  for (const name of ["timeout", "delayMs"]) {
    const value = durationOf(member(node.config, name));
    if (workflowMs === undefined || value === undefined || value <= workflowMs) continue;
    const message = `Step '${node.id}' may take ${inWords(value)} (\`${name}\`), but the workflow ends after ${inWords(workflowMs)}.`;
    yield fault("timeout.beyond_workflow", at(node, "config", name), message);
  }
  yield* instantFaults(node);
  const retry = member(node.step, "retryConfig");
  if (!isObject(retry)) return;
  const ownMs = durationOf(member(node.config, "timeout")) ?? Infinity;
  const limit = Math.min(ownMs, workflowMs ?? Infinity);
  const waits = longestWaitMs(retry);
  if (waits <= limit) return;
  const words = ownMs <= limit ? "its timeout is" : "the workflow ends after";
  const message = `Step '${node.id}' may wait ${inWords(waits)} between its retries, but ${words} ${inWords(limit)}.`;
  yield fault("retry.outlasts_timeout", at(node, "retryConfig"), message);
}

/** Instants that are written down; what a template will give is not known yet. */
function* instantFaults(node: Node): Generator<DefinitionFault> {
  for (const name of ["until", "dueDate"]) {
    const value = member(node.config, name);
    if (typeof value !== "string" || value.includes("{{") || isInstant(value)) continue;
    const message = `Step '${node.id}': \`config.${name}\` must be an RFC 3339 instant, but is '${value.slice(0, 100)}'.`;
    const hint = "Write an instant such as 2026-03-01T12:00:00Z, or a template that gives one.";
    yield fault("value.wrong_format", at(node, "config", name), message, hint);
  }
}

function* scheduleFaults(trigger: Json, index: number): Generator<DefinitionFault> {
  const name = `Trigger '${String(member(trigger, "id"))}'`;
  const config = member(trigger, "config");
  const [expression, timezone] = [member(config, "schedule"), member(config, "timezone")];
  const wrong = typeof expression === "string" ? checkCron(expression) : undefined;
  if (typeof expression === "string" && wrong !== undefined) {
    const [shown, path] = [`'${expression.slice(0, 100)}'`, pointer("triggers", index, "config", "schedule")];
    yield wrong.neverFires
      ? fault("cron.never_fires", path, `${name} never fires: of ${shown}, ${wrong.message}.`)
      : fault("cron.invalid", path, `${name} has the schedule ${shown}, which is no cron expression: ${wrong.message}.`);
  }
  if (typeof timezone === "string" && !TIME_ZONES.has(timezone)) {
    const message = `${name} has the timezone '${timezone.slice(0, 100)}', which is none of the IANA database.`;
    yield fault("timezone.unknown", pointer("triggers", index, "config", "timezone"), message);
  }
}
