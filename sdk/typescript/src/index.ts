export * from "./client.js";
export * from "./errors.js";
export type { components, operations, paths } from "./generated/rest.js";
export type { RetryOptions, TokenProvider, TransportOptions } from "./transport.js";
export * from "./webhooks.js";
