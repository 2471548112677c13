// The workload W1 as a Restate service: `n` journalled steps in a row, each a durable no-op.
import * as restate from "@restatedev/restate-sdk";

const chains = restate.service({
  name: "chains",
  handlers: {
    run: async (context, steps) => {
      let last = null;
      for (let step = 0; step < steps; step += 1) {
        last = await context.run(`s${step}`, () => ({ ok: true, step }));
      }
      return last;
    },
  },
});

await restate.endpoint().bind(chains).listen(Number(process.env.SERVICE_PORT));
