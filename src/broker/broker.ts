import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { NodeSettings } from "../base/settings/node-settings.ts";
import type { ChainControl } from "./cluster/assignment/chain-control.ts";
import type { Cluster } from "./cluster/cluster.ts";
import type { ClusterAdministration } from "./cluster/plans/cluster-administration.ts";
import type { LogCleaner } from "./compaction/log-cleaner.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Forwarding } from "./forwarding/forwarding.ts";
import type { Reindexing } from "./copies/reindexing.ts";
import type { Snapshots } from "./copies/snapshots.ts";
import type { BrokerConfigs } from "./configs/broker-configs.ts";
import type { GroupCoordinator } from "./groups/group-coordinator.ts";
import type { StorageHealth } from "./ports/partition-storage.ts";
import type { Rehearsal } from "./ports/rehearsal.ts";
import type { ProducerIds } from "./producer-ids.ts";
import type { RecordState } from "./records/record-state.ts";
import type { Retention } from "./retention/retention.ts";
import type { Scrubbing } from "./scrub/scrubbing.ts";
import type { Topics } from "./topics/topics.ts";

/** This node as clients are told of it. */
export interface NodeIdentity {
  readonly nodeId: number;
  /** 22 characters, kept in meta.properties. */
  readonly clusterId: string;
  readonly rack: string | null;
}

/** What the use cases work on. node/ composes it; doors pass it to use cases. */
export interface Broker {
  readonly identity: NodeIdentity;
  /** Live: `configs.settings`. Dynamic changes show in this same object. */
  readonly settings: NodeSettings;
  readonly configs: BrokerConfigs;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Time limits of waiting produces and fetches: `new Deadlines(clock)`, closed with the node. */
  readonly deadlines: Deadlines;
  readonly topics: Topics;
  readonly retention: Retention;
  readonly cleaner: LogCleaner;
  readonly storage: StorageHealth;
  readonly snapshots: Snapshots;
  readonly reindexing: Reindexing;
  readonly scrubbing: Scrubbing;
  readonly groups: GroupCoordinator;
  readonly producerIds: ProducerIds;
  readonly records: RecordState;
  /** Undefined on a node by itself. */
  readonly cluster?: Cluster | undefined;
  /** Undefined on a node by itself. */
  readonly chainControl?: ChainControl | undefined;
  /** What people ask of a cluster; undefined on a node by itself. */
  readonly administration?: ClusterAdministration | undefined;
  /** Undefined where no other node can be asked. */
  readonly forwarding?: Forwarding | undefined;
  /** Undefined but in a test. */
  readonly rehearsal?: Rehearsal | undefined;
}
