// The workloads as a Restate service: `run` has so many journalled no-op steps in a row, `wide` side by side.
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
    wide: async (context, width) => {
      const steps = [];
      for (let step = 0; step < width; step += 1) {
        steps.push(context.run(`s${step}`, () => ({ ok: true, step })));
      }
      return (await restate.RestatePromise.all(steps)).length;
    },
  },
});

await restate.endpoint().bind(chains).listen(Number(process.env.SERVICE_PORT));
