// `npm run simulate -- --seeds 1000 [--seed 7] [--events 50]`: runs seeds, says what failed.
import { parseArgs } from "node:util";
import { simulate } from "../src/harness/simulation/simulate.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    seed: { type: "string", default: "1" },
    events: { type: "string", default: "50" },
  },
});
const isGood = await simulate({
  first: Number(values.seed),
  count: Number(values.seeds),
  eventsMax: Number(values.events),
  print: (line) => console.log(line),
});
process.exitCode = isGood ? 0 : 1;
