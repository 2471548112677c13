// What the scripts share: where the stack is, who calls, and the summary as a file.
export const base = __ENV.MAESTRO_URL;
export const workflow = __ENV.WORKFLOW_ID;
export const rate = Number(__ENV.RATE || 200);
export const duration = __ENV.DURATION || '60s';
export const p95 = Number(__ENV.P95_MS || 300);
export const headers = {
  Authorization: `Bearer ${__ENV.MAESTRO_TOKEN}`,
  'Content-Type': 'application/json',
};

const WARMING_S = Number(__ENV.WARMING_S || 3);

// A rate that does not depend on how fast answers come: slow answers make more callers, not fewer calls.
export function steady(perSecond, seconds, startTime = '0s') {
  return {
    executor: 'constant-arrival-rate',
    rate: perSecond,
    timeUnit: '1s',
    duration: seconds,
    startTime,
    preAllocatedVUs: 100,
    maxVUs: 1000,
    gracefulStop: '5s',
  };
}

// What is promised is promised of processes that have answered before: the first seconds are a scenario of their own.
export function steadyAfterWarming() {
  return {
    warming: steady(Math.max(1, Math.round(rate / 4)), `${WARMING_S}s`),
    steady: steady(rate, duration, `${WARMING_S}s`),
  };
}

// A call that was not even made, because too many were waiting for their answers, is a broken promise too.
export function mostDropped(perSecond, seconds) {
  return [`count<=${Math.ceil(perSecond * seconds * 0.01)}`];
}

export const seconds = Number.parseInt(duration, 10);

export const summaryTrendStats = ['med', 'p(95)', 'p(99)', 'max'];

export function handleSummary(data) {
  return { [__ENV.SUMMARY]: JSON.stringify({ rate, seconds, metrics: data.metrics }, null, 2) };
}
