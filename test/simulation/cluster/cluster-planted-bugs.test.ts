import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { ClusterCatch, ClusterHunt } from "./hunt-in-clusters.ts";
import { plantedInClusters } from "./planted-in-clusters.ts";

const program = fileURLToPath(new URL("./hunt-in-clusters.ts", import.meta.url));

async function hunt(options: ClusterHunt): Promise<ClusterCatch | null> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    program,
    JSON.stringify(options),
  ]);
  return JSON.parse(stdout) as ClusterCatch | null;
}

test.each(plantedInClusters)("$checker: it is noticed that $bug", async (planted) => {
  const { plants, seeds, checker } = planted;
  expect(await hunt({ plants, seeds, checker })).not.toBeNull();
});
