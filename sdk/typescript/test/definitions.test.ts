import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import {
  DefinitionValidator,
  isActionStep,
  isConnection,
  isEventTrigger,
  isStep,
  isWorkflowDefinition,
  type DefinitionFault,
  type KnownAction,
  type PublishedWorkflows,
  type Step,
  type WorkflowDefinition,
} from "@maestro/composer-sdk/definitions";

const FIXTURES = new URL("../../../../tests/fixtures/definitions/", import.meta.url);
const ACTIONS = JSON.parse(readFileSync(new URL("actions.json", FIXTURES), "utf8")) as KnownAction[];
const validator = new DefinitionValidator({ actions: ACTIONS });

interface Refused {
  readonly text?: string;
  readonly document?: unknown;
  readonly workflowId?: string;
  readonly subworkflows?: PublishedWorkflows;
  readonly faults: readonly { readonly code: string; readonly path: string }[];
}

function placesOf(faults: Refused["faults"]): readonly string[] {
  return faults.map(({ code, path }) => `${path} ${code}`).sort();
}

function textsOf(folder: string): readonly (readonly [name: string, text: string])[] {
  const names = readdirSync(new URL(folder, FIXTURES)).filter((name) => name.endsWith(".json"));
  return names.map((name) => [name, readFileSync(new URL(`${folder}${name}`, FIXTURES), "utf8")]);
}

for (const [name, text] of textsOf("valid/")) {
  test(`${name} is accepted`, () => assert.deepEqual(validator.validateText(text), []));
}

for (const [name, text] of textsOf("invalid/")) {
  test(`${name} has exactly its faults`, () => {
    const refused = JSON.parse(text) as Refused;
    const faults =
      refused.text === undefined ? validator.validate(refused.document, refused) : validator.validateText(refused.text);
    assert.deepEqual(placesOf(faults), placesOf(refused.faults));
    assert.ok(faults.every((one: DefinitionFault) => one.message.endsWith(".") && one.hint !== ""));
  });
}

const STEP: Step = { id: "greet", type: "action", config: { actionType: "noop" } };
const DEFINITION: WorkflowDefinition = { name: "hello", steps: [STEP] };

test("a fault says what is wrong and how to mend it", () => {
  const draft = { ...DEFINITION, steps: [{ ...STEP, connections: [{ targetStepId: "gret" }] }, { ...STEP, id: "great" }] };
  assert.deepEqual(validator.validate(draft)[0], {
    code: "connection.unknown_target",
    path: "/steps/0/connections/0/targetStepId",
    message: "Step 'greet' leads to 'gret', but there is no such step.",
    hint: "Did you mean 'greet'?",
  });
});

test("guards tell the parts of a definition apart", () => {
  assert.ok(isWorkflowDefinition(DEFINITION));
  assert.ok(isActionStep(STEP) && STEP.config.actionType === "noop");
  assert.ok(isStep({ id: "a", type: "parallel" }) && !isActionStep({ id: "a", type: "parallel" }));
  assert.ok(!isStep({ id: "a", type: "teleport" }));
  assert.ok(isEventTrigger({ id: "t", type: "event", config: { eventType: "x" } }) && !isEventTrigger({ id: "t", type: "event" }));
  assert.ok(isConnection({ targetStepId: "a" }) && !isConnection({ targetStepId: 1 }) && !isWorkflowDefinition(null));
});

test("without the actions of an installation, action steps are checked but for their action", () => {
  const draft = { ...DEFINITION, steps: [{ ...STEP, config: { actionType: "teleport" } }] };
  assert.deepEqual(new DefinitionValidator().validate(draft), []);
  assert.deepEqual(placesOf(validator.validate(draft)), ["/steps/0/config/actionType action.unknown_type"]);
});

test("names that objects inherit are nobody's members, steps or actions", () => {
  const text = `{"name": "x", "steps": [{"id": "constructor", "type": "action", "config": {"actionType": "toString"},
    "connections": [{"targetStepId": "__proto__"}]}], "__proto__": 1}`;
  assert.deepEqual(placesOf(validator.validateText(text)), [
    "/__proto__ member.unknown",
    "/steps/0/config/actionType action.unknown_type",
    "/steps/0/connections/0/targetStepId connection.unknown_target",
  ]);
});

test("what is no JSON is no document with faults", () => {
  assert.throws(() => validator.validateText("{"), SyntaxError);
  assert.throws(() => validator.validate(undefined), TypeError);
});
