import type { Arena, Nemesis } from "../campaign/arena.ts";
import { type Means, nodePlace } from "../campaign/fault-cluster.ts";
import type { FaultNode } from "../campaign/fault-node.ts";
import { clientsPlace, part } from "../net/fault-net.ts";
import { chooseHead } from "./kills.ts";

const isPossible = ({ network }: Means): boolean => network;

/** The chain's places whose link is cut. */
const pairs = [
  ["head and middle", 0, 1],
  ["middle and tail", 1, 2],
  ["head and tail", 0, 2],
] as const;

export const partitions: readonly Nemesis[] = [
  ...pairs.map(([names, one, other]) => ({
    name: `no link between ${names}`,
    isPossible,
    strike: async (arena: Arena) => {
      const chain = await arena.chain();
      part(arena.cluster.net, at(chain, one), at(chain, other));
      await arena.rest(3_000, 12_000);
      arena.cluster.net.mend();
    },
  })),
  {
    name: "a link that carries one way only",
    isPossible,
    strike: async (arena) => {
      const chain = await arena.chain();
      const one = arena.pick([0, 1, 2]);
      const other = (one + arena.pick([1, 2])) % 3;
      arena.cluster.net.cut(at(chain, one), at(chain, other));
      await arena.rest(3_000, 12_000);
      arena.cluster.net.mend();
    },
  },
  {
    name: "a node that reaches no other, but the coordinator",
    isPossible,
    strike: async (arena) => {
      const node = arena.anyNode();
      partFromNodes(arena, node);
      await arena.rest(3_000, 12_000);
      arena.cluster.net.mend();
    },
  },
  {
    name: "a controller that reaches no other node, but the coordinator",
    isPossible,
    strike: async (arena) => {
      partFromNodes(arena, await arena.controller());
      await arena.rest(8_000, 20_000);
      arena.cluster.net.mend();
    },
  },
  {
    name: "the head cut off from everything",
    isPossible,
    strike: async (arena) => {
      isolate(arena, await chooseHead(arena));
      await arena.rest(4_000, 10_000);
      arena.cluster.net.mend();
    },
  },
  {
    name: "the head cut off, then the death of its successor",
    isPossible,
    strike: async (arena) => {
      const [head, next] = (await arena.chain()) as [FaultNode, FaultNode];
      isolate(arena, head);
      await arena.rest(3_000, 5_000);
      await next.kill();
      await arena.rest(0, 2_000);
      arena.cluster.net.mend();
      await next.start();
    },
  },
  {
    name: "a node cut off from the coordinator",
    isPossible,
    strike: async (arena) => {
      partFromCoordinator(arena, arena.anyNode());
      await arena.rest(4_000, 10_000);
      arena.cluster.net.mend();
    },
  },
  {
    name: "all nodes cut off from the coordinator",
    isPossible,
    strike: async (arena) => {
      for (const node of arena.cluster.nodes) partFromCoordinator(arena, node);
      await arena.rest(1_000, 8_000);
      arena.cluster.net.mend();
    },
  },
];

function at(chain: readonly FaultNode[], place: number): string {
  const node = chain[place];
  if (node === undefined) throw new Error(`the chain has no place ${place}`);
  return nodePlace(node.id);
}

function partFromNodes({ cluster }: Arena, node: FaultNode): void {
  for (const { id } of cluster.others(node.id))
    part(cluster.net, nodePlace(node.id), nodePlace(id));
}

function partFromCoordinator({ cluster }: Arena, node: FaultNode): void {
  for (const { name } of cluster.etcds) part(cluster.net, nodePlace(node.id), name);
}

function isolate(arena: Arena, node: FaultNode): void {
  partFromNodes(arena, node);
  partFromCoordinator(arena, node);
  part(arena.cluster.net, nodePlace(node.id), clientsPlace);
}
