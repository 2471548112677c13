// Deliveries signed after Standard Webhooks, each with an id of its own; every hundredth comes twice and starts nothing.
import crypto from 'k6/crypto';
import encoding from 'k6/encoding';
import exec from 'k6/execution';
import http from 'k6/http';
import { check } from 'k6';
import { base, mostDropped, p95, rate, seconds, steadyAfterWarming, summaryTrendStats, workflow } from './shared.js';

export { handleSummary } from './shared.js';

export const options = {
  scenarios: steadyAfterWarming(),
  thresholds: {
    'checks{scenario:steady}': ['rate>0.99'],
    'http_req_failed{scenario:steady}': ['rate<0.01'],
    'http_req_duration{scenario:steady}': [`p(95)<${p95}`],
    'dropped_iterations{scenario:steady}': mostDropped(rate, seconds),
  },
  summaryTrendStats,
};

const key = encoding.b64decode(__ENV.WEBHOOK_SECRET.replace('whsec_', ''), 'std');
const run = `${Date.now()}`;
const url = `${base}/api/webhooks/workflow/${workflow}/k6`;

function deliver(id, body) {
  const timestamp = Math.floor(Date.now() / 1000);
  const signature = crypto.hmac('sha256', key, `${id}.${timestamp}.${body}`, 'base64');
  return http.post(url, body, {
    headers: {
      'Content-Type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': `${timestamp}`,
      'webhook-signature': `v1,${signature}`,
    },
  });
}

export default function () {
  const number = exec.scenario.iterationInTest;
  const id = `msg_${run}_${number}`;
  const body = JSON.stringify({ number });
  const first = deliver(id, body);
  check(first, { accepted: (each) => each.status === 200 && each.json('success') === true });
  if (number % 100 === 0) {
    const second = deliver(id, body);
    check(second, {
      'started nothing again': (each) =>
        each.json('duplicate') === true && each.json('executionId') === first.json('executionId'),
    });
  }
}
