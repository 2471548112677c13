import type { components } from "./generated/rest.js";

export type Problem = components["schemas"]["ProblemBody"];
export type Fault = components["schemas"]["FaultBody"];
export type PolicyDenial = components["schemas"]["DenialBody"];

/** The server's refusal of a call, as it said it (RFC 9457). */
export class ProblemError extends Error {
  /** @param problem what the server said; @param retryAfterSeconds its `Retry-After`, where it gave one. */
  constructor(
    readonly problem: Problem,
    readonly retryAfterSeconds: number | undefined,
  ) {
    super(`${problem.status} ${problem.code}: ${problem.detail}`);
    this.name = new.target.name;
  }

  get status(): number {
    return this.problem.status;
  }

  /** Stable, dotted, lower-case: what programs decide by. */
  get code(): string {
    return this.problem.code;
  }
}

/** 401: no token, or one that does not count. */
export class UnauthenticatedError extends ProblemError {}

/** 403: policy refuses; every reason is named. */
export class DeniedError extends ProblemError {
  get denials(): readonly PolicyDenial[] {
    return this.problem.denials ?? [];
  }
}

/** 404: it is not there, or not the caller's to know of. */
export class NotFoundError extends ProblemError {}

/** 409: the state of things does not allow it. */
export class ConflictError extends ProblemError {}

/** 412: it was changed by somebody else since it was read. */
export class StaleError extends ProblemError {}

/** 422: the body has faults, all of them named. */
export class ValidationError extends ProblemError {
  get faults(): readonly Fault[] {
    return this.problem.errors ?? [];
  }
}

/** 429: over a limit, retries included. */
export class RateLimitedError extends ProblemError {}

/** 503: the server cannot now, retries included. */
export class UnavailableError extends ProblemError {}

/** No answer came: whether the call was carried out is unknown, unless it is safe to repeat. */
export class NetworkError extends Error {
  constructor(message: string, options: { cause: unknown }) {
    super(message, options);
    this.name = "NetworkError";
  }
}

/** It took longer than the caller wanted to wait. */
export class WaitTimeoutError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "WaitTimeoutError";
  }
}

const KINDS: Readonly<Record<number, typeof ProblemError>> = {
  401: UnauthenticatedError,
  403: DeniedError,
  404: NotFoundError,
  409: ConflictError,
  412: StaleError,
  422: ValidationError,
  429: RateLimitedError,
  503: UnavailableError,
};

/** The error of an answer that is no success; a body that is no problem document becomes one. */
export function problemError(response: Response, body: unknown): ProblemError {
  const problem = isProblem(body) ? body : foreign(response, body);
  const Kind = KINDS[response.status] ?? ProblemError;
  return new Kind(problem, retryAfterSeconds(response));
}

/** Seconds of a `Retry-After` header, which this server gives as a number. */
export function retryAfterSeconds(response: Response): number | undefined {
  const text = response.headers.get("retry-after");
  return text !== null && /^[0-9]{1,6}$/.test(text) ? Number(text) : undefined;
}

function isProblem(body: unknown): body is Problem {
  return typeof body === "object" && body !== null && "code" in body && "status" in body && "detail" in body;
}

function foreign(response: Response, body: unknown): Problem {
  const detail = typeof body === "string" && body !== "" ? body.slice(0, 500) : `The answer was ${response.status}.`;
  return {
    type: "about:blank",
    title: response.statusText,
    status: response.status,
    detail,
    instance: "",
    code: `http.${response.status}`,
    error: detail,
  };
}
