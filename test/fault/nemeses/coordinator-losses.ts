import { type Arena, leaseMs, type Nemesis } from "../campaign/arena.ts";
import type { FaultEtcd } from "../campaign/fault-etcd.ts";
import type { Means } from "../campaign/fault-cluster.ts";
import { chooseHead } from "./kills.ts";
import { part } from "../net/fault-net.ts";

const hasQuorumWithoutOne = ({ etcdMembers }: Means): boolean => etcdMembers >= 3;

export const coordinatorLosses: readonly Nemesis[] = [
  {
    name: "coordinator paused for less than a lease",
    strike: (arena) => pauseAll(arena, 800, leaseMs - 500),
  },
  {
    name: "coordinator paused for longer than a lease",
    strike: (arena) => pauseAll(arena, leaseMs + 1_000, leaseMs + 8_000),
  },
  {
    name: "coordinator killed and started again",
    strike: (arena) => whileDown(arena, () => arena.rest(0, 5_000)),
  },
  {
    name: "coordinator restored from a backup older than a death",
    strike: async (arena) => {
      const { etcds } = arena.cluster;
      await whileDown(arena, () => etcds.forEach((etcd) => etcd.backUp()));
      const head = await chooseHead(arena);
      await head.kill();
      await arena.rest(1_000, 4_000);
      await head.start();
      await arena.chain();
      await arena.rest(0, 3_000);
      await whileDown(arena, () => etcds.forEach((etcd) => etcd.restore()));
    },
  },
  {
    name: "death of the coordinator's leader",
    isPossible: hasQuorumWithoutOne,
    strike: async (arena) => {
      const leader = await leaderOf(arena);
      await leader.kill();
      await arena.rest(2_000, 5_000);
      leader.start();
      await leader.whenHealthy();
    },
  },
  {
    name: "the coordinator's leader cut off from its members",
    isPossible: (means) => hasQuorumWithoutOne(means) && means.network,
    strike: async (arena) => {
      const leader = await leaderOf(arena);
      for (const { name } of arena.cluster.etcds) {
        if (name !== leader.name) part(arena.cluster.net, leader.name, name);
      }
      await arena.rest(3_000, 8_000);
      arena.cluster.net.mend();
    },
  },
];

/** Kills all members, and starts them again when `act` is done. */
async function whileDown(arena: Arena, act: () => void | Promise<void>): Promise<void> {
  const { etcds } = arena.cluster;
  await Promise.all(etcds.map((etcd) => etcd.kill()));
  await act();
  for (const etcd of etcds) etcd.start();
  await Promise.all(etcds.map((etcd) => etcd.whenHealthy()));
}

async function pauseAll(arena: Arena, leastMs: number, mostMs: number): Promise<void> {
  const { etcds } = arena.cluster;
  for (const etcd of etcds) etcd.pause();
  await arena.rest(leastMs, mostMs);
  for (const etcd of etcds) etcd.resume();
  await Promise.all(etcds.map((etcd) => etcd.whenHealthy()));
}

async function leaderOf(arena: Arena): Promise<FaultEtcd> {
  const { etcds } = arena.cluster;
  for (const etcd of etcds) if (await etcd.isLeader()) return etcd;
  return arena.pick(etcds);
}
