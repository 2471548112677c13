// node audits.mjs URL: the audits of GraphQL over HTTP against a running server; MAESTRO_TOKEN is the bearer token.
import { serverAudits } from "graphql-http";

const url = process.argv[2], token = process.env.MAESTRO_TOKEN;
const fetchFn = (address, options = {}) =>
  fetch(address, { ...options, headers: { ...options.headers, ...(token && { authorization: `Bearer ${token}` }) } });
const results = [];
for (const audit of serverAudits({ url, fetchFn })) {
  const { id, name, status, reason } = await audit.fn();
  results.push({ id, name, status, ...(reason && { reason: String(reason) }) });
}
console.log(JSON.stringify({ total: results.length, failed: results.filter(({ status }) => status !== "ok") }));
process.exitCode = results.every(({ status }) => status === "ok") ? 0 : 1;
