// What is made of the JSON Schema of definitions: types, type guards, and the schema itself as a module.
import { readFile } from "node:fs/promises";

import { compile } from "json-schema-to-typescript";

const STEP_KINDS = ["step", "trigger"];
const OWN_KEYWORD = /^maestro:/;

/** The generated modules, by name, from the schema file. */
export async function definitionModules(file, banner) {
  const schema = JSON.parse(await readFile(file, "utf8"));
  const { parts, variants } = described(schema);
  const { $defs: _parts, $id: _id, ...whole } = schema;
  // Parts that the document does not reach by itself (the configs, by way of the variants) are reached from here.
  const types = await compile({ ...plain(whole), $defs: parts, title: "WorkflowDefinition" }, "WorkflowDefinition", {
    bannerComment: "",
    unreachableDefinitions: true,
    unknownAny: true,
    style: { printWidth: 120 },
  });
  return [
    ["src/generated/definition.ts", banner + types.replaceAll(/^ \* This interface was referenced by .*\n \* via the `definition` .*\n/gm, "").replaceAll(/\n\/\*\*\n \*\/\n/g, "\n")],
    ["src/generated/guards.ts", banner + guards(schema, variants)],
    ["src/generated/schema.ts", banner + schemaModule(schema)],
  ];
}

/** The schema's parts as types can say them: a step or trigger of each type is a type of its own. */
function described(schema) {
  const parts = {};
  const variants = [];
  for (const [name, part] of Object.entries(schema.$defs)) {
    if (!STEP_KINDS.includes(name)) {
      parts[name] = titled(plain(part), pascal(name));
      continue;
    }
    const kinds = part.properties.type.enum.map((type) => ({ type, name: `${type}${pascal(name)}`, of: name }));
    for (const kind of kinds) parts[kind.name] = variant(part, kind, schema);
    parts[name] = { title: pascal(name), oneOf: kinds.map((kind) => ({ $ref: `#/$defs/${kind.name}` })) };
    variants.push(...kinds);
  }
  return { parts, variants };
}

function variant(part, kind, schema) {
  const then = part.allOf.find((rule) => rule.if.properties.type.const === kind.type)?.then ?? {};
  const given = then.properties?.config;
  const config = given?.$ref === undefined ? configOf(part, given, kind, schema) : given;
  const properties = { ...part.properties, type: { const: kind.type }, ...(config && { config }) };
  const required = [...part.required, ...(then.required ?? [])];
  return titled(plain({ type: "object", properties, required, additionalProperties: false }), pascal(kind.name));
}

/** The config of all kinds, with what this kind needs of it. */
function configOf(part, given, kind, schema) {
  if (given?.required === undefined) return part.properties.config;
  const whole = schema.$defs[part.properties.config.$ref.replace("#/$defs/", "")];
  return titled(plain({ ...whole, required: given.required }), `${pascal(kind.name)}Config`);
}

/** Without what types cannot say: rules between members, and the project's own keywords. */
function plain(part) {
  if (Array.isArray(part)) return part.map(plain);
  if (typeof part !== "object" || part === null) return part;
  if (part.$ref !== undefined && part.description !== undefined) {
    // Beside a reference a description would make a type of its own; around it, it stays where it is.
    return { description: part.description, allOf: [{ $ref: part.$ref }] };
  }
  if (part.if?.type === "object" && part.then?.$ref !== undefined) return byType(part);
  const left = ["if", "then", "dependentRequired", "allOf", "anyOf", "oneOf", "pattern", "maxItems", "minItems"];
  const kept = Object.entries(part).filter(([name]) => !left.includes(name) && !OWN_KEYWORD.test(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, plain(value)]));
}

/** A part that is an object of a known kind, or of another type. */
function byType({ if: _, then, description, items, type }) {
  const others = type.filter((one) => one !== "object").map((one) => (one === "array" ? { type: one, items } : { type: one }));
  return { ...(description && { description }), anyOf: [then, ...others] };
}

function titled(part, title) {
  return { ...part, title };
}

function pascal(name) {
  return name[0].toUpperCase() + name.slice(1);
}

function guards(schema, variants) {
  const names = Object.keys(schema.$defs);
  const types = [...names, ...variants.map((one) => one.name)].map(pascal).sort();
  const lines = [
    `import { conformsTo } from "../definitions/conformance.js";`,
    `import type {\n${[...types, "WorkflowDefinition"].sort().map((one) => `  ${one},`).join("\n")}\n} from "./definition.js";`,
    "",
    "/** Whether a value has the shape of a whole definition in the present form; its graph is not looked at. */",
    `export const isWorkflowDefinition = (value: unknown): value is WorkflowDefinition => conformsTo("", value);`,
    ...names.map((name) => guard(pascal(name), `conformsTo("${name}", value)`, `the part \`${name}\` of a definition`)),
    ...variants.map(({ type, name, of }) =>
      guard(pascal(name), `is${pascal(of)}(value) && value.type === "${type}"`, `a ${of} of type \`${type}\``),
    ),
  ];
  return `${lines.join("\n")}\n`;
}

function guard(type, test, what) {
  return `/** Whether a value has the shape of ${what}. */\nexport const is${type} = (value: unknown): value is ${type} => ${test};`;
}

function schemaModule(schema) {
  const text = JSON.stringify(schema, null, 1);
  return `/** The JSON Schema (2020-12) of definitions, as the server publishes it at \`/api/schemas/workflow-definition\`. */\nexport const WORKFLOW_DEFINITION_SCHEMA: Readonly<Record<string, unknown>> = ${text};\n`;
}
