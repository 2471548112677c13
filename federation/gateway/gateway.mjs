// node gateway.mjs [--config supergraph.yaml] [--host 127.0.0.1] [--port 4000] [--url composer=http://...]
// A gateway over the running subgraphs.
// It passes on who calls and the trace, and proves itself by MAESTRO_ROUTER_SECRET where the subgraphs want that.
import { ApolloGateway, RemoteGraphQLDataSource } from "@apollo/gateway";
import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";
import { compose, readArguments, readSubgraphs } from "./supergraph.mjs";

const PASSED_ON = ["authorization", "traceparent", "tracestate", "x-request-id"];
const secret = process.env.MAESTRO_ROUTER_SECRET;

class Subgraph extends RemoteGraphQLDataSource {
  willSendRequest({ request, context }) {
    for (const [name, value] of Object.entries(context.headers ?? {})) request.http.headers.set(name, value);
    if (secret) request.http.headers.set("x-router-secret", secret);
  }
}

const options = readArguments(process.argv.slice(2));
const { supergraph, errors } = compose("apollo", readSubgraphs(options.config, options.urls));
if (errors.length) {
  console.error(errors.map(({ code, message }) => `${code}: ${message}`).join("\n"));
  process.exit(1);
}

const gateway = new ApolloGateway({ supergraphSdl: supergraph, buildService: ({ url }) => new Subgraph({ url }) });
const server = new ApolloServer({ gateway, includeStacktraceInErrorResponses: false, introspection: true });
const { url } = await startStandaloneServer(server, {
  listen: { host: options.host ?? "127.0.0.1", port: Number(options.port ?? 4000) },
  context: async ({ req }) => ({
    headers: Object.fromEntries(PASSED_ON.filter((name) => req.headers[name]).map((name) => [name, req.headers[name]])),
  }),
});
console.log(`ready ${url}`);
for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => server.stop().then(() => process.exit(0)));
