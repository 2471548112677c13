// Lints an OpenAPI document by the linter's recommended rules, and ends with 1 where there is anything to say.
import { readFile } from "node:fs/promises";

import { createConfig, formatProblems, lintFromString } from "@redocly/openapi-core";

const [file] = process.argv.slice(2);
const config = await createConfig({
  extends: ["recommended-strict"],
  rules: {
    "no-invalid-media-type-examples": { severity: "error", allowAdditionalProperties: false },
    "no-invalid-parameter-examples": "error",
    "no-invalid-schema-examples": "error",
    "no-schema-type-mismatch": "error",
    "operation-description": "off", // the summaries say it
    "operation-4xx-problem-details-rfc7807": "error",
    "operation-operationId-url-safe": "error",
    "path-segment-plural": "off", // the paths are what older clients know
    "parameter-description": "error",
    "path-not-include-query": "error",
    "response-contains-header": { severity: "error", names: { 200: ["X-Request-Id"], "4xx": ["X-Request-Id"] } },
    "tag-description": "error",
    "tags-alphabetical": "error",
  },
});
const problems = await lintFromString({ source: await readFile(file, "utf8"), absoluteRef: file, config });
if (problems.length > 0) {
  formatProblems(problems, { format: "stylish", totals: { errors: problems.length, warnings: 0, ignored: 0 }, version: "" });
  process.exit(1);
}
