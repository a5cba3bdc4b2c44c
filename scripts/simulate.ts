// `npm run simulate -- --seeds 1000 [--seed 7] [--events 50] [--workers 2]`.
// `npm run simulate -- --cluster 1000 [--seed 7] [--workers 2]`: several nodes and a coordinator.
// `npm run simulate -- --crashes [--stride 10]`: one short life, dying at each disk operation.
// `npm run simulate -- --chains 1000 [--seed 7]`: schedules of one replicated chain.
// `npm run simulate -- --capacity [--nodes 100] [--partitions 100000]`: docs/capacity.md.
import { parseArgs } from "node:util";
import { crashEverywhere } from "../src/harness/simulation/crash-everywhere.ts";
import {
  capacityLines,
  simulateCapacity,
} from "../src/harness/simulation/capacity/simulate-capacity.ts";
import { simulate, simulateForParent } from "../src/harness/simulation/simulate.ts";
import { simulateChains } from "../test/simulation/chain/simulate-chains.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    seed: { type: "string", default: "1" },
    workers: { type: "string", default: "1" },
    events: { type: "string", default: "50" },
    crashes: { type: "boolean", default: false },
    stride: { type: "string", default: "1" },
    chains: { type: "string" },
    cluster: { type: "string" },
    capacity: { type: "boolean", default: false },
    nodes: { type: "string", default: "100" },
    partitions: { type: "string", default: "100000" },
  },
});
const seed = Number(values.seed);
const told = {
  eventsMax: Number(values.events),
  print: (line: string): void => console.log(line),
};
const kind = values.cluster === undefined ? "node" : "cluster";
const count = Number(values.cluster ?? values.seeds);
const seeds = { ...told, kind, first: seed, count } as const;

/** Three replicas on racks of about ten nodes. */
function capacity(): boolean {
  const nodes = Number(values.nodes);
  const racks = Math.max(3, Math.round(nodes / 10));
  const sizes = { nodes, racks, partitions: Number(values.partitions), replicas: 3 };
  const report = simulateCapacity({ ...sizes, seed });
  for (const line of capacityLines(report)) told.print(line);
  return report.complaints.length === 0;
}

async function run(): Promise<boolean> {
  if (values.capacity) return capacity();
  if (values.chains !== undefined) {
    return simulateChains({ ...told, first: seed, count: Number(values.chains) });
  }
  if (values.crashes) return crashEverywhere({ ...told, seed, stride: Number(values.stride) });
  if (process.send !== undefined) return simulateForParent(seeds);
  return simulate({ ...seeds, workers: Number(values.workers) });
}

const isGood = await run();
if (process.connected) process.removeAllListeners("disconnect").disconnect();
process.exitCode = isGood ? 0 : 1;
