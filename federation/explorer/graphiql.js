"use strict";
// GraphiQL with a token, the example operations, and subscriptions as server-sent events.

const { createElement: h, useMemo, useState } = React;
const byId = (id) => document.getElementById(id);
const operations = JSON.parse(byId("operations").textContent);
const kept = {
  read: () => { try { return sessionStorage.getItem("maestro.token") ?? ""; } catch { return ""; } },
  write: (text) => { try { sessionStorage.setItem("maestro.token", text); } catch { /* a private window */ } },
};

// What is asked: GraphiQL learns an operation's name a moment after the text has changed, so the text is believed.
const DEFINITION = /^\s*(query|mutation|subscription)\b\s*(\w*)/gm;
function operationOf({ query, operationName }) {
  const found = [...query.replace(/#[^\n]*/g, "").matchAll(DEFINITION)];
  const [, kind = "query", name = ""] = found.find((one) => one[2] === operationName) ?? found[0] ?? [];
  return { kind, operationName: name || undefined };
}

function fetcherFor(token) {
  const authorization = token && { authorization: "Bearer " + token.replace(/^Bearer\s+/i, "") };
  const post = (params, accept, given, signal) => fetch(location.pathname, {
    method: "POST", signal, headers: { "content-type": "application/json", accept, ...authorization, ...given },
    body: JSON.stringify({ ...params, extensions: { cost: true } }),
  });
  async function* stream(params, given) {
    const stop = new AbortController();
    try {
      const answer = await post(params, "text/event-stream", given, stop.signal);
      if (!answer.headers.get("content-type")?.startsWith("text/event-stream")) { yield await answer.json(); return; }
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let text = ""; ;) {
        const { done, value } = await reader.read();
        if (done) return;
        const frames = (text += value).split("\n\n");
        text = frames.pop();
        for (const frame of frames) {
          const data = frame.split("\n").find((line) => line.startsWith("data: {"));
          if (data) yield JSON.parse(data.slice(6));
        }
      }
    } finally { stop.abort(); }
  }
  return (asked, options) => {
    const { kind, operationName } = operationOf(asked), params = { ...asked, operationName };
    if (kind === "subscription") return stream(params, options?.headers);
    return post(params, "application/graphql-response+json, application/json;q=0.9", options?.headers).then((answer) => answer.json());
  };
}

// What an operation must be given, empty, to be filled in.
function wanted(text) {
  const line = text.split("\n").find((one) => /^(query|mutation|subscription)/.test(one)) ?? "";
  const asked = [...(/\(([^)]*)\)\s*\{/.exec(line)?.[1] ?? "").matchAll(/\$(\w+):\s*\w+!/g)];
  return asked.length ? JSON.stringify(Object.fromEntries(asked.map((one) => [one[1], one[1] === "input" ? {} : ""])), null, 2) : "";
}

function Explorer() {
  const [token, setToken] = useState(kept.read);
  const [example, setExample] = useState({});
  const fetcher = useMemo(() => fetcherFor(token), [token]);
  byId("token").onchange = (event) => { setToken(event.target.value.trim()); kept.write(event.target.value.trim()); };
  byId("examples").onchange = ({ target }) => {
    const query = operations[target.value];
    if (query) setExample({ query, variables: wanted(query) });
  };
  // Without a token the schema cannot be asked for: with one GraphiQL begins anew.
  return h(GraphiQL, { key: token, fetcher, ...example, ...(token ? {} : { schema: null }), defaultQuery: operations.Workflows, shouldPersistHeaders: false });
}

byId("token").value = kept.read();
byId("examples").append(...Object.keys(operations).map((name) => new Option(name, name)));
ReactDOM.createRoot(byId("graphiql")).render(h(Explorer));
