"use strict";
// GraphiQL's work in one file: an editor that knows the schema, variables, a token, streams, and the documentation.

const byId = (id) => document.getElementById(id);
const query = byId("query"), variables = byId("variables"), token = byId("token"), result = byId("result");
const status = byId("status"), run = byId("run"), docs = byId("docs"), completions = byId("completions");
const operations = JSON.parse(byId("operations").textContent);

function element(tag, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
}

// -- what is kept: the token for this tab only, the rest for the next visit
const kept = {
  read: (store, name) => { try { return store.getItem("maestro." + name) ?? ""; } catch { return ""; } },
  write: (store, name, text) => { try { store.setItem("maestro." + name, text); } catch { /* a private window */ } },
};

// -- painting
const PAINT = new RegExp([
  /(?<comment>#[^\n]*)/, /(?<string>"""[\s\S]*?"""|"(?:\\.|[^"\\\n])*"?)/, /(?<variable>\$\w+)/, /(?<number>-?\d+(?:\.\d+)?\b)/,
  /(?<keyword>\b(?:query|mutation|subscription|fragment|on|true|false|null)\b)/, /(?<name>\b[A-Za-z_]\w*)/,
].map((part) => part.source).join("|"), "g");
const CLASSES = { comment: "faint", string: "value", variable: "value", number: "value", keyword: "keyword", name: "name" };

function paint(target, text, pattern = PAINT) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    const kind = Object.keys(match.groups).find((name) => match.groups[name] !== undefined);
    parts.push(text.slice(end, match.index), element("span", { className: CLASSES[kind] }, match[0]));
    end = match.index + match[0].length;
  }
  target.replaceChildren(...parts, text.slice(end) + "\n");
}

function edited() {
  paint(byId("paint"), query.value);
  kept.write(localStorage, "query", query.value);
  kept.write(localStorage, "variables", variables.value);
}

