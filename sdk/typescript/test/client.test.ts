import assert from "node:assert/strict";
import { test } from "node:test";

import {
  DeniedError,
  Maestro,
  NetworkError,
  RateLimitedError,
  StaleError,
  UnavailableError,
  ValidationError,
  WaitTimeoutError,
  type MaestroOptions,
} from "@maestro/composer-sdk";

import { broken, json, problem, scripted } from "./server.js";

const DRAFT = { name: "a", steps: [] };

function client(baseUrl: string, pauses: number[] = [], more: Partial<MaestroOptions> = {}): Maestro {
  const sleep = (ms: number): Promise<void> => {
    pauses.push(ms);
    return Promise.resolve();
  };
  return new Maestro({ baseUrl, token: "t", sleep, random: () => 1, ...more });
}

test("a lost answer is asked for again under the same key", async () => {
  const server = await scripted(broken, problem(503, "x.down"), json(201, { id: "w" }));
  const pauses: number[] = [];
  assert.equal((await client(server.baseUrl, pauses).workflows.create(DRAFT)).id, "w");
  const keys = server.seen.map((one) => one.headers["idempotency-key"]);
  assert.equal(new Set(keys).size, 1);
  assert.match(String(keys[0]), /^[0-9a-f-]{36}$/);
  assert.deepEqual(server.seen.map((one) => one.body), Array(3).fill(JSON.stringify(DRAFT)));
  assert.deepEqual(pauses, [200, 400]);
  assert.equal(server.seen[0]?.headers.authorization, "Bearer t");
  await server.close();
});

test("the caller's own key is kept", async () => {
  const server = await scripted(json(201, { id: "e" }));
  await client(server.baseUrl).workflows.execute("w", {}, { idempotencyKey: "mine" });
  assert.equal(server.seen[0]?.headers["idempotency-key"], "mine");
  await server.close();
});

test("what no key covers is sent once when its answer is lost or unclear", async () => {
  for (const [answer, Kind] of [[broken, NetworkError], [problem(503, "x.down"), UnavailableError]] as const) {
    const server = await scripted(answer);
    await assert.rejects(client(server.baseUrl).executions.cancel("e"), Kind);
    assert.equal(server.seen.length, 1);
    await server.close();
  }
});

test("a call over the limit waits as long as the server says", async () => {
  const server = await scripted(problem(429, "x.much", { "retry-after": "2" }), json(200, { id: "e" }));
  const pauses: number[] = [];
  await client(server.baseUrl, pauses).executions.cancel("e");
  assert.deepEqual(pauses, [2_200]);
  await server.close();
});

test("nobody waits longer than wanted, or more often", async () => {
  const long = await scripted(problem(429, "x.much", { "retry-after": "3600" }));
  await assert.rejects(client(long.baseUrl).executions.get("e"), (error) => {
    assert.ok(error instanceof RateLimitedError);
    assert.equal(error.retryAfterSeconds, 3_600);
    return true;
  });
  assert.equal(long.seen.length, 1);
  await long.close();
  const down = await scripted(problem(503, "x.down"));
  await assert.rejects(client(down.baseUrl, [], { retry: { attempts: 3 } }).executions.get("e"), UnavailableError);
  assert.equal(down.seen.length, 3);
  await down.close();
});

test("refusals have types and say everything", async () => {
  const faults = [{ code: "member.missing", path: "", message: "m", hint: "h" }];
  const denials = [{ code: "d", message: "m", path: "", policy: "p", remedy: "r" }];
  const server = await scripted(
    problem(422, "definition.invalid", {}, { errors: faults }),
    problem(403, "policy.denied", {}, { denials }),
    problem(412, "workflow.stale"),
  );
  const maestro = client(server.baseUrl);
  await assert.rejects(maestro.workflows.create(DRAFT), (error) => {
    assert.ok(error instanceof ValidationError);
    assert.deepEqual(error.faults, faults);
    return true;
  });
  await assert.rejects(maestro.workflows.archive("w"), (error) => {
    assert.ok(error instanceof DeniedError);
    assert.deepEqual(error.denials, denials);
    return true;
  });
  await assert.rejects(maestro.workflows.update("w", DRAFT, { revision: 7 }), StaleError);
  assert.equal(server.seen[2]?.headers["if-match"], '"7"');
  await server.close();
});

