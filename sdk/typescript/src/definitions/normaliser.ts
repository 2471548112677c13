import { longestWaitMs } from "./durations.js";
import { foldLoops } from "./folding.js";
import { inPresentForm, levelInPresentForm } from "./notifications.js";
import { isObject, itemsOf, mapMembers, member, stripped, withMembers, type Json, type JsonObject } from "./json.js";

const OLD_RETRY = { maxRetries: 3, retryDelay: 1_000, exponentialBackoff: true } as const;
const RETRIED_TYPES: readonly unknown[] = ["action", "subprocess"];
const PATH_MAPS = ["inputMappings", "outputMappings", "correlation"] as const;

/** A document in the present form. */
export interface Normalised {
  readonly document: Json;
  /** Pointer into the document as sent for a pointer into the normalised one. */
  readonly original: (path: string) => string;
  /** Whether steps were moved. */
  readonly isFolded: boolean;
}

/** Older documents in the present form, with the way back to the form that they were sent in. */
export function normalise(document: Json): Normalised {
  const origins = new Map<string, string>();
  const result = isObject(document) ? withMembers(document, changesOf(document, origins)) : document;
  return { document: result, original: (path) => originalOf(path, origins), isFolded: origins.size > 0 };
}

function originalOf(path: string, origins: ReadonlyMap<string, string>): string {
  for (let prefix = path; prefix !== "" && origins.size > 0; prefix = prefix.slice(0, prefix.lastIndexOf("/"))) {
    const origin = origins.get(prefix);
    if (origin !== undefined) return origin + path.slice(prefix.length);
  }
  return path;
}

function changesOf(document: JsonObject, origins: Map<string, string>): JsonObject {
  const changes: Record<string, Json> = {};
  const version = member(document, "version");
  if (typeof version === "number" && Number.isInteger(version) && version >= 0) changes["version"] = `${version}.0.0`;
  const settings = member(document, "settings");
  const isRetrying = member(settings, "errorHandling") === "retry";
  if (isObject(settings)) changes["settings"] = settingsIn(settings, isRetrying);
  const steps = member(document, "steps");
  if (Array.isArray(steps)) {
    const retries = isRetrying ? { workflowTimeout: member(settings, "timeout") } : undefined;
    changes["steps"] = foldLoops(steps, origins).map((step) => stepIn(step, retries));
  }
  const triggers = member(document, "triggers");
  if (Array.isArray(triggers)) changes["triggers"] = triggers.map(triggerIn);
  return changes;
}

function settingsIn(settings: JsonObject, isRetrying: boolean): JsonObject {
  const notifications = member(settings, "notifications");
  return withMembers(settings, {
    ...(isRetrying && { errorHandling: "stop" }),
    ...(isObject(notifications) && { notifications: inPresentForm(notifications) }),
  });
}

/** The retries that `errorHandling: retry` gives to steps without their own, within the workflow's timeout. */
interface Retries {
  readonly workflowTimeout: Json | undefined;
}

function retryConfigFor(step: JsonObject, retries: Retries): JsonObject {
  const limits = [member(member(step, "config"), "timeout"), retries.workflowTimeout].filter(isPositive);
  const least = Math.min(...limits);
  return limits.length > 0 && longestWaitMs(OLD_RETRY) > least ? { ...OLD_RETRY, maxElapsed: least } : OLD_RETRY;
}

function isPositive(value: Json | undefined): value is number {
  return typeof value === "number" && Number.isInteger(value) && value > 0;
}

function stepIn(step: Json, retries: Retries | undefined): Json {
  if (!isObject(step)) return step;
  const changes: Record<string, Json> = {};
  const config = member(step, "config");
  if (isObject(config)) changes["config"] = configIn(config, retries);
  const connections = member(step, "connections");
  if (Array.isArray(connections)) changes["connections"] = connections.map(connectionIn);
  if (retries !== undefined && !Object.hasOwn(step, "retryConfig") && RETRIED_TYPES.includes(member(step, "type"))) {
    changes["retryConfig"] = retryConfigFor(step, retries);
  }
  return withMembers(step, changes);
}

function configIn(config: JsonObject, retries: Retries | undefined): JsonObject {
  const changes: Record<string, Json> = {};
  for (const name of PATH_MAPS) {
    const mappings = member(config, name);
    if (isObject(mappings)) changes[name] = mapMembers(mappings, barePath);
  }
  const iterated = member(config, "iterateOver");
  if (iterated !== undefined) changes["iterateOver"] = barePath(iterated);
  const condition = member(config, "condition");
  if (condition !== undefined) changes["condition"] = conditionIn(condition);
  const escalation = member(config, "escalation");
  if (Array.isArray(escalation)) changes["escalation"] = escalation.map(levelIn);
  const body = member(config, "body");
  if (Array.isArray(body)) changes["body"] = body.map((step: Json) => stepIn(step, retries));
  return withMembers(config, changes);
}

function levelIn(level: Json): Json {
  return isObject(level) ? levelInPresentForm(level) : level;
}

function triggerIn(trigger: Json): Json {
  const config = member(trigger, "config");
  if (!isObject(trigger) || !isObject(config)) return trigger;
  const changes: Record<string, Json> = {};
  const condition = member(config, "condition");
  if (condition !== undefined) changes["condition"] = conditionIn(condition);
  const path = member(config, "webhookPath");
  if (typeof path === "string") changes["webhookPath"] = path.replace(/^\/+|\/+$/g, "");
  return withMembers(trigger, { config: withMembers(config, changes) });
}

function connectionIn(connection: Json): Json {
  const custom = member(connection, "customCondition");
  if (!isObject(connection) || custom === undefined) return connection;
  return withMembers(connection, { customCondition: conditionIn(custom) });
}

function conditionIn(condition: Json): Json {
  if (!isObject(condition)) return condition;
  const changes: Record<string, Json> = {};
  const field = member(condition, "field");
  if (field !== undefined) changes["field"] = barePath(field);
  const children = member(condition, "children");
  if (Array.isArray(children)) changes["children"] = itemsOf(children).map(conditionIn);
  return withMembers(condition, changes);
}

/** `{{path}}` where a path is asked for becomes `path`. */
function barePath(value: Json): Json {
  if (typeof value !== "string") return value;
  const text = stripped(value);
  const isLone = text.startsWith("{{") && text.endsWith("}}") && text.split("{{").length === 2;
  return isLone ? stripped(text.slice(2, -2)) : value;
}
