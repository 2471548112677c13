import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One request as a test server saw it. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A server that answers by a script, one entry a request; the last one answers for ever. */
export async function scripted(
  ...answers: ((seen: Seen, response: ServerResponse) => void)[]
): Promise<{ baseUrl: string; seen: Seen[]; [Symbol.asyncDispose](): Promise<void>; close(): Promise<void> }> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const one = { method, url, headers, body: Buffer.concat(parts).toString() };
      const answer = answers[Math.min(seen.length, answers.length - 1)];
      seen.push(one);
      answer?.(one, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { baseUrl: `http://127.0.0.1:${port}`, seen, close, [Symbol.asyncDispose]: close };
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}) {
  return (_: Seen, response: ServerResponse): void => {
    const media = status < 400 ? "application/json" : "application/problem+json";
    response.writeHead(status, { "content-type": media, ...headers }).end(JSON.stringify(body));
  };
}

export function problem(status: number, code: string, headers: Record<string, string> = {}, more: object = {}) {
  const detail = "No.";
  return json(status, { type: "urn:x", title: "No", status, detail, instance: "i", code, error: detail, ...more }, headers);
}

export function broken(_: Seen, response: ServerResponse): void {
  response.destroy();
}
