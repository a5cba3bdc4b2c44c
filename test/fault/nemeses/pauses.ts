import { leaseMs, type Nemesis } from "../campaign/arena.ts";
import type { FaultNode } from "../campaign/fault-node.ts";
import { chooseHead, chooseTail } from "./kills.ts";

const stutters = 20;

export const pauses: readonly Nemesis[] = [
  {
    name: "pause of the head past its lease",
    strike: async (arena) => {
      const head = await chooseHead(arena);
      head.pause();
      await arena.rest(leaseMs + 1_000, leaseMs + 6_000);
      head.resume();
    },
  },
  {
    name: "pause of a follower for three seconds",
    strike: async (arena) => {
      const tail = await chooseTail(arena);
      tail.pause();
      await arena.rest(3_000);
      tail.resume();
    },
  },
  {
    name: "pause of all nodes past their leases",
    strike: async (arena) => {
      for (const node of arena.cluster.nodes) node.pause();
      await arena.rest(leaseMs + 1_000, leaseMs + 4_000);
      for (const node of arena.cluster.nodes) node.resume();
    },
  },
  {
    name: "pause of the head, then the death of its successor",
    strike: async (arena) => {
      const [head, next] = (await arena.chain()) as [FaultNode, FaultNode];
      head.pause();
      await arena.rest(leaseMs + 500, leaseMs + 2_000);
      await next.kill();
      await arena.rest(0, 2_000);
      head.resume();
      await arena.rest(500, 3_000);
      await next.start();
    },
  },
  {
    name: "pause of the head, then its death",
    strike: async (arena) => {
      const head = await chooseHead(arena);
      head.pause();
      await arena.rest(500, leaseMs + 2_000);
      await head.kill();
      await head.start();
    },
  },
  {
    name: "a node that stutters",
    strike: async (arena) => {
      const node = arena.anyNode();
      for (let count = 0; count < stutters; count += 1) {
        node.pause();
        await arena.rest(100, 600);
        node.resume();
        await arena.rest(50, 200);
      }
    },
  },
];
