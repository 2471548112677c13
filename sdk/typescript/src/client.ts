import createClient, { type Client } from "openapi-fetch";

import { problemError, WaitTimeoutError } from "./errors.js";
import type { components, paths } from "./generated/rest.js";
import { serverSentEvents } from "./sse.js";
import { pause, transport, type TransportOptions } from "./transport.js";

type Schemas = components["schemas"];
export type Workflow = Schemas["WorkflowBody"];
export type WorkflowVersion = Schemas["VersionBody"];
export type WorkflowDefinition = Schemas["WorkflowDefinition"];
export type Execution = Schemas["ExecutionBody"];
export type ExecutionEvent = Schemas["EventBody"];
export type Action = Schemas["ActionBody"];
export type HumanTask = Schemas["HumanTaskBody"];
type Query<Path extends keyof paths> = paths[Path] extends { get: { parameters: { query?: infer Wanted } } }
  ? Omit<NonNullable<Wanted>, "page" | "cursor">
  : never;
type Body<Path extends keyof paths> = paths[Path] extends {
  post: { requestBody?: { content: { "application/json": infer Wanted } } };
}
  ? Wanted
  : never;

/** How to reach the server. */
export interface MaestroOptions extends TransportOptions {
  /** Where it is, such as `http://127.0.0.1:4005`. */
  readonly baseUrl: string;
}

/** Of one call. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** Of one call that a key makes repeatable. */
export interface KeyedOptions extends CallOptions {
  /** The caller's own key; without one each call gets a fresh key, which covers its retries. */
  readonly idempotencyKey?: string;
}

export interface WaitOptions extends CallOptions {
  /** Default 60,000. */
  readonly timeoutMs?: number;
}

/** An evidence bundle as it came. */
export interface EvidenceBundle {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

const ENDED: ReadonlySet<string> = new Set(["completed", "failed", "cancelled"]);
const LOOK_AGAIN_MS = { first: 50, last: 1_000 };

/** The server's interface: nouns with what one does most, and `rest` for every route there is. */
export class Maestro {
  /** Every route, typed by the OpenAPI document; errors are in `error`, nothing is thrown but network faults. */
  readonly rest: Client<paths>;
  readonly workflows: Workflows;
  readonly executions: Executions;
  readonly humanTasks: HumanTasks;
  readonly #calls: Calls;

  constructor(options: MaestroOptions) {
    this.rest = createClient<paths>({ baseUrl: options.baseUrl.replace(/\/+$/, ""), fetch: transport(options) });
    const calls = new Calls(this.rest);
    this.workflows = new Workflows(calls);
    this.executions = new Executions(calls, options.sleep ?? pause);
    this.humanTasks = new HumanTasks(calls);
    this.#calls = calls;
  }

  /** What steps may do in this installation, with the schema of each action's configuration. */
  actions(options: CallOptions = {}): Promise<Action[]> {
    return this.#calls.wanted(this.rest.GET("/api/actions", { ...signalOf(options) }));
  }
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** Calls whose refusals are thrown. */
class Calls {
  constructor(readonly rest: Client<paths>) {}

  async wanted<T>(call: Promise<Answer<T>>): Promise<T> {
    const { data, error, response } = await call;
    if (!response.ok) throw problemError(response, error);
    return data as T;
  }

  /** All items of a list, page after page; the next page is asked for when the last one is used up. */
  async *pages<T>(first: (cursor: string | undefined) => Promise<Answer<readonly T[]>>): AsyncGenerator<T, void, void> {
    let cursor: string | undefined;
    do {
      const { data, error, response } = await first(cursor);
      if (!response.ok) throw problemError(response, error);
      yield* data ?? [];
      cursor = nextCursor(response.headers.get("link"));
    } while (cursor !== undefined);
  }
}

function nextCursor(link: string | null): string | undefined {
  for (const part of (link ?? "").split(/,\s*(?=<)/)) {
    const found = /^<([^>]*)>.*rel="?next"?/.exec(part);
    if (found?.[1] !== undefined) return new URL(found[1], "http://link").searchParams.get("cursor") ?? undefined;
  }
  return undefined;
}

function keyed(options: KeyedOptions): { header?: { "Idempotency-Key": string } } {
  return options.idempotencyKey === undefined ? {} : { header: { "Idempotency-Key": options.idempotencyKey } };
}

function signalOf(options: CallOptions): { signal?: AbortSignal } {
  return options.signal === undefined ? {} : { signal: options.signal };
}

/** Workflows: drafts, versions, and starting them. */
export class Workflows {
  /** @internal */
  constructor(private readonly calls: Calls) {}