// -- asking
const headers = (accept) => ({
  "content-type": "application/json", accept, ...(token.value.trim() && { authorization: "Bearer " + token.value.trim().replace(/^Bearer\s+/i, "") }),
});
const JSON_PARTS = /(?<name>"(?:\\.|[^"\\])*"(?=\s*:))|(?<string>"(?:\\.|[^"\\])*")|(?<number>-?\d[\d.eE+-]*)|(?<keyword>\b(?:true|false|null)\b)/g;

function show(value) { paint(result, typeof value === "string" ? value : JSON.stringify(value, null, 2), JSON_PARTS); }
function say(text, failed = false) { status.textContent = text; status.classList.toggle("failed", failed); }

let running = null;
async function ask() {
  if (running) { running.abort(); return; }
  let given = {};
  try { given = JSON.parse(variables.value.trim() || "{}"); } catch (error) { say("The variables are not JSON: " + error.message, true); return; }
  const streams = /^\s*(?:#[^\n]*\n\s*)*subscription\b/.test(query.value);
  const body = JSON.stringify({ query: query.value, variables: given, extensions: { cost: true } });
  running = new AbortController();
  run.classList.add("running"); run.lastChild.textContent = " Stop";
  const began = performance.now();
  try {
    const accept = streams ? "text/event-stream" : "application/graphql-response+json, application/json;q=0.9";
    const answer = await fetch(location.pathname, { method: "POST", headers: headers(accept), body, signal: running.signal });
    if (answer.headers.get("content-type")?.startsWith("text/event-stream")) { await follow(answer); return; }
    const text = await answer.text();
    let found = text;
    try { found = JSON.parse(text); } catch { /* shown as it is */ }
    show(found);
    const cost = found.extensions?.cost, failed = !answer.ok || Boolean(found.errors);
    say(`${answer.status} in ${Math.round(performance.now() - began)} ms` + (cost ? `, cost ${cost.requested} of ${cost.maximum}` : "")
      + (answer.status === 401 ? ": a token is needed, from `maestro token`" : ""), failed);
  } catch (error) {
    say(error.name === "AbortError" ? "Stopped." : "No answer: " + error.message, error.name !== "AbortError");
  } finally {
    running = null;
    run.classList.remove("running"); run.lastChild.textContent = " Run";
  }
}

async function follow(answer) {
  const events = [], reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (say("Watching …"); ;) {
    const { done, value } = await reader.read();
    if (done) break;
    const frames = (text += value).split("\n\n");
    text = frames.pop();
    for (const frame of frames) {
      const data = frame.split("\n").find((line) => line.startsWith("data: {"));
      if (data) events.push(JSON.parse(data.slice(6)));
    }
    show(events); say(`Watching: ${events.length} events.`); result.scrollTop = result.scrollHeight;
  }
  say(`The stream has ended after ${events.length} events.`);
}

// -- the schema: asked for once a token works
const TYPE = "kind name ofType { kind name ofType { kind name ofType { kind name } } }";
const INPUT = `name description type { ${TYPE} } defaultValue`;
const INTROSPECTION = `query Schema { __schema { queryType { name } mutationType { name } subscriptionType { name } types {
  kind name description fields(includeDeprecated: true) { name description isDeprecated deprecationReason args { ${INPUT} } type { ${TYPE} } }
  inputFields { ${INPUT} } enumValues(includeDeprecated: true) { name description } possibleTypes { name } } } }`;
let schema = null;

async function learn() {
  if (schema || !token.value.trim()) return;
  const answer = await fetch(location.pathname, { method: "POST", headers: headers("application/json"), body: JSON.stringify({ query: INTROSPECTION }) });
  const found = answer.ok && (await answer.json()).data?.__schema;
  if (!found) { say(answer.status === 401 ? "This token is not valid." : "The schema does not describe itself here.", true); return; }
  schema = { ...found, types: new Map(found.types.map((type) => [type.name, type])) };
  if (!docs.hidden) document_(null);
}

const bare = (type) => (type.ofType ? bare(type.ofType) : type);
const written = (type) => type.kind === "NON_NULL" ? written(type.ofType) + "!" : type.kind === "LIST" ? `[${written(type.ofType)}]` : type.name;
const roots = () => ({ query: schema.queryType?.name, mutation: schema.mutationType?.name, subscription: schema.subscriptionType?.name });

function link(type) {
  return element("button", { type: "button", onclick: () => document_(bare(type).name) }, element("code", {}, written(type)));
}

function document_(name) {
  if (!schema) { docs.replaceChildren(element("p", {}, "Give a token: the schema is read with it.")); return; }
  if (!name) {
    const rows = Object.values(roots()).filter(Boolean).map((root) => element("div", {}, link({ kind: "OBJECT", name: root }), element("p", {}, schema.types.get(root).description ?? "")));
    docs.replaceChildren(element("h3", {}, "Schema"), element("div", { className: "fields" }, ...rows));
    return;
  }
  const type = schema.types.get(name);
  const rows = (type.fields ?? type.inputFields ?? []).filter((field) => !field.name.startsWith("_")).map((field) => {
    const args = (field.args ?? []).flatMap((arg, at) => [at ? ", " : "(", element("code", { title: arg.description ?? "" }, arg.name + ": "), link(arg.type)]);
    return element("div", {}, element("code", { className: field.isDeprecated ? "deprecated" : "name" }, field.name), ...args, args.length ? ")" : "", ": ", link(field.type),
      element("p", { className: "faint" }, [field.description, field.isDeprecated && "Deprecated: " + field.deprecationReason].filter(Boolean).join(" ")));
  });
  for (const value of type.enumValues ?? []) rows.push(element("div", {}, element("code", { className: "value" }, value.name), element("p", { className: "faint" }, value.description ?? "")));
  for (const one of type.possibleTypes ?? []) rows.push(element("div", {}, link({ kind: "OBJECT", name: one.name })));
  docs.replaceChildren(element("button", { type: "button", onclick: () => document_(null) }, "‹ Schema"), element("h3", {}, name),
    element("p", {}, type.description ?? ""), element("div", { className: "fields" }, ...rows));
  docs.scrollTop = 0;
}

// -- completion: the type at the cursor is found by walking the text before it
function typeAt(text) {
  const stack = [];
  let field = null, inArguments = 0, on = false;
  for (const [word] of text.replace(/#[^\n]*|"(?:\\.|[^"\\])*"/g, " ").matchAll(/[{}()]|[$@]?\w+:?|\.\.\./g)) {
    const top = stack[stack.length - 1];
    if (word === "(") inArguments += 1;
    else if (word === ")") inArguments -= 1;
    else if (inArguments) continue;
    else if (word === "{") { stack.push(field ?? roots().query); field = null; }
    else if (word === "}") { stack.pop(); field = null; }
    else if (on) { field = word; on = false; }
    else if (word === "on") on = true;
    else if (!stack.length) { field = roots()[word] ?? field; }
    else if (!word.endsWith(":")) {
      const found = schema.types.get(top)?.fields?.find((one) => one.name === word);
      field = found ? bare(found.type).name : word === "..." ? top : null;
    }
  }
  return inArguments ? null : schema.types.get(stack[stack.length - 1]);
}

function complete(forced) {
  const before = query.value.slice(0, query.selectionStart), word = /\w*$/.exec(before)[0];
  const type = schema && (forced || word) ? typeAt(before.slice(0, before.length - word.length)) : null;
  const found = (type?.fields ?? []).filter((field) => field.name.toLowerCase().startsWith(word.toLowerCase()) && (forced || field.name !== word));
  completions.hidden = !found.length;
  if (!found.length) return;
  completions.replaceChildren(...found.map((field, at) => element("li", { role: "option", ariaSelected: String(at === 0), title: field.description ?? "",
    onmousedown: (event) => { event.preventDefault(); insert(field.name); } }, field.name, element("small", {}, written(field.type)))));
  const lines = before.split("\n"), style = getComputedStyle(query), height = parseFloat(style.lineHeight);
  completions.style.top = `${lines.length * height + 12 - query.scrollTop}px`;
  completions.style.left = `${Math.min(lines[lines.length - 1].length * 7.8 + 10 - query.scrollLeft, query.clientWidth - 220)}px`;
}

function insert(name) {
  const end = query.selectionStart, start = end - /\w*$/.exec(query.value.slice(0, end))[0].length;
  query.setRangeText(name, start, end, "end");
  completions.hidden = true;
  edited();
}

function steer(event) {
  const rows = [...completions.children], at = rows.findIndex((row) => row.ariaSelected === "true");
  if (event.key === "Escape") { completions.hidden = true; return true; }
  if (event.key === "Enter" || event.key === "Tab") { insert(rows[at].firstChild.textContent); return true; }
  const step = { ArrowDown: 1, ArrowUp: rows.length - 1 }[event.key];
  if (!step) return false;
  rows[at].ariaSelected = "false";
  const next = rows[(at + step) % rows.length];
  next.ariaSelected = "true"; next.scrollIntoView({ block: "nearest" });
  return true;
}

// -- wiring
query.addEventListener("keydown", (event) => {
  if (!completions.hidden && !event.ctrlKey && steer(event)) { event.preventDefault(); return; }
  if (event.ctrlKey && event.key === " ") { event.preventDefault(); complete(true); return; }
  if (event.key === "Tab" && !event.shiftKey) { event.preventDefault(); query.setRangeText("  ", query.selectionStart, query.selectionEnd, "end"); edited(); }
});
document.addEventListener("keydown", (event) => { if ((event.ctrlKey || event.metaKey) && event.key === "Enter") { event.preventDefault(); completions.hidden = true; ask(); } });
query.addEventListener("input", () => { edited(); complete(false); });
query.addEventListener("scroll", () => { byId("paint").scrollTop = query.scrollTop; byId("paint").scrollLeft = query.scrollLeft; });
query.addEventListener("blur", () => { completions.hidden = true; });
variables.addEventListener("input", edited);
run.addEventListener("click", ask);
token.addEventListener("change", () => { schema = null; kept.write(sessionStorage, "token", token.value); learn(); });
byId("docs-toggle").addEventListener("click", (event) => {
  docs.hidden = !docs.hidden;
  event.currentTarget.ariaExpanded = String(!docs.hidden);
  if (!docs.hidden) document_(null);
});
byId("examples").append(...Object.keys(operations).map((name) => element("option", { value: name }, name)));
byId("examples").addEventListener("change", (event) => {
  if (!event.target.value) return;
  query.value = operations[event.target.value];
  const wanted = /\(([^)]*)\)\s*\{/.exec(query.value.split("\n").find((line) => /^(query|mutation|subscription)/.test(line)) ?? "");
  const asked = [...(wanted?.[1] ?? "").matchAll(/\$(\w+):\s*\w+!/g)].map((match) => [match[1], match[1] === "input" ? {} : ""]);
  variables.value = asked.length ? JSON.stringify(Object.fromEntries(asked), null, 2) : "";
  edited();
});
query.value = kept.read(localStorage, "query") || operations.Workflows || "{ __typename }";
variables.value = kept.read(localStorage, "variables");
token.value = kept.read(sessionStorage, "token");
edited();
learn();
