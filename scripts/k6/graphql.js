// What a user interface asks: one workflow, a page of executions, and now and then a start; with variables throughout.
import http from 'k6/http';
import { check } from 'k6';
import {
  base,
  headers,
  mostDropped,
  p95,
  rate,
  seconds,
  steadyAfterWarming,
  summaryTrendStats,
  workflow,
} from './shared.js';

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

const ONE = 'query One($id: ID!) { workflow(id: $id) { id name status version } }';
const PAGE = 'query Page($first: Int!) { executions(first: $first) { edges { node { id status } } } }';
const START =
  'mutation Start($input: ExecuteWorkflowInput!) { executeWorkflow(input: $input) ' +
  '{ __typename ... on ExecuteWorkflowSuccess { execution { id } } } }';
const EVERY = 5;

function asked() {
  switch (__ITER % EVERY) {
    case 0:
      return { query: START, variables: { input: { workflowId: workflow, triggerData: {} } } };
    case 1:
      return { query: PAGE, variables: { first: 20 } };
    default:
      return { query: ONE, variables: { id: workflow } };
  }
}

export default function () {
  const question = asked();
  const answer = http.post(`${base}/graphql`, JSON.stringify(question), { headers });
  check(answer, {
    answered: (each) => {
      const content = each.json();
      const started = content.data && content.data.executeWorkflow;
      return !content.errors && content.data && (!started || started.__typename === 'ExecuteWorkflowSuccess');
    },
  });
}