test("a token that ran out is asked for anew, once", async () => {
  const server = await scripted(problem(401, "auth.expired"), json(200, { id: "w" }));
  const asked: boolean[] = [];
  const token = ({ refresh }: { readonly refresh: boolean }): string => {
    asked.push(refresh);
    return refresh ? "new" : "old";
  };
  await client(server.baseUrl, [], { token }).workflows.get("w");
  assert.deepEqual(asked, [false, true]);
  assert.deepEqual(server.seen.map((one) => one.headers.authorization), ["Bearer old", "Bearer new"]);
  await server.close();
});

test("pages are asked for as they are used", async () => {
  const next = { link: '</api/executions?cursor=c2&limit=2>; rel="next"' };
  const server = await scripted(json(200, [{ id: "1" }, { id: "2" }], next), json(200, [{ id: "3" }]));
  const ids: string[] = [];
  for await (const one of client(server.baseUrl).executions.list({ status: "failed", limit: 2 })) {
    ids.push(one.id);
    assert.equal(server.seen.length, ids.length < 3 ? 1 : 2);
  }
  assert.deepEqual(ids, ["1", "2", "3"]);
  assert.deepEqual(
    server.seen.map((one) => one.url),
    ["/api/executions?status=failed&limit=2", "/api/executions?status=failed&limit=2&cursor=c2"],
  );
  await server.close();
});

test("waiting ends with the execution, or with the caller's patience", async () => {
  const server = await scripted(json(200, { status: "running" }), json(200, { status: "failed" }));
  assert.equal((await client(server.baseUrl).executions.waitFor("e")).status, "failed");
  await server.close();
  const stuck = await scripted(json(200, { status: "running" }));
  const patient = new Maestro({ baseUrl: stuck.baseUrl });
  await assert.rejects(patient.executions.waitFor("e", { timeoutMs: 30 }), WaitTimeoutError);
  await stuck.close();
});

test("a stream that breaks off goes on behind the last event", async () => {
  const frame = (seq: number, event: string, status: string): string =>
    `id: ${seq}\nevent: ${event}\ndata: ${JSON.stringify({ seq, status, step: null })}\n\n`;
  const head = { "content-type": "text/event-stream" };
  const server = await scripted(
    (_, response) => {
      response.writeHead(200, head);
      response.write(`retry: 2000\n\n: still here\n\n${frame(1, "execution", "running")}${frame(2, "step", "completed")}id: 3\nda`);
      setImmediate(() => response.destroy());
    },
    json(200, { status: "running" }),
    (_, response) => void response.writeHead(200, head).end(frame(3, "execution", "completed")),
  );
  const seen: number[] = [];
  for await (const event of client(server.baseUrl).executions.events("e")) seen.push(event.seq);
  assert.deepEqual(seen, [1, 2, 3]);
  assert.deepEqual(server.seen.map((one) => one.headers["last-event-id"]), [undefined, undefined, "2"]);
  await server.close();
});

test("evidence comes as its bytes", async () => {
  const bytes = Uint8Array.of(0x1f, 0x8b, 0, 255);
  const server = await scripted((_, response) => void response.writeHead(200, { "content-type": "application/gzip" }).end(bytes));
  const bundle = await client(server.baseUrl).executions.evidence("e");
  assert.deepEqual([...bundle.bytes], [...bytes]);
  assert.equal(bundle.mediaType, "application/gzip");
  await server.close();
});

test("the caller's signal ends a call", async () => {
  const server = await scripted(() => undefined);
  const asked = client(server.baseUrl).executions.get("e", { signal: AbortSignal.timeout(30) });
  await assert.rejects(asked, { name: "TimeoutError" });
  await server.close();
});
