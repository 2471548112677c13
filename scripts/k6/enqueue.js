// Start executions at a fixed rate while workers drain them; with STEPS, at rates that rise until the promise breaks.
import http from 'k6/http';
import { check } from 'k6';
import {
  base,
  duration,
  headers,
  mostDropped,
  p95,
  rate,
  seconds,
  steady,
  steadyAfterWarming,
  summaryTrendStats,
  workflow,
} from './shared.js';

export { handleSummary } from './shared.js';

const steps = __ENV.STEPS ? __ENV.STEPS.split(',').map(Number) : [];

function scenarios() {
  if (steps.length === 0) {
    return steadyAfterWarming();
  }
  return Object.fromEntries(
    steps.map((step, index) => [`rate_${step}`, steady(step, duration, `${index * (seconds + 2)}s`)]),
  );
}

function thresholds() {
  const found = {};
  const promised = steps.length > 0 ? steps.map((step) => [`rate_${step}`, step]) : [['steady', rate]];
  for (const [name, perSecond] of promised) {
    const ends = steps.length > 0 ? { abortOnFail: true, delayAbortEval: '3s' } : {};
    found[`http_req_duration{scenario:${name}}`] = [{ threshold: `p(95)<${p95}`, ...ends }];
    found[`http_req_failed{scenario:${name}}`] = [{ threshold: 'rate<0.01', ...ends }];
    found[`dropped_iterations{scenario:${name}}`] = mostDropped(perSecond, seconds);
  }
  return found;
}

export const options = { scenarios: scenarios(), thresholds: thresholds(), summaryTrendStats };

const body = JSON.stringify({ triggerData: { from: 'k6' } });

export default function () {
  const answer = http.post(`${base}/api/workflows/${workflow}/execute`, body, { headers });
  check(answer, { accepted: (each) => each.status === 201 });
}
