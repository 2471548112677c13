// Reads `supergraph.yaml` (rover's format) and composes what it names.
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { composeServices as composeByApollo } from "@apollo/composition";
import { composeServices as composeByGuild } from "@theguild/federation-composition";
import { parse } from "graphql";
import yaml from "js-yaml";

/** Subgraphs of a configuration, `{name, url, typeDefs}` each; `urls` replaces addresses by name. */
export function readSubgraphs(config, urls = {}) {
  const { subgraphs } = yaml.load(readFileSync(config, "utf8"));
  return Object.entries(subgraphs).map(([name, { routing_url, schema }]) => ({
    name,
    url: urls[name] ?? routing_url,
    typeDefs: parse(readFileSync(resolve(dirname(config), schema.file), "utf8")),
  }));
}

export const COMPOSERS = { apollo: composeByApollo, guild: composeByGuild };

/** `{supergraph, errors}` of one composer. Errors are `{code, message}`; with any there is no supergraph. */
export function compose(composer, subgraphs) {
  const { supergraphSdl, errors } = COMPOSERS[composer](subgraphs);
  if (errors?.length) {
    return { errors: errors.map((error) => ({ code: error.extensions?.code ?? "UNKNOWN", message: error.message })) };
  }
  return { supergraph: supergraphSdl, errors: [] };
}

/** Arguments as `--name value`, repeatable; `--url name=address` fills `urls`. */
export function readArguments(values) {
  const found = { config: resolve(import.meta.dirname, "../../supergraph.yaml"), urls: {} };
  for (let at = 0; at < values.length; at += 2) {
    const name = values[at].replace(/^--/, ""), value = values[at + 1];
    if (value === undefined) throw new Error(`${values[at]} needs a value`);
    const [key, ...rest] = value.split("=");
    if (name === "url") found.urls[key] = rest.join("=");
    else if (["config", "out", "host", "port", "composer"].includes(name)) found[name] = value;
    else throw new Error(`unknown option ${values[at]}`);
  }
  return found;
}
