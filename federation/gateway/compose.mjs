// node compose.mjs [--config supergraph.yaml] [--composer apollo|guild] [--out FILE]: composes, by both unless one is named.
import { writeFileSync } from "node:fs";
import { COMPOSERS, compose, readArguments, readSubgraphs } from "./supergraph.mjs";

const options = readArguments(process.argv.slice(2));
const subgraphs = readSubgraphs(options.config);
const wanted = options.composer ? [options.composer] : Object.keys(COMPOSERS);
const results = Object.fromEntries(wanted.map((composer) => [composer, compose(composer, subgraphs)]));
if (options.out && !results[wanted[0]].errors.length) writeFileSync(options.out, results[wanted[0]].supergraph);
console.log(JSON.stringify(Object.fromEntries(wanted.map((composer) => [composer, { errors: results[composer].errors }]))));
process.exitCode = wanted.some((composer) => results[composer].errors.length) ? 1 : 0;
