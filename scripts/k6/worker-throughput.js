// Start executions and wait for each until it has completed: what a caller sees of workers.
import http from 'k6/http';
import { check, sleep } from 'k6';
import { Trend } from 'k6/metrics';
import {
  base,
  headers,
  mostDropped,
  rate,
  seconds,
  steadyAfterWarming,
  summaryTrendStats,
  workflow,
} from './shared.js';

export { handleSummary } from './shared.js';

const LONGEST_MS = 10000;
const completion = new Trend('execution_completion', true);

export const options = {
  scenarios: steadyAfterWarming(),
  thresholds: {
    'checks{scenario:steady}': ['rate>0.99'],
    'http_req_failed{scenario:steady}': ['rate<0.01'],
    'execution_completion{scenario:steady}': [`p(95)<${Number(__ENV.COMPLETION_MS || 1000)}`],
    'dropped_iterations{scenario:steady}': mostDropped(rate, seconds),
  },
  summaryTrendStats,
};

const body = JSON.stringify({ triggerData: {} });

function statusOf(id) {
  const answer = http.get(`${base}/api/executions/${id}`, { headers, tags: { name: 'execution' } });
  return answer.status === 200 ? answer.json('status') : null;
}

export default function () {
  const began = Date.now();
  const answer = http.post(`${base}/api/workflows/${workflow}/execute`, body, { headers });
  if (!check(answer, { accepted: (each) => each.status === 201 })) {
    return;
  }
  const id = answer.json('id');
  let status = null;
  while (status !== 'completed' && status !== 'failed' && Date.now() - began < LONGEST_MS) {
    sleep(0.02);
    status = statusOf(id);
  }
  check(status, { completed: (each) => each === 'completed' });
  completion.add(Date.now() - began);
}
