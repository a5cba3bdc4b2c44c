import { setImmediate as turn } from "node:timers/promises";
import { SeededRandom } from "../../src/base/seeded-random.ts";
import { defaultNodeSettings, type NodeSettings } from "../../src/base/settings/node-settings.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import type { Broker } from "../../src/broker/broker.ts";
import { BrokerConfigs } from "../../src/broker/configs/broker-configs.ts";
import { groupKey } from "../../src/broker/configs/config-store.ts";
import { Reindexing } from "../../src/broker/copies/reindexing.ts";
import { Snapshots } from "../../src/broker/copies/snapshots.ts";
import { Deadlines } from "../../src/broker/deadlines.ts";
import { askAcknowledged } from "../../src/broker/groups/ask-acknowledged.ts";
import { GroupCoordinator } from "../../src/broker/groups/group-coordinator.ts";
import { LiveGroupTopics } from "../../src/broker/groups/live-group-topics.ts";
import { TopicGroupLog } from "../../src/broker/groups/topic-group-log.ts";
import { offsetsTopic } from "../../src/broker/topics/internal-topics.ts";
import { LogDirectory } from "../../src/broker/partition/directory/log-directory.ts";
import type { Disk } from "../../src/broker/ports/disk.ts";
import { ProducerIds } from "../../src/broker/producer-ids.ts";
import { LogCleaner } from "../../src/broker/compaction/log-cleaner.ts";
import { isHeldFor } from "../../src/broker/retention/acknowledging.ts";
import { RecordState } from "../../src/broker/records/record-state.ts";
import { Retention, type RetentionOptions } from "../../src/broker/retention/retention.ts";
import { Scrubbing } from "../../src/broker/scrub/scrubbing.ts";
import { Topics } from "../../src/broker/topics/topics.ts";
import { compression } from "../../src/codecs/node-compression.ts";
import { crc32c } from "../../src/codecs/native-crc32c.ts";
import { LocalCoordinator } from "../../src/coordination/local/local-coordinator.ts";
import type { JoinAnswer, JoinRequest } from "../../src/groups/classic/classic-events.ts";
import { MemoryDisk } from "../../src/storage/memory-disk.ts";
import { bytes, protocol } from "./group-driver.ts";
import { KeptLog } from "./kept-log.ts";

/** A broker's groups over a memory disk, on virtual time, that can be stopped and started again. */
export class GroupBroker {
  readonly broker: Broker;
  readonly clock: VirtualClock;
  readonly groupLog: TopicGroupLog;
  readonly disk: Disk;
  readonly log: KeptLog;
  readonly #settings: Partial<NodeSettings>;
  readonly #stop: () => Promise<void>;

  private constructor(
    parts: Pick<GroupBroker, "broker" | "clock" | "groupLog" | "disk" | "log">,
    settings: Partial<NodeSettings>,
    stop: () => Promise<void>,
  ) {
    this.broker = parts.broker;
    this.clock = parts.clock;
    this.groupLog = parts.groupLog;
    this.disk = parts.disk;
    this.log = parts.log;
    this.#settings = settings;
    this.#stop = stop;
  }

  static async open(
    given: Partial<NodeSettings> = {},
    clock = new VirtualClock({ settle: () => turn() }),
    disk: Disk = new MemoryDisk({ sizeBytesMax: 64_000_000, clock }),
  ): Promise<GroupBroker> {
    const settings: NodeSettings = { ...defaultNodeSettings, ...given };
    const [random, log, tools] = [new SeededRandom(1), new KeptLog(), { crc32c, compression }];
    const coordinator = await LocalCoordinator.open({ disk, crc32c, log });
    const place = { coordinator, nodeId: 1, settings, given: new Map<string, string>() };
    const configs = await BrokerConfigs.open(place);
    const storage = await LogDirectory.open({ disk, clock, random, log, settings, ...tools });
    const topics = await Topics.open({ coordinator, storage, configs, clock, random, log });
    const deadlines = new Deadlines(clock);
    const groupLog = new TopicGroupLog({ topics, settings, clock, log, tools });
    const kept = { settings, clock, deadlines, random };
    const holdsOffset = (group: string, topic: string): boolean =>
      isHeldFor(topics.find(topic), group);
    const groups = new GroupCoordinator({
      ...kept,
      log: groupLog,
      messages: log,
      holdsOffset,
      groupTopics: new LiveGroupTopics(topics),
      groupConfigs: (group) => configs.store.get(groupKey(group)),
    });
    const identity = { nodeId: 1, clusterId: "cluster", rack: null };
    const asking = { groups, log, cluster: undefined, forwarding: undefined, identity };
    const acknowledged: RetentionOptions["acknowledged"] = (asked) =>
      askAcknowledged(asking, asked);
    const retention = new Retention({ topics, configs, settings, clock, log, acknowledged });
    const cleaner = new LogCleaner({ topics, settings, clock, log });
    topics.onDeleted(({ name }) => void groups.forgetTopic(name, name === offsetsTopic));
    groups.start();
    const producerIds = new ProducerIds(coordinator);
    const logs = { disk, clock, random, log, settings, ...tools };
    const reindexing = new Reindexing(topics, storage);
    const scrubbing = new Scrubbing({ topics, partitions: storage, settings, clock });
    const snapshots = new Snapshots({
      ...logs,
      coordinator,
      configs,
      topics,
      meta: storage.meta,
      partitions: storage,
    });
    const records = new RecordState(disk);
    const own = { configs, topics, retention, cleaner, groups, producerIds, identity, log };
    const copies = { snapshots, reindexing, scrubbing };
    const broker: Broker = { ...kept, ...own, storage: storage.health, ...copies, records };
    return new GroupBroker({ broker, clock, groupLog, disk, log }, given, async () => {
      await groups.close();
      await topics.close();
      deadlines.close();
      await storage.close();
      await coordinator.close();
    });
  }

