// A process of its own, `node hunt-in-clusters.ts '<ClusterHunt as JSON>'`: plants faults, runs
// whole clusters until a checker complains, and tells of it.
import { type Plant, plantFaults } from "../plant-faults.ts";

export interface ClusterHunt {
  readonly plants: readonly Plant[];
  readonly seeds: readonly number[];
  /** Who is to complain. */
  readonly checker: string;
}

export interface ClusterCatch {
  readonly seed: number;
  readonly text: string;
}

const { plants, seeds, checker } = JSON.parse(process.argv[2] ?? "") as ClusterHunt;
const checkPlanted = plantFaults(plants);
const { runClusterSeed } =
  await import("../../../src/harness/simulation/cluster/run-cluster-seed.ts");

async function hunt(): Promise<ClusterCatch | undefined> {
  for (const seed of seeds) {
    const { complaints } = await runClusterSeed({ seed });
    checkPlanted();
    const found = complaints.find((complaint) => complaint.checker === checker);
    if (found !== undefined) return { seed, text: found.text };
  }
  return undefined;
}

console.log(JSON.stringify((await hunt()) ?? null));
