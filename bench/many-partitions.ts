import { mkdirSync, writeFileSync } from "node:fs";
import { RawClient, batchOf } from "../test/support/raw-client.ts";
import { startXylem } from "../test/support/xylem-process.ts";
import { crc32c } from "../src/codecs/native-crc32c.ts";
import {
  emptyFacts,
  type FactsByTopic,
  formatFacts,
  type PartitionFacts,
} from "../src/log/partition-facts.ts";
import { formatPartitionMetadata } from "../src/log/partition-metadata.ts";
import { formatSegmentName } from "../src/log/segment-name.ts";
import { formatCheckpoint, formatOffsetCheckpoint } from "../src/log/text-checkpoint.ts";

export const partitionsPerTopic = 1_000;

/** Topics `many-0` and on, without records, in a data directory that no node holds afterwards. */
export async function makeTopics(dataFolder: string, topicCount: number): Promise<void> {
  const broker = await startXylem({ dataFolder });
  const client = await RawClient.open(broker.port);
  for (let at = 0; at < topicCount; at += 1) {
    const topic = {
      name: `many-${at}`,
      numPartitions: partitionsPerTopic,
      replicationFactor: -1,
      assignments: [],
      configs: [],
    };
    const body = { topics: [topic], timeoutMs: 30_000 };
    const answer = await client.connection.request("CreateTopics", 7, body);
    const [made] = answer.topics;
    if (made?.errorCode !== 0) throw new Error(`many-${at}: error ${made?.errorCode}`);
    const { topicId } = await client.describeTopic(`many-${at}`);
    topicIds.set(`${dataFolder}/many-${at}`, topicId);
  }
  client.close();
  await broker.stop();
}

const topicIds = new Map<string, Uint8Array>();

/**
 * Gives every partition one record, by files as a node writes them: over the wire each would wait
 * for a flush. The last node must have stopped in order; what it told the next one is made to fit.
 */
export function fillTopics(dataFolder: string, topicCount: number): void {
  const batch = batchOf(["x".repeat(100)]);
  const ends = new Map<string, number>();
  const facts: FactsByTopic = new Map();
  for (let at = 0; at < topicCount; at += 1) {
    const topicId = topicIds.get(`${dataFolder}/many-${at}`);
    if (topicId === undefined) throw new Error(`many-${at} was not made`);
    const partitions = new Map<number, PartitionFacts>();
    for (let index = 0; index < partitionsPerTopic; index += 1) {
      const folder = `${dataFolder}/many-${at}-${index}`;
      mkdirSync(folder);
      writeFileSync(`${folder}/${formatSegmentName(0, ".log")}`, batch);
      writeFileSync(`${folder}/partition.metadata`, formatPartitionMetadata(topicId));
      writeFileSync(`${folder}/leader-epoch-checkpoint`, formatCheckpoint([[0, 0]]));
      ends.set(`many-${at}-${index}`, 1);
      partitions.set(index, { ...emptyFacts, end: 1, sizeBytes: batch.length });
    }
    facts.set(`many-${at}`, partitions);
  }
  const recoveryPoints = formatOffsetCheckpoint(ends);
  writeFileSync(`${dataFolder}/recovery-point-offset-checkpoint`, recoveryPoints);
  writeFileSync(`${dataFolder}/partition-facts-checkpoint`, formatFacts(facts, crc32c));
}
