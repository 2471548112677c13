import { fault, type DefinitionFault } from "./faults.js";
import { itemsOf, member, pointer, type JsonObject } from "./json.js";

/** Every fault between the triggers of a document: ids and webhook paths that two of them share. */
export function* triggerFaults(document: JsonObject): Generator<DefinitionFault> {
  const ids = new Map<string, number>();
  const paths = new Map<string, string>();
  for (const [index, trigger] of itemsOf(member(document, "triggers")).entries()) {
    const id = member(trigger, "id");
    if (typeof id === "string") {
      const first = ids.get(id);
      if (first === undefined) ids.set(id, index);
      else {
        const message = `The id '${id}' belongs to two triggers, at /triggers/${first} and here.`;
        yield fault("trigger.duplicate_id", pointer("triggers", index, "id"), message);
      }
    }
    const path = member(member(trigger, "config"), "webhookPath");
    if (member(trigger, "type") !== "webhook" || typeof path !== "string") continue;
    const owner = paths.get(path);
    if (owner === undefined) paths.set(path, String(id));
    else {
      const message = `The triggers '${owner}' and '${String(id)}' have the same webhook path '${path}'.`;
      yield fault("webhook.duplicate_path", pointer("triggers", index, "config", "webhookPath"), message);
    }
  }
}
