import type { BrokerProcess } from "../../test/support/broker-process.ts";
import { batchOf, RawClient } from "../../test/support/raw-client.ts";
import { makeTemporaryFolder, removeFolder } from "../../test/support/temporary-folder.ts";
import { startXylem } from "../../test/support/xylem-process.ts";
import { fillTopics, makeTopics, partitionsPerTopic } from "../many-partitions.ts";
import { descriptorCount, residentMiB } from "../process-usage.ts";
import type { Figures, Scenario } from "../scenario.ts";

const settledAfterMs = 2_000;
const lastPartition = partitionsPerTopic - 1;

const figuresOf = (kind: string): string[] => [
  `${kind}: ms to ready`,
  `${kind}: ms to first fetch`,
  `${kind}: ms to first produce`,
  `${kind}: RSS MiB`,
  `${kind}: descriptors`,
];

function openPartitions(count: number): Scenario {
  const kinds = ["empty", "after stop", "after kill"];
  return {
    name: `open partitions: ${count}`,
    needsJava: false,
    figures: kinds.flatMap(figuresOf),
    isHigherBetter: false,
    isWarmedUp: false,
    repetitionsMax: 1,
    isOursOnly: true,
    measure: () => measureOpening(count / partitionsPerTopic),
  };
}

export const openTenThousand = openPartitions(10_000);
export const openHundredThousand = openPartitions(100_000);

async function measureOpening(topicCount: number): Promise<Figures> {
  const dataFolder = makeTemporaryFolder("many");
  try {
    await makeTopics(dataFolder, topicCount);
    const empty = await measureStart(dataFolder, "empty", (broker) => broker.terminate());
    fillTopics(dataFolder, topicCount);
    const kill = (broker: BrokerProcess): Promise<void> => broker.kill();
    const stopped = await measureStart(dataFolder, "after stop", kill);
    return { ...empty, ...stopped, ...(await measureStart(dataFolder, "after kill", kill)) };
  } finally {
    removeFolder(dataFolder);
  }
}

async function measureStart(
  dataFolder: string,
  kind: string,
  end: (broker: BrokerProcess) => Promise<unknown>,
): Promise<Figures> {
  const broker = await startXylem({ dataFolder });
  const readyMs = broker.launchMs;
  const first = await measureFirstUse(broker, kind === "empty" ? 0 : 1);
  await new Promise((resolve) => setTimeout(resolve, settledAfterMs));
  const figures = {
    [`${kind}: ms to ready`]: readyMs,
    [`${kind}: ms to first fetch`]: first.fetchMs,
    [`${kind}: ms to first produce`]: first.produceMs,
    [`${kind}: RSS MiB`]: residentMiB(broker.pid),
    [`${kind}: descriptors`]: descriptorCount(broker.pid),
  };
  await end(broker);
  return figures;
}

async function measureFirstUse(
  broker: BrokerProcess,
  end: number,
): Promise<{ readonly fetchMs: number; readonly produceMs: number }> {
  const client = await RawClient.open(broker.port);
  const startedMs = performance.now();
  const fetched = await client.fetch(["many-0", lastPartition], 0);
  const fetchMs = performance.now() - startedMs;
  if (Number(fetched.highWatermark) !== end) throw new Error(`ends at ${fetched.highWatermark}`);
  // A topic of its own: the partitions that are opened stay as they were made.
  await client.createTopic(`fresh-${broker.pid}`);
  const producedMs = performance.now();
  const { errorCode } = await client.produce([`fresh-${broker.pid}`, 0], batchOf(["x"]));
  if (errorCode !== 0) throw new Error(`produce: error ${errorCode}`);
  client.close();
  return { fetchMs, produceMs: performance.now() - producedMs };
}
