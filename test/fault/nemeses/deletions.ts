import type { Arena, Nemesis } from "../campaign/arena.ts";
import { nodePort } from "../campaign/fault-node.ts";
import { batchOf, RawClient } from "../../support/raw-client.ts";
import { waitUntil } from "../../support/wait-until.ts";

const recordsCount = 20;
const deletedTo = 15;
let made = 0;

/** What is deleted while a replica is down does not come back with it. */
export const deletions: readonly Nemesis[] = [
  {
    name: "deletions while a node is down",
    strike: async (arena) => {
      const { cluster } = arena;
      const [trimmed, doomed] = [`trimmed-${(made += 1)}`, `doomed-${made}`];
      for (const topic of [trimmed, doomed]) await fill(arena, topic);
      const node = arena.anyNode();
      await node.kill();
      await atHead(arena, trimmed, async (client) => {
        const { errorCode } = await client.deleteRecords([trimmed, 0], deletedTo);
        return errorCode === 0;
      });
      await onAnyNode(arena, async (client) => {
        return [0, 3].includes(await client.deleteTopic(doomed));
      });
      await node.start();
      await waitUntil("the chain is whole", () => cluster.isWhole([trimmed]));
      // It leads at once: what it kept would be seen.
      for (const other of cluster.others(node.id)) await other.kill();
      let earliest = -1;
      await atHead(arena, trimmed, async (client) => {
        const { errorCode, offset } = await client.listOffset([trimmed, 0], -2);
        earliest = Number(offset);
        return errorCode === 0;
      });
      for (const other of cluster.others(node.id)) await other.start();
      await waitUntil(`${doomed} is gone everywhere`, () => {
        return cluster.nodes.every((one) => !one.partitionNames.includes(`${doomed}-0`));
      });
      // What lies below a log start is not the same on all: a new replica begins there.
      await onAnyNode(arena, async (client) => {
        return [0, 3].includes(await client.deleteTopic(trimmed));
      });
      if (earliest === deletedTo) return;
      throw new Error(`${trimmed} begins at ${earliest} again, not at ${deletedTo}`);
    },
  },
];

async function fill(arena: Arena, topic: string): Promise<void> {
  await onAnyNode(arena, async (client) => {
    const { errorCode } = await client.createTopic(topic, { replicas: 3 });
    return [0, 36].includes(errorCode);
  });
  await waitUntil(`${topic} is whole`, () => arena.cluster.isWhole([topic]));
  const records = Array.from({ length: recordsCount }, (_, at) => `record ${at}`);
  for (const record of records) {
    await atHead(arena, topic, async (client) => {
      return (await client.produce([topic, 0], batchOf([record]))).errorCode === 0;
    });
  }
}

type Attempt = (client: RawClient) => Promise<boolean>;

/** Tries again and again at whoever leads, until the attempt says that it has succeeded. */
function atHead({ cluster }: Arena, topic: string, attempt: Attempt): Promise<void> {
  return waitUntil(`a head of ${topic} answers`, async () => {
    const [partition] = await cluster.partitions(topic);
    const head = cluster.nodes.find(({ id }) => id === partition?.leader);
    return head !== undefined && head.isRunning && (await tryAt(head.address, attempt));
  });
}

function onAnyNode({ cluster }: Arena, attempt: Attempt): Promise<void> {
  return waitUntil("a node answers", async () => {
    const node = cluster.nodes.find(({ isRunning }) => isRunning);
    return node !== undefined && (await tryAt(node.address, attempt));
  });
}

async function tryAt(address: string, attempt: Attempt): Promise<boolean> {
  const client = await RawClient.open(nodePort, address).catch(() => undefined);
  if (client === undefined) return false;
  try {
    return await attempt(client);
  } catch {
    return false;
  } finally {
    client.close();
  }
}
