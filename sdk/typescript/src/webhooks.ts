/** What a sender signs. */
export interface WebhookMessage {
  /** The secret as it was shown: `whsec_…`. */
  readonly secret: string;
  /** The same for every attempt to deliver one message; the receiver takes each once. */
  readonly id: string;
  /** The bytes that are sent, exactly. */
  readonly body: string | Uint8Array;
  /** Default: now. */
  readonly timestamp?: Date;
}

/** The three headers of Standard Webhooks. */
export interface WebhookHeaders {
  readonly "webhook-id": string;
  readonly "webhook-timestamp": string;
  readonly "webhook-signature": string;
}

/** Signs a message as Standard Webhooks asks: HMAC-SHA-256 over `id.timestamp.body`. */
export async function signWebhook(message: WebhookMessage): Promise<WebhookHeaders> {
  if (message.id === "" || message.id.includes(".")) throw new TypeError("A webhook id is not empty and has no dots.");
  const timestamp = String(Math.floor((message.timestamp ?? new Date()).getTime() / 1_000));
  const encoder = new TextEncoder();
  const body = typeof message.body === "string" ? encoder.encode(message.body) : message.body;
  const head = encoder.encode(`${message.id}.${timestamp}.`);
  const signed = new Uint8Array(head.length + body.length);
  signed.set(head);
  signed.set(body, head.length);
  const key = await crypto.subtle.importKey("raw", keyOf(message.secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, signed));
  return {
    "webhook-id": message.id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${btoa(String.fromCharCode(...mac))}`,
  };
}

function keyOf(secret: string): Uint8Array<ArrayBuffer> {
  const text = atob(secret.replace(/^whsec_/, ""));
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
