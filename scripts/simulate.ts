// `npm run simulate -- --seeds 1000 [--seed 7] [--events 50]`: runs seeds, says what failed.
// `npm run simulate -- --crashes [--stride 10]`: one short life, dying at each disk operation.
import { parseArgs } from "node:util";
import { crashEverywhere } from "../src/harness/simulation/crash-everywhere.ts";
import { simulate } from "../src/harness/simulation/simulate.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    seed: { type: "string", default: "1" },
    events: { type: "string", default: "50" },
    crashes: { type: "boolean", default: false },
    stride: { type: "string", default: "1" },
  },
});
const seed = Number(values.seed);
const told = {
  eventsMax: Number(values.events),
  print: (line: string): void => console.log(line),
};
const isGood = values.crashes
  ? await crashEverywhere({ ...told, seed, stride: Number(values.stride) })
  : await simulate({ ...told, first: seed, count: Number(values.seeds) });
process.exitCode = isGood ? 0 : 1;
