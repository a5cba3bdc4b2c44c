import { kcat } from "./kcat.ts";
import { waitUntil } from "./wait-until.ts";
import { RawConnection } from "./raw-connection.ts";

/** What clients see of a broker's data: topics with ids, offsets, configs and records. */
export interface DirectoryPicture {
  /** Name to id and partition count. */
  readonly topics: Readonly<Record<string, string>>;
  /** `topic-partition` to log start and end. */
  readonly offsets: Readonly<Record<string, string>>;
  /** Own configs by topic. */
  readonly configs: Readonly<Record<string, readonly string[]>>;
  /** Lines of `offset key value` by topic and isolation level. */
  readonly records: Readonly<Record<string, readonly string[]>>;
}

/** Where the configs of a topic stem from when it has them itself. */
const topicSource = 1;
const topicResource = 2;

export async function pictureOf(port: number, names: readonly string[]): Promise<DirectoryPicture> {
  const connection = await RawConnection.open(port);
  try {
    const metadata = await connection.request("Metadata", 12, { topics: null });
    const topics: Record<string, string> = {};
    const offsets: Record<string, string> = {};
    for (const { name, topicId, partitions } of metadata.topics) {
      if (name === null || name === "") continue;
      topics[name] = `${Buffer.from(topicId).toString("hex")} ${partitions.length}`;
      for (const { partitionIndex } of partitions) {
        const [start, end] = [
          await listOffset(connection, [name, partitionIndex], -2),
          await listOffset(connection, [name, partitionIndex], -1),
        ];
        offsets[`${name}-${partitionIndex}`] = `${start} to ${end}`;
      }
    }
    const configs: Record<string, readonly string[]> = {};
    for (const name of names) configs[name] = await ownConfigs(connection, name);
    return { topics, offsets, configs, records: await recordsOf(port, names) };
  } finally {
    connection.close();
  }
}

/** Kafka answers before it leads its partitions. */
async function listOffset(
  connection: RawConnection,
  [name, partitionIndex]: readonly [string, number],
  timestamp: number,
): Promise<string> {
  const topics = [{ name, partitions: [{ partitionIndex, timestamp }] }];
  const request = { replicaId: -1, isolationLevel: 0, topics };
  let offset = "";
  await waitUntil(`${name} is led`, async () => {
    const answer = await connection.request("ListOffsets", 7, request);
    const found = answer.topics[0]?.partitions[0];
    offset = String(found?.offset);
    return found?.errorCode === 0;
  });
  return offset;
}

async function ownConfigs(connection: RawConnection, name: string): Promise<string[]> {
  const resources = [{ resourceType: topicResource, resourceName: name, configurationKeys: null }];
  const answer = await connection.request("DescribeConfigs", 4, { resources });
  const configs = answer.results[0]?.configs ?? [];
  const own = configs.filter(({ configSource }) => configSource === topicSource);
  return own.map((config) => `${config.name}=${config.value}`).toSorted();
}

async function recordsOf(
  port: number,
  names: readonly string[],
): Promise<Record<string, readonly string[]>> {
  const records: Record<string, readonly string[]> = {};
  for (const name of names) {
    for (const level of ["read_committed", "read_uncommitted"]) {
      const how = ["-X", `isolation.level=${level}`, "-X", "check.crcs=true", "-o", "beginning"];
      const args = ["-C", "-t", name, "-e", "-q", "-f", "%p %o %T %k %s\\n", ...how];
      const { stdout } = await kcat(`127.0.0.1:${port}`, args);
      records[`${name} ${level}`] = stdout
        .split("\n")
        .filter((line) => line !== "")
        .toSorted();
    }
  }
  return records;
}
