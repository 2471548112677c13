import { NetworkError, retryAfterSeconds } from "./errors.js";
import { KEYED_OPERATIONS } from "./generated/operations.js";

/** A token, or a function that gives one; `refresh` says that the last one was not accepted. */
export type TokenProvider = string | ((request: { readonly refresh: boolean }) => string | Promise<string>);

/** How calls are repeated. */
export interface RetryOptions {
  /** Attempts in all; 1 never repeats. Default 4. */
  readonly attempts?: number;
  /** Longest first pause; each further one may be twice as long. Default 200. */
  readonly baseDelayMs?: number;
  /** No pause is longer, unless the server asks for it. Default 5,000. */
  readonly maxDelayMs?: number;
  /** A `Retry-After` beyond this is not waited for: the error is thrown at once. Default 30. */
  readonly maxRetryAfterSeconds?: number;
}

/** What the transport works with; everything has a default. */
export interface TransportOptions {
  readonly token?: TokenProvider | undefined;
  readonly retry?: RetryOptions | undefined;
  /** Longest time of one attempt until its headers are there. Default 30,000; event streams have none afterwards. */
  readonly timeoutMs?: number | undefined;
  readonly fetch?: ((request: Request) => Promise<Response>) | undefined;
  readonly sleep?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined;
  readonly random?: (() => number) | undefined;
  readonly newKey?: (() => string) | undefined;
}

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);
const KEYED = KEYED_OPERATIONS.map(
  ([method, template]) => [method, new RegExp(`${template.replace(/\{\w+\}/g, "[^/]+")}$`)] as const,
);

/** Wraps `fetch`: adds the token and idempotency keys, and repeats what is safe to repeat. */
export function transport(options: TransportOptions): (request: Request) => Promise<Response> {
  const send = options.fetch ?? ((request: Request) => globalThis.fetch(request));
  const sleep = options.sleep ?? pause;
  const random = options.random ?? Math.random;
  const newKey = options.newKey ?? (() => crypto.randomUUID());
  const { attempts = 4, baseDelayMs = 200, maxDelayMs = 5_000, maxRetryAfterSeconds = 30 } = options.retry ?? {};
  const timeoutMs = options.timeoutMs ?? 30_000;

  return async (original) => {
    const keyed = isKeyed(original);
    const headers = new Headers(original.headers);
    if (keyed && !headers.has("idempotency-key")) headers.set("idempotency-key", newKey());
    // Read once: a body that is a stream cannot be sent twice.
    const body = original.body === null ? null : await original.arrayBuffer();
    const repeatable = keyed || SAFE_METHODS.has(original.method);
    let refreshed = false;
    for (let attempt = 1; ; attempt += 1) {
      if (options.token !== undefined) headers.set("authorization", `Bearer ${await tokenOf(options.token, refreshed)}`);
      const { method, signal } = original;
      const deadline = new Deadline(signal, timeoutMs);
      let response: Response | undefined;
      let fault: unknown;
      try {
        response = await send(new Request(original.url, { method, headers, body, signal: deadline.signal }));
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        fault = error;
      } finally {
        deadline.met();
      }
      if (response?.status === 401 && typeof options.token === "function" && !refreshed) {
        refreshed = true;
        await response.body?.cancel();
        continue;
      }
      const mayRepeat = response === undefined ? repeatable : isRefusedForNow(response.status, repeatable);
      const asked = response === undefined ? undefined : retryAfterSeconds(response);
      if (mayRepeat && attempt < attempts && (asked ?? 0) <= maxRetryAfterSeconds) {
        await response?.body?.cancel();
        const longest = Math.min(maxDelayMs, baseDelayMs * 2 ** (attempt - 1));
        await sleep(asked === undefined ? random() * longest : asked * 1_000 + random() * baseDelayMs, signal);
        continue;
      }
      if (response !== undefined) return response;
      throw new NetworkError(`${method} ${new URL(original.url).pathname} had no answer.`, { cause: fault });
    }
  };
}

function isKeyed(request: Request): boolean {
  const { pathname } = new URL(request.url);
  return KEYED.some(([method, path]) => method === request.method && path.test(pathname));
}

/** 429 was not carried out; what a 503 has done nobody knows, and so for gateways. */
function isRefusedForNow(status: number, repeatable: boolean): boolean {
  return status === 429 || (repeatable && (status === 502 || status === 503 || status === 504));
}

async function tokenOf(provider: TokenProvider, refresh: boolean): Promise<string> {
  return typeof provider === "string" ? provider : provider({ refresh });
}

/** A time limit for the headers of an answer, beside the caller's own signal for all of it. */
class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(caller: AbortSignal, timeoutMs: number) {
    if (caller.aborted) this.#controller.abort(caller.reason);
    caller.addEventListener("abort", () => this.#controller.abort(caller.reason), { once: true });
    this.#timer = setTimeout(() => this.#controller.abort(new Error(`No answer within ${timeoutMs} ms.`)), timeoutMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  met(): void {
    clearTimeout(this.#timer);
  }
}

/** Waits; a signal ends it early with its reason. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
