import { statfsSync } from "node:fs";
import { callHolder } from "../../src/storage/directory-lock.ts";
import type { BrokerProcess } from "../../test/support/broker-process.ts";
import { batchOf, RawClient } from "../../test/support/raw-client.ts";
import { makeTemporaryFolder, removeFolder } from "../../test/support/temporary-folder.ts";
import { startXylem } from "../../test/support/xylem-process.ts";
import type { Figures, Scenario } from "../scenario.ts";

const topic = "large";
const partitions = 4;
const recordBytes = 1_024;
const recordsPerBatch = 900;
const inFlight = 4;
/** What is left free beside what is written. */
const freeBytesMin = 5e9;

/** 10 GB, killed while they are still being written; then copies of them. */
export const recoverTenGigabytes: Scenario = {
  name: "recovery of 10 GB after a kill, and copies of it",
  needsJava: false,
  figures: [
    "ms to ready",
    "ms to first fetch",
    "ms to first produce",
    "ms to fork",
    "ms to snapshot",
    "GB",
    "MB/s while it was written",
  ],
  isHigherBetter: false,
  isWarmedUp: false,
  repetitionsMax: 1,
  isOursOnly: true,
  async measure(bench) {
    const bytes = bench.isQuick ? 2e9 : 10e9;
    const folder = makeTemporaryFolder("large");
    const { bavail, bsize } = statfsSync(folder);
    try {
      if (bavail * bsize < bytes + freeBytesMin) {
        console.log(`left out: ${bytes / 1e9} GB and room to spare do not fit on this disk`);
        return {};
      }
      return await measureRecovery(folder, bytes);
    } finally {
      removeFolder(folder);
    }
  },
};

async function measureRecovery(folder: string, bytes: number): Promise<Figures> {
  const dataFolder = `${folder}/data`;
  const written = await writeUntilKilled(dataFolder, bytes);
  const startedMs = performance.now();
  const broker = await startXylem({ dataFolder });
  const readyMs = performance.now() - startedMs;
  const client = await RawClient.open(broker.port);
  for (let index = 0; index < partitions; index += 1) {
    const { errorCode } = await client.fetch([topic, index], 0);
    if (errorCode !== 0) throw new Error(`fetch: error ${errorCode}`);
  }
  const fetchMs = performance.now() - startedMs;
  for (let index = 0; index < partitions; index += 1) {
    const { errorCode } = await client.produce([topic, index], batchOf(["x"]));
    if (errorCode !== 0) throw new Error(`produce: error ${errorCode}`);
  }
  const produceMs = performance.now() - startedMs;
  client.close();
  const call = (command: string, argument: unknown): Promise<number> =>
    timed(() => callHolder(dataFolder, { command, argument }));
  const forkMs = await call("topic.fork", { topic, as: `${topic}-fork` });
  const snapshotMs = await call("snapshot", { to: `${folder}/snapshot` });
  await broker.stop();
  return {
    "ms to ready": readyMs,
    "ms to first fetch": fetchMs,
    "ms to first produce": produceMs,
    "ms to fork": forkMs,
    "ms to snapshot": snapshotMs,
    GB: written.bytes / 1e9,
    "MB/s while it was written": written.bytes / 1e6 / written.seconds,
  };
}

/** Full speed until `bytes` are there; the kill comes with requests under way. */
async function writeUntilKilled(
  dataFolder: string,
  bytes: number,
): Promise<{ readonly bytes: number; readonly seconds: number }> {
  const broker = await startXylem({ dataFolder });
  const client = await RawClient.open(broker.port);
  await client.createTopic(topic, { partitions, configs: { durability: "os" } });
  const batch = batchOf(Array(recordsPerBatch).fill("x".repeat(recordBytes)));
  let writtenBytes = 0;
  let isKilled = false;
  const write = async (index: number): Promise<void> => {
    while (!isKilled) {
      const { errorCode } = await client.produce([topic, index], batch);
      if (errorCode !== 0) throw new Error(`produce: error ${errorCode}`);
      writtenBytes += batch.length;
      if (writtenBytes >= bytes) await kill(broker);
    }
  };
  const kill = async (killed: BrokerProcess): Promise<void> => {
    isKilled = true;
    await killed.kill();
  };
  const startedMs = performance.now();
  const writers = Array.from({ length: partitions * inFlight }, (_, at) => write(at % partitions));
  for (const { status, reason } of await settle(writers)) {
    if (status === "rejected" && !isKilled) throw reason;
  }
  client.close();
  return { bytes: writtenBytes, seconds: (performance.now() - startedMs) / 1_000 };
}

async function settle(
  work: readonly Promise<void>[],
): Promise<{ readonly status: string; readonly reason?: unknown }[]> {
  return await Promise.allSettled(work);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}
