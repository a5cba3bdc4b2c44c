import { setTimeout as sleep } from "node:timers/promises";
import { RawClient } from "../support/raw-client.ts";
import { waitUntil } from "../support/wait-until.ts";

const groups = ["crash-group-a", "crash-group-b", "crash-group-c"];

/** What one committed offset was set to last, and what it was told to be. */
interface Commit {
  attempted: number;
  acknowledged: number;
}

/**
 * What goes on beside the records: topics are made and deleted, groups commit ever higher offsets.
 * `findViolations` compares what was acknowledged with what a broker knows afterwards.
 */
export class SideLoad {
  readonly #topic: string;
  readonly #created = new Map<string, number>();
  readonly #deleted = new Set<string>();
  readonly #commits = new Map(groups.map((group) => [group, { attempted: 0, acknowledged: -1 }]));
  #made = 0;
  #isStopping = false;

  /** Offsets are committed for partition 0 of `topic`. */
  constructor(topic: string) {
    this.#topic = topic;
  }

  get createdCount(): number {
    return this.#made;
  }

  get committedCount(): number {
    return [...this.#commits.values()].reduce((sum, commit) => sum + commit.attempted, 0);
  }

  /** Goes on until `stop` or until the connections break. */
  async run(port: number): Promise<void> {
    this.#isStopping = false;
    await Promise.all([
      this.#repeat(port, 25, (client) => this.#makeTopic(client)),
      this.#repeat(port, 1, (client) => this.#commitOffsets(client)),
    ]);
  }

  stop(): void {
    this.#isStopping = true;
  }

  async findViolations(port: number): Promise<string[]> {
    const client = await RawClient.open(port);
    const violations = [
      ...(await this.#checkTopics(client)),
      ...(await this.#checkOffsets(client)),
    ];
    client.close();
    return violations;
  }

  async #repeat(
    port: number,
    pauseMs: number,
    step: (client: RawClient) => Promise<void>,
  ): Promise<void> {
    try {
      const client = await RawClient.open(port);
      while (!this.#isStopping) {
        await step(client);
        await sleep(pauseMs);
      }
      client.close();
    } catch {
      // The broker is gone: what was under way is not acknowledged.
    }
  }

  async #makeTopic(client: RawClient): Promise<void> {
    const number = this.#made++;
    const partitions = 1 + (number % 3);
    const topic = `crash-made-${number}`;
    const { errorCode } = await client.createTopic(topic, { partitions });
    if (errorCode === 0) this.#created.set(topic, partitions);
    const victim = `crash-made-${number - 3}`;
    if (number % 2 === 0 || !this.#created.delete(victim)) return;
    if ((await client.deleteTopic(victim)) === 0) this.#deleted.add(victim);
  }

  async #commitOffsets(client: RawClient): Promise<void> {
    for (const [group, commit] of this.#commits) await this.#commit(client, group, commit);
  }

  async #commit(client: RawClient, groupId: string, commit: Commit): Promise<void> {
    commit.attempted += 1;
    const committedOffset = commit.attempted;
    const partitions = [{ partitionIndex: 0, committedOffset, committedMetadata: "crash" }];
    const topics = [{ name: this.#topic, partitions }];
    const body = { groupId, memberId: "", topics };
    const response = await client.connection.request("OffsetCommit", 8, body);
    if (response.topics[0]?.partitions[0]?.errorCode === 0) commit.acknowledged = committedOffset;
    else await findCoordinator(client, groupId);
  }

  async #checkTopics(client: RawClient): Promise<string[]> {
    const { topics } = await client.connection.request("Metadata", 12, { topics: null });
    const found = new Map(topics.map((topic) => [topic.name, topic.partitions.length]));
    const violations: string[] = [];
    for (const [topic, partitions] of this.#created) {
      const seen = found.get(topic);
      if (seen !== partitions) violations.push(`${topic}: ${seen} of ${partitions} partitions`);
    }
    for (const topic of this.#deleted) {
      if (found.has(topic)) violations.push(`${topic}: deleted, and there again`);
    }
    return violations;
  }

  async #checkOffsets(client: RawClient): Promise<string[]> {
    const violations: string[] = [];
    for (const [groupId, { attempted, acknowledged }] of this.#commits) {
      const offset = await committedOffset(client, groupId, this.#topic);
      if (offset >= acknowledged && offset <= attempted) continue;
      violations.push(`${groupId}: ${offset} is not in ${acknowledged}..${attempted}`);
    }
    return violations;
  }
}

/** Waits out a coordinator that loads. */
async function committedOffset(client: RawClient, groupId: string, name: string): Promise<number> {
  const topics = [{ name, partitionIndexes: [0] }];
  const body = { groups: [{ groupId, topics }], requireStable: false };
  let committed = Number.NaN;
  await waitUntil(`${groupId} is loaded`, async () => {
    const { groups: answers } = await client.connection.request("OffsetFetch", 8, body);
    const answer = answers[0];
    committed = Number(answer?.topics[0]?.partitions[0]?.committedOffset);
    if (answer?.errorCode === 0) return true;
    await findCoordinator(client, groupId);
    return false;
  });
  return committed;
}

/** Apache Kafka makes the offsets topic when it is first asked for a coordinator. */
async function findCoordinator(client: RawClient, group: string): Promise<void> {
  await client.connection.request("FindCoordinator", 4, { keyType: 0, coordinatorKeys: [group] });
  await sleep(50);
}
