import assert from "node:assert/strict";
import { test } from "node:test";

import { signWebhook } from "@maestro/composer-sdk";

// The example of the Standard Webhooks specification's reference libraries.
const MESSAGE = {
  secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
  body: '{"test": 2432232314}',
  timestamp: new Date(1_614_265_330_000),
};

test("a signature is the one of the specification", async () => {
  assert.deepEqual(await signWebhook(MESSAGE), {
    "webhook-id": MESSAGE.id,
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  });
});

test("bytes and text are signed alike, and an id with a dot is refused", async () => {
  const bytes = new TextEncoder().encode(MESSAGE.body);
  assert.deepEqual(await signWebhook({ ...MESSAGE, body: bytes }), await signWebhook(MESSAGE));
  await assert.rejects(signWebhook({ ...MESSAGE, id: "a.b" }), TypeError);
});
