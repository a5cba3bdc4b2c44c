import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import type { XylemError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { MergedSettings } from "../base/settings/merge-settings.ts";
import type { NodeSettings } from "../base/settings/node-settings.ts";
import type { Broker, NodeIdentity } from "../broker/broker.ts";
import { BrokerConfigs } from "../broker/configs/broker-configs.ts";
import { Reindexing } from "../broker/copies/reindexing.ts";
import { Snapshots } from "../broker/copies/snapshots.ts";
import { Deadlines } from "../broker/deadlines.ts";
import { LazyStorage } from "../broker/partition/lazy/lazy-storage.ts";
import { LogCleaner } from "../broker/compaction/log-cleaner.ts";
import { returnStrays } from "../broker/kafka-directory/return-strays.ts";
import { LogDirectory } from "../broker/partition/directory/log-directory.ts";
import { askAcknowledged } from "../broker/groups/ask-acknowledged.ts";
import type { GroupCoordinator } from "../broker/groups/group-coordinator.ts";
import { greetNodes } from "../broker/cluster/greet-nodes.ts";
import { checkAlone } from "../broker/cluster/membership/cluster-note.ts";
import type { Cluster } from "../broker/cluster/cluster.ts";
import type { ShortTurns } from "../broker/cluster/replicas/short-turns.ts";
import { RoomNews } from "../broker/cluster/membership/room-news.ts";
import type { Lineages, NodeEntry } from "../broker/cluster/membership/node-entry.ts";
import type { Compactor } from "../broker/ports/compactor.ts";
import type { Forwarding } from "../broker/forwarding/forwarding.ts";
import type { Coordinator } from "../broker/ports/coordinator.ts";
import type { Disk } from "../broker/ports/disk.ts";
import { offsetsTopic } from "../broker/topics/internal-topics.ts";
import type { Rehearsal } from "../broker/ports/rehearsal.ts";
import { ProducerIds } from "../broker/producer-ids.ts";
import { RecordState } from "../broker/records/record-state.ts";
import { Retention, type RetentionOptions } from "../broker/retention/retention.ts";
import { BackgroundScrub } from "../broker/scrub/background-scrub.ts";
import { Scrubbing } from "../broker/scrub/scrubbing.ts";
import type { Topics } from "../broker/topics/topics.ts";
import { compression } from "../codecs/node-compression.ts";
import { crc32c } from "../codecs/native-crc32c.ts";
import { LocalCoordinator } from "../coordination/local/local-coordinator.ts";
import type { BatchTools } from "../protocol/build-batch.ts";
import { MemoryDisk } from "../storage/memory-disk.ts";
import type { ControlCalls } from "./control/control-calls.ts";
import { checkNodeId } from "./find-node-id.ts";
import { LazyPart } from "./lazy-part.ts";
import { openGroups } from "./open-groups.ts";
import type { OpenPeers, PeerNetwork } from "./open-peers.ts";
import { openTopics } from "./open-topics.ts";
import type { StartSteps } from "./start-steps.ts";

export interface BrokerParts extends MergedSettings {
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  /** Taken in place of what the settings say; its owner keeps other processes off it. */
  readonly disk?: Disk;
  /** Taken in place of `batchTools` for what is in logs. */
  readonly tools?: BatchTools;
  readonly rehearsal?: Rehearsal | undefined;
  /** Taken in place of what the setting names; its owner closes it. */
  readonly coordinator?: Coordinator | undefined;
  /** As of `openPeers`. */
  readonly network?: PeerNetwork | undefined;
  /** Another one after each start of the machine, in place of what this one says. */
  readonly bootId?: string | undefined;
  /** In a cluster: in which replicas follow their chains, in place of the event loop's. */
  readonly shortTurns?: ShortTurns | undefined;
  readonly onStopRequested?: () => void;
}

/** A broker, and what a door that serves groups calls before it opens. */
export interface OpenBroker {
  readonly broker: Broker;
  readonly loadGroups: () => Promise<void>;
  /** In a cluster: the other nodes learn that this one is up, and where it is reached. */
  readonly announce: (addresses: NodeEntry["addresses"]) => Promise<void>;
  /** In a cluster: the other nodes take over, as far as they can; before the doors are closed. */
  readonly handOver: () => Promise<void>;
  /** The links between nodes of a cluster. */
  readonly peers?: OpenPeers | undefined;
}

type WithoutAnnouncing = Omit<OpenBroker, "announce" | "handOver" | "peers">;
type WithoutGroups = Omit<Broker, "groups" | "retention">;

/** What batches are built and read with in this process. */
export const batchTools: BatchTools = { crc32c, compression };

/** The step that fails when another process has the data directory. */
export const lockStep = "lock the data directory";

/** Opens everything below the doors, a step at a time. */
export async function openBroker(steps: StartSteps, parts: BrokerParts): Promise<OpenBroker> {
  const { clock, random, log, rehearsal } = parts;
  const { disk, control, ...more } = await openDisk(steps, parts);
  const { coordinator, cluster, peers } = await openState(steps, disk, parts);
  const configs = await openConfigs(steps, parts, { coordinator, cluster });
  const { settings } = configs;
  const logs = { disk, clock, random, log, settings, ...(parts.tools ?? batchTools) };
  if (cluster === undefined) {
    const parts = { disk, coordinator, log };
    await steps.run("take back what Kafka put aside", () => returnStrays(parts));
  }
  const directory = await steps.run(
    "open the log directory",
    () => LogDirectory.open({ ...logs, ...more }),
    (opened) => opened.close(),
  );
  const storage = await steps.run(
    "open the partitions' storage",
    () => new LazyStorage({ directory, settings, clock, log }),
    (opened) => opened.close(),
  );
  const deadlines = await steps.run(
    "arm the deadlines",
    () => new Deadlines(clock),
    (armed) => armed.close(),
  );
  const { bootId, shortTurns } = parts;
  const state = { coordinator, configs, cluster, links: peers?.links, bootId, shortTurns };
  const opening = { ...logs, ...state, storage, directory };
  const { topics, lineages, ...inCluster } = await openTopics(steps, opening);
  await steps.run("note which files are gone", () => directory.forgetMissing());
  const records = await steps.run(
    "keep what records need",
    () => new RecordState(disk),
    (kept) => kept.close(),
  );
  const cleaner = await steps.run(
    "begin to look for what is to be compacted",
    () => new LogCleaner({ topics, settings, clock, log }),
    (begun) => begun.close(),
  );
  cleaner.start();
  const partitions = storage.background;
  const scrubbing = await openScrubbing(steps, { topics, partitions, settings, clock, log });
  const { meta } = directory;
  const copied = { ...logs, coordinator, configs, topics, meta, partitions: storage };
  const producerIds = new ProducerIds(coordinator);
  if (cluster !== undefined) await producerIds.follow(cluster.feed, producersOf(topics));
  const useCases = {
    topics,
    cleaner,
    storage: directory.health,
    snapshots: new Snapshots(copied),
    reindexing: new Reindexing(topics, storage),
    scrubbing,
    producerIds,
    deadlines,
    records,
    cluster,
    ...inCluster,
    forwarding: peers && (await openForwarding(peers, settings)),
  };
  const identity = identityOf(directory, settings);
  const own = { identity, settings, configs, clock, random, log, rehearsal };
  const opened = await addGroups(steps, { ...own, ...useCases });
  directory.health.onFull(() => void opened.broker.retention.evictAll());
  if (cluster !== undefined) await tellOfRoom(steps, { ...parts, cluster, directory });
  if (control !== undefined) await takeCommands(steps, control, opened.broker);
  return { ...opened, ...presenceOf(opened.broker, lineages, peers), peers };
}

async function tellOfRoom(
  steps: StartSteps,
  parts: BrokerParts & { readonly cluster: Cluster; readonly directory: LogDirectory },
): Promise<void> {
  const { health } = parts.directory;
  const { membership } = parts.cluster;
  await steps.run(
    "watch for room",
    () => new RoomNews({ ...parts, health, membership }),
    (news) => news.close(),
  );
}

async function openScrubbing(
  steps: StartSteps,
  parts: ConstructorParameters<typeof Scrubbing>[0] & { readonly log: Log },
): Promise<Scrubbing> {
  const scrubbing = new Scrubbing(parts);
  await steps.run(
    "begin to look for rot",
    () => new BackgroundScrub({ ...parts, scrubbing }),
    (begun) => begun.close(),
  );
  return scrubbing;
}

/** The ids of all producers that this node's replicas know of. */
function* producersOf(topics: Topics): Generator<number> {
  for (const { partitions } of topics.list()) {
    for (const partition of partitions) {
      for (const { producerId } of partition.findReplica?.()?.producers() ?? []) yield producerId;
    }
  }
}

/** How a node comes into its cluster, and how it goes. */
function presenceOf(
  { cluster, topics, clock, log, settings }: Broker,
  lineages: Lineages | undefined,
  peers: OpenPeers | undefined,
): Pick<OpenBroker, "announce" | "handOver"> {
  return {
    announce: async (addresses) => {
      if (cluster === undefined || lineages === undefined) return;
      await cluster.announce(lineages, addresses);
      if (peers !== undefined) greetNodes(cluster, peers.links);
    },
    handOver: async () => {
      if (cluster === undefined) return;
      const { handOver } = await import("../broker/cluster/membership/hand-over.ts");
      await handOver({ cluster, topics, clock, log, timeoutMs: settings["cluster.drain.ms"] });
    },
  };
}

/** Loaded here: a node by itself needs none of it. */
async function openForwarding({ links }: OpenPeers, settings: NodeSettings): Promise<Forwarding> {
  const { Forwarding } = await import("../broker/forwarding/forwarding.ts");
  return new Forwarding(links, settings["peer.calls.max"]);
}

function takeCommands(steps: StartSteps, control: ControlCalls, broker: Broker): Promise<unknown> {
  return steps.run(
    "take commands",
    () => control.open(broker),
    () => control.close(),
  );
}

function identityOf({ meta }: LogDirectory, settings: NodeSettings): NodeIdentity {
  const rack = settings["broker.rack"] === "" ? null : settings["broker.rack"];
  return { nodeId: meta.nodeId, clusterId: meta.clusterId, rack };
}

/**
 * The coordinator of groups is loaded with the first door that serves them, unless there are groups
 * already: they want their members' sessions watched and their offsets expired.
 */
async function addGroups(steps: StartSteps, parts: WithoutGroups): Promise<WithoutAnnouncing> {
  const part = await steps.run(
    "open the group coordinator",
    async () => {
      // Who loads it is told: a step of the start, or a door.
      const lazy = new LazyPart(
        () => openGroups(parts, batchTools),
        () => {},
      );
      if (parts.topics.list().some(({ isInternal }) => isInternal)) await lazy.open();
      return lazy;
    },
    (lazy) => lazy.close((groups) => groups.close()),
  );
  const retention = await openRetention(steps, parts, () => part.server);
  const broker = {
    ...parts,
    retention,
    get groups() {
      assert(part.server !== undefined, "groups were asked for before their coordinator opened");
      return part.server;
    },
  };
  const loadGroups = async (): Promise<void> => void (await part.open());
  // Another node made it: this one may coordinate groups at any moment.
  parts.topics.onGrown(({ name }) => {
    if (name !== offsetsTopic) return;
    const failed = (error: Error): void =>
      parts.log.error("groups could not be opened", { why: error.message });
    part.open().then((groups) => groups.takeUp(), failed);
  });
  const { forwarding } = parts;
  await steps.run(
    "take what other nodes are asked",
    () => forwarding?.serve({ broker, tools: batchTools }, loadGroups),
    () => forwarding?.stop(),
  );
  return { broker, loadGroups };
}

/** Records may wait for groups to pass them: without their coordinator there are no groups. */
async function openRetention(
  steps: StartSteps,
  parts: WithoutGroups,
  groups: () => GroupCoordinator | undefined,
): Promise<Retention> {
  const acknowledged: RetentionOptions["acknowledged"] = async (topics) => {
    const coordinator = groups();
    return coordinator && (await askAcknowledged({ ...parts, groups: coordinator }, topics));
  };
  const retention = await steps.run(
    "begin to look for what retention removes",
    () => new Retention({ ...parts, acknowledged }),
    (begun) => begun.close(),
  );
  retention.start();
  return retention;
}

interface DiskParts {
  readonly disk: Disk;
  readonly control?: ControlCalls;
  readonly compactor?: Compactor;
}

async function openDisk(steps: StartSteps, parts: BrokerParts): Promise<DiskParts> {
  const real = await openRealDisk(steps, parts);
  const disk = parts.rehearsal?.disk(real.disk);
  return disk === undefined ? real : { ...real, disk };
}

/** A data directory is locked; by its lock's socket other processes send commands. */
async function openRealDisk(steps: StartSteps, parts: BrokerParts): Promise<DiskParts> {
  const { settings, clock, random, log } = parts;
  if (parts.disk !== undefined) return { disk: parts.disk };
  if (settings.memory) {
    return { disk: new MemoryDisk({ sizeBytesMax: settings["memory.store.max.bytes"], clock }) };
  }
  // Loaded here: a broker in memory needs none of them.
  const { FilesDisk, makeRoot } = await import("../storage/files-disk.ts");
  const { ReservedDisk } = await import("../storage/reserved-disk.ts");
  const { lockDirectory } = await import("../storage/directory-lock.ts");
  const { WorkerCompactor } = await import("./compaction/worker-compactor.ts");
  const { ControlCalls } = await import("./control/control-calls.ts");
  const onStop = (): void => parts.onStopRequested?.();
  const control = new ControlCalls(log);
  await steps.run("make the data directory", () => makeRoot(settings.data));
  await steps.run(
    lockStep,
    () => lockDirectory(settings.data, { onStop, onCall: (call) => control.take(call) }),
    (lock) => lock.release(),
  );
  const compactor = new WorkerCompactor(settings.data, clock);
  const reserveBytes = settings["log.disk.reserve.bytes"];
  const files = new FilesDisk(settings.data);
  const disk = await ReservedDisk.open(files, { reserveBytes, random, log });
  return { disk, control, compactor };
}

interface State {
  readonly coordinator: Coordinator;
  readonly cluster: Cluster | undefined;
  readonly peers?: OpenPeers;
}

/** Where topics and configs are kept: in this directory, or with a cluster's coordinator. */
async function openState(steps: StartSteps, disk: Disk, parts: BrokerParts): Promise<State> {
  const { log, settings } = parts;
  const onReplaced = ({ message }: XylemError): void => {
    log.error("this node has no place in its cluster any more: it stops", { why: message });
    parts.onStopRequested?.();
  };
  const of = { ...parts, disk, onReplaced };
  const shared = parts.coordinator ?? settings.coordinator;
  if (shared === "") {
    checkNodeId(settings["node.id"]);
    const coordinator = await steps.run(
      "open the coordinator",
      async () => {
        await checkAlone(disk);
        return await LocalCoordinator.open({ disk, crc32c, log });
      },
      (opened) => opened.close(),
    );
    return { coordinator, cluster: undefined };
  }
  // Loaded here: a node by itself needs none of it.
  const { openCluster, openCoordinator } = await import("./open-cluster.ts");
  const coordinator = await openCoordinator(steps, of, parts.coordinator);
  return { coordinator, ...(await openCluster(steps, coordinator, of)) };
}

function openConfigs(
  steps: StartSteps,
  { settings, given }: BrokerParts,
  { coordinator, cluster }: State,
): Promise<BrokerConfigs> {
  const nodeId = cluster?.nodeId ?? settings["node.id"];
  const own = { nodeId, settings: { ...settings, "node.id": nodeId }, given };
  return steps.run("read the dynamic settings", () =>
    BrokerConfigs.open({ coordinator, ...own, feed: cluster?.feed }),
  );
}
