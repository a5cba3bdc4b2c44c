import type { Nemesis } from "../campaign/arena.ts";
import { nodePlace } from "../campaign/fault-cluster.ts";

const narrowKilobits = 128;
/** There and back. */
const lateMs = 200;
const disorder = { twicePercent: 20, overtakenPercent: 20 };
const clockJumpsSeconds = [3_600, -3_600, 30, -30, 5, -5];

/** Too little of what a node needs: bandwidth, disk, the right time. */
export const scarcities: readonly Nemesis[] = [
  {
    name: "a narrow network of one node",
    isPossible: ({ network }) => network,
    strike: async (arena) => {
      const { net } = arena.cluster;
      net.narrow(nodePlace(arena.anyNode().id), narrowKilobits);
      await arena.rest(5_000, 12_000);
      net.mend();
    },
  },
  {
    name: "a network of one node that is 200 ms late",
    isPossible: ({ network, python }) => network && python,
    strike: async (arena) => {
      const { net } = arena.cluster;
      net.disturb(nodePlace(arena.anyNode().id), { lateMs: lateMs / 2 });
      await arena.rest(5_000, 12_000);
      net.mend();
    },
  },
  {
    name: "a network of one node where packets come twice and out of order",
    isPossible: ({ network, python }) => network && python,
    strike: async (arena) => {
      const { net } = arena.cluster;
      net.disturb(nodePlace(arena.anyNode().id), disorder);
      await arena.rest(5_000, 12_000);
      net.mend();
    },
  },
  {
    name: "a full disk",
    isPossible: ({ smallDisk }) => smallDisk,
    strike: async (arena) => {
      arena.cluster.disk?.fill();
      await arena.rest(3_000, 10_000);
      arena.cluster.disk?.free();
    },
  },
  {
    name: "jumps of one node's clock",
    isPossible: ({ clock }) => clock,
    strike: async (arena) => {
      const node = arena.anyNode();
      for (let count = 0; count < 3; count += 1) {
        node.shiftClock(arena.pick(clockJumpsSeconds));
        await arena.rest(1_500, 4_000);
      }
      node.shiftClock(0);
    },
  },
];