  /** Stores a draft. Throws `ValidationError` with every fault. */
  create(definition: WorkflowDefinition, options: KeyedOptions = {}): Promise<Workflow> {
    const { rest } = this.calls;
    return this.calls.wanted(
      rest.POST("/api/workflows", { body: definition, params: keyed(options), ...signalOf(options) }),
    );
  }

  get(id: string, options: CallOptions = {}): Promise<Workflow> {
    const { rest } = this.calls;
    return this.calls.wanted(rest.GET("/api/workflows/{id}", { params: { path: { id } }, ...signalOf(options) }));
  }

  list(query: Query<"/api/workflows"> = {}, options: CallOptions = {}): AsyncGenerator<Workflow, void, void> {
    const { rest } = this.calls;
    return this.calls.pages((cursor) =>
      rest.GET("/api/workflows", { params: { query: { ...query, ...(cursor && { cursor }) } }, ...signalOf(options) }),
    );
  }

  /** Replaces the draft; with `revision`, only if it is still the one that was read (`StaleError`). */
  update(
    id: string,
    definition: WorkflowDefinition,
    options: CallOptions & { readonly revision?: number } = {},
  ): Promise<Workflow> {
    const { rest } = this.calls;
    const header = options.revision === undefined ? {} : { header: { "If-Match": `"${options.revision}"` } };
    return this.calls.wanted(
      rest.PUT("/api/workflows/{id}", { params: { path: { id }, ...header }, body: definition, ...signalOf(options) }),
    );
  }

  async archive(id: string, options: CallOptions = {}): Promise<void> {
    const { rest } = this.calls;
    await this.calls.wanted(rest.DELETE("/api/workflows/{id}", { params: { path: { id } }, ...signalOf(options) }));
  }

  /** Makes a version of the draft. */
  publish(
    id: string,
    body: Body<"/api/workflows/{id}/publish">,
    options: CallOptions = {},
  ): Promise<WorkflowVersion> {
    const { rest } = this.calls;
    return this.calls.wanted(
      rest.POST("/api/workflows/{id}/publish", { params: { path: { id } }, body, ...signalOf(options) }),
    );
  }

  /** Starts an execution; repeated with the same key and body it gives the same one. */
  execute(
    id: string,
    body: NonNullable<Body<"/api/workflows/{id}/execute">> = {},
    options: KeyedOptions = {},
  ): Promise<Execution> {
    const { rest } = this.calls;
    return this.calls.wanted(
      rest.POST("/api/workflows/{id}/execute", {
        params: { path: { id }, ...keyed(options) },
        body,
        ...signalOf(options),
      }),
    );
  }
}

/** Executions: looking at them, waiting for them, steering them. */
export class Executions {
  /** @internal */
  constructor(
    private readonly calls: Calls,
    private readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>,
  ) {}

  get(id: string, options: CallOptions = {}): Promise<Execution> {
    const { rest } = this.calls;
    return this.calls.wanted(rest.GET("/api/executions/{id}", { params: { path: { id } }, ...signalOf(options) }));
  }

  list(query: Query<"/api/executions"> = {}, options: CallOptions = {}): AsyncGenerator<Execution, void, void> {
    const { rest } = this.calls;
    return this.calls.pages((cursor) =>
      rest.GET("/api/executions", { params: { query: { ...query, ...(cursor && { cursor }) } }, ...signalOf(options) }),
    );
  }

  cancel(id: string, reason?: string, options: CallOptions = {}): Promise<Execution> {
    return this.control("/api/executions/{id}/cancel", id, reason, options);
  }

  pause(id: string, reason?: string, options: CallOptions = {}): Promise<Execution> {
    return this.control("/api/executions/{id}/pause", id, reason, options);
  }

  resume(id: string, reason?: string, options: CallOptions = {}): Promise<Execution> {
    return this.control("/api/executions/{id}/resume", id, reason, options);
  }

  /** Gives a signal to the steps that wait for it. */
  signal(id: string, name: string, payload: unknown, options: CallOptions = {}): Promise<Execution> {
    const { rest } = this.calls;
    return this.calls.wanted(
      rest.POST("/api/executions/{id}/signals/{name}", {
        params: { path: { id, name } },
        body: { payload },
        ...signalOf(options),
      }),
    );
  }