  get groups(): GroupCoordinator {
    return this.broker.groups;
  }

  createTopic(name: string, partitions = 1, own: Readonly<Record<string, string>> = {}) {
    const configs = new Map(Object.entries(own));
    return this.broker.topics.create({ name, partitions, replicas: -1, configs });
  }

  stop(): Promise<void> {
    return this.#stop();
  }

  /** The same disk and time in a new process, which has loaded its groups. */
  async restart(): Promise<GroupBroker> {
    await this.stop();
    return await this.reopen();
  }

  /** As after a crash: nothing was closed. */
  async reopen(): Promise<GroupBroker> {
    const next = await GroupBroker.open(this.#settings, this.clock, this.disk);
    await next.groups.loading().done;
    return next;
  }

  join(group: string, request: Partial<JoinRequest> = {}): Promise<JoinAnswer> {
    return this.groups.join(group, { ...plainJoin, ...request });
  }

  /** A stable group of one member, whose assignment is "mine". */
  async stabilize(group: string, request: Partial<JoinRequest> = {}): Promise<string> {
    const { memberId, generation } = await this.join(group, request);
    const assignments = [{ memberId, assignment: bytes("mine") }];
    const names = { instanceId: null, protocolType: null, protocolName: null };
    await this.groups.sync(group, { memberId, generation, assignments, ...names });
    return memberId;
  }

  /** Commits for nobody in particular. Answers the first error. */
  async commit(group: string, topic: string, offset: number, more: CommitDetails = {}) {
    const { committer = nobody, partition = 0, ...rest } = more;
    const plain = { leaderEpoch: -1, metadata: "", retentionMs: null, topicId: null };
    const offsets = [{ topic, partition, offset, ...plain, ...rest }];
    const unknownGroup = "ILLEGAL_GENERATION" as const;
    const result = await this.groups.commitOffsets(group, { committer, offsets, unknownGroup });
    return result.error ?? result.errors[0] ?? null;
  }

  /** Durable offsets as `topic-partition@offset`. */
  offsets(group: string): string[] {
    const { offsets } = this.groups.fetchOffsets(group, null);
    return offsets.map((one) => `${one.topic}-${one.partition}@${one.offset}`).toSorted();
  }

  groupNames(): string[] {
    return this.groups
      .list()
      .groups.map(({ group }) => group)
      .toSorted();
  }

  /** Moves time, and lets what that sets off come to its end. */
  async advance(duration: number | string): Promise<void> {
    await this.clock.advance(duration);
    await this.settle();
  }

  /** Lets everything that needs no time to pass come to its end. */
  async settle(): Promise<void> {
    for (let count = 0; count < 20; count++) await turn();
  }
}

export interface CommitDetails {
  readonly committer?: { memberId: string; instanceId: string | null; generation: number };
  readonly partition?: number;
  readonly metadata?: string;
  readonly retentionMs?: number;
  readonly topicId?: Uint8Array;
  readonly leaderEpoch?: number;
}

const nobody = { memberId: "", instanceId: null, generation: -1 };

const plainJoin = {
  clientId: "client",
  clientHost: "/127.0.0.1",
  memberId: "",
  instanceId: null,
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 60_000,
  protocolType: "consumer",
  protocols: [protocol("range")],
  requiresKnownMemberId: false,
  supportsSkippingAssignment: true,
};
