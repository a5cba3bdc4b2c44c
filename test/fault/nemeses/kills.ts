import type { Arena, Nemesis } from "../campaign/arena.ts";
import type { FaultNode } from "../campaign/fault-node.ts";

type Choice = (arena: Arena) => Promise<FaultNode>;

export const chooseHead: Choice = async (arena) => place(await arena.chain(), 0);
export const chooseMiddle: Choice = async (arena) => place(await arena.chain(), 1);
export const chooseTail: Choice = async (arena) => place(await arena.chain(), 2);
const chooseController: Choice = (arena) => arena.controller();
const chooseAny: Choice = (arena) => Promise.resolve(arena.anyNode());

export const kills: readonly Nemesis[] = [
  killOf("head", chooseHead),
  killOf("middle", chooseMiddle),
  killOf("tail", chooseTail),
  killOf("controller", chooseController),
  killOf("random node", chooseAny),
  {
    name: "kill -9 of two nodes",
    strike: async (arena) => {
      const [one, other] = (await arena.chain()) as [FaultNode, FaultNode];
      await Promise.all([one.kill(), other.kill()]);
      await arena.rest(500, 4_000);
      await Promise.all([one.start(), other.start()]);
    },
  },
  {
    name: "kill -9 of all nodes",
    strike: async ({ cluster }) => {
      await Promise.all(cluster.nodes.map((node) => node.kill()));
      await Promise.all(cluster.nodes.map((node) => node.start()));
    },
  },
  {
    name: "rolling restart",
    strike: async (arena) => {
      for (const node of arena.cluster.nodes) {
        await node.terminate();
        await node.start();
        await arena.chain();
      }
    },
  },
  {
    name: "wiped disk",
    strike: async (arena) => {
      const node = arena.anyNode();
      await node.kill();
      node.wipe();
      await arena.rest(500, 3_000);
      await node.start();
    },
  },
];

function killOf(whom: string, choose: Choice): Nemesis {
  return {
    name: `kill -9 of the ${whom}`,
    strike: async (arena) => {
      const node = await choose(arena);
      await node.kill();
      await arena.rest(0, 5_000);
      await node.start();
    },
  };
}

function place(chain: readonly FaultNode[], at: number): FaultNode {
  const node = chain[at];
  if (node === undefined) throw new Error(`the chain has no place ${at}`);
  return node;
}