  /** The execution once it has ended, whichever way. Throws `WaitTimeoutError` when that takes too long. */
  async waitFor(id: string, options: WaitOptions = {}): Promise<Execution> {
    const { timeoutMs = 60_000 } = options;
    const limit = AbortSignal.timeout(timeoutMs);
    const signal = options.signal === undefined ? limit : AbortSignal.any([limit, options.signal]);
    try {
      for (let wait = LOOK_AGAIN_MS.first; ; wait = Math.min(wait * 1.5, LOOK_AGAIN_MS.last)) {
        const execution = await this.get(id, { signal });
        if (ENDED.has(execution.status)) return execution;
        await this.sleep(wait, signal);
      }
    } catch (error) {
      if (!limit.aborted || options.signal?.aborted) throw error;
      throw new WaitTimeoutError(`Execution ${id} had not ended after ${timeoutMs} ms.`);
    }
  }

  /** Every transition, past ones first, until the execution ends; a stream that breaks off is taken up where it was. */
  async *events(
    id: string,
    options: CallOptions & { readonly after?: number } = {},
  ): AsyncGenerator<ExecutionEvent, void, void> {
    let after = options.after ?? 0;
    const signal = options.signal ?? new AbortController().signal;
    for (let empty = 0; ; ) {
      const before = after;
      const response = await this.openEvents(id, after, signal);
      try {
        for await (const event of serverSentEvents(response)) {
          const transition = JSON.parse(event.data) as ExecutionEvent;
          after = transition.seq;
          yield transition;
          if (event.event === "execution" && ENDED.has(transition.status)) return;
        }
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if (!(error instanceof TypeError)) throw error; // what fetch calls a connection that broke
      }
      if (ENDED.has((await this.get(id, { signal })).status) && after === before) return;
      empty = after === before ? empty + 1 : 0;
      await this.sleep(Math.min(LOOK_AGAIN_MS.last, LOOK_AGAIN_MS.first * 2 ** empty), signal);
    }
  }

  /** The evidence bundle of an execution that has ended; `ConflictError` (`evidence.pending`) until it is there. */
  async evidence(id: string, options: CallOptions = {}): Promise<EvidenceBundle> {
    const { rest } = this.calls;
    const { data, error, response } = await rest.GET("/api/executions/{id}/evidence", {
      params: { path: { id } },
      parseAs: "arrayBuffer",
      ...signalOf(options),
    });
    if (!response.ok) throw problemError(response, error);
    const bytes = new Uint8Array(data as ArrayBuffer);
    return { bytes, mediaType: response.headers.get("content-type") ?? "application/gzip" };
  }

  private async openEvents(id: string, after: number, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const { rest } = this.calls;
    const header = after > 0 ? { header: { "Last-Event-ID": String(after) } } : {};
    const { data, error, response } = await rest.GET("/api/executions/{id}/events", {
      params: { path: { id }, ...header },
      parseAs: "stream",
      headers: { accept: "text/event-stream" },
      signal,
    });
    if (!response.ok) throw problemError(response, error);
    return data as ReadableStream<Uint8Array>;
  }

  private control(
    path: "/api/executions/{id}/cancel" | "/api/executions/{id}/pause" | "/api/executions/{id}/resume",
    id: string,
    reason: string | undefined,
    options: CallOptions,
  ): Promise<Execution> {
    const { rest } = this.calls;
    const body = reason === undefined ? {} : { reason };
    return this.calls.wanted(rest.POST(path, { params: { path: { id } }, body, ...signalOf(options) }));
  }
}

/** What people are asked for. */
export class HumanTasks {
  /** @internal */
  constructor(private readonly calls: Calls) {}

  get(id: string, options: CallOptions = {}): Promise<HumanTask> {
    const { rest } = this.calls;
    return this.calls.wanted(rest.GET("/api/human-tasks/{id}", { params: { path: { id } }, ...signalOf(options) }));
  }

  list(query: Query<"/api/human-tasks"> = {}, options: CallOptions = {}): AsyncGenerator<HumanTask, void, void> {
    const { rest } = this.calls;
    return this.calls.pages((cursor) =>
      rest.GET("/api/human-tasks", { params: { query: { ...query, ...(cursor && { cursor }) } }, ...signalOf(options) }),
    );
  }

  claim(id: string, options: CallOptions = {}): Promise<HumanTask> {
    const { rest } = this.calls;
    return this.calls.wanted(
      rest.POST("/api/human-tasks/{id}/claim", { params: { path: { id } }, body: {}, ...signalOf(options) }),
    );
  }

  /** Completes a task; the form's faults are those of a `ValidationError`. */
  complete(
    id: string,
    body: NonNullable<Body<"/api/human-tasks/{id}/complete">>,
    options: CallOptions = {},
  ): Promise<HumanTask> {
    const { rest } = this.calls;
    return this.calls.wanted(
      rest.POST("/api/human-tasks/{id}/complete", { params: { path: { id } }, body, ...signalOf(options) }),
    );
  }
}
