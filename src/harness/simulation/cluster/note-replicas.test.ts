import { expect, test } from "vitest";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import type { ClusterScene } from "./cluster-scene.ts";
import { findLeftovers } from "./note-replicas.ts";

/** Node 2 has files of a partition that is node 1's alone. */
async function leftOn(waitsForHand: boolean): Promise<string[]> {
  const disk = new SimulatedDisk();
  await disk.makeDirectory("t-0");
  disk.poke("t-0/00000000000000000000.log", new Uint8Array(1));
  const nodes = [1, 2].map((id) => ({ id, name: `n${id}`, machine: { disk } }));
  const world = { liveTopics: () => [{ name: "t", key: "T", partitions: 1 }] };
  const chains = {
    chains: new Map([["T-0", { replicas: [1] }]]),
    waitsForHand: (key: string) => key === "T-0" && waitsForHand,
  };
  const scene = { world, nodes, chains } as unknown as ClusterScene;
  return findLeftovers(scene);
}

test("files of a partition that is elsewhere are told", async () => {
  expect(await leftOn(false)).toEqual(["n2 keeps t-0, which is elsewhere"]);
});

test("files of a partition that waits for a hand may be all that can be read of it", async () => {
  expect(await leftOn(true)).toEqual([]);
});
