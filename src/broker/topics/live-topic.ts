import type { TopicSettings } from "../../base/settings/topic-settings.ts";
import type { Uuid } from "../../base/uuid.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import type { TopicKey } from "../ports/partition-storage.ts";
import { isInternalTopic } from "./internal-topics.ts";
import type { TopicEntry } from "./topic-entry.ts";

/** One topic of this node's image. What changes while it lives is read through it, never copied. */
export interface Topic {
  readonly name: string;
  readonly id: Uuid;
  readonly isInternal: boolean;
  /** Live: after a change of configs this is another object. */
  readonly settings: TopicSettings;
  /** The topic's own values, in their plain text form. */
  readonly configs: ReadonlyMap<string, string>;
  /** The coordinator's entry says that it has no gaps: until it is changed none may be made. */
  readonly isStoredDense: boolean;
  /** How many partitions that says it has: fewer than are here when it was restored. */
  readonly storedCount: number;
  /** By index, without gaps. */
  readonly partitions: readonly PartitionLog[];
}

/** A topic's own configs after a change; undefined: there is none. */
export type ConfigsChange = (
  current: ReadonlyMap<string, string>,
) => ReadonlyMap<string, string> | undefined;

/** The changeable side of a topic, for `Topics` alone. */
export class LiveTopic implements Topic {
  readonly name: string;
  readonly id: Uuid;
  readonly isInternal: boolean;
  /** As of TopicKey. */
  isDense: boolean;
  /** What the coordinator's entry says of it. */
  isStoredDense: boolean;
  storedCount: number;
  /** The coordinator's revision of the entry. */
  revision: number;
  settings: TopicSettings;
  configs: ReadonlyMap<string, string>;
  partitions: readonly PartitionLog[] = [];

  constructor(
    key: Required<TopicKey> & { readonly revision: number; readonly storedCount: number },
    configs: ReadonlyMap<string, string>,
    settings: TopicSettings,
  ) {
    this.name = key.name;
    this.id = key.id;
    this.revision = key.revision;
    this.isInternal = isInternalTopic(key.name);
    this.configs = configs;
    this.settings = settings;
    this.isStoredDense = key.isDense;
    this.storedCount = key.storedCount;
    this.isDense = key.isDense && !compacts(settings);
  }

  /** This is what the coordinator has. */
  stored(entry: TopicEntry, revision: number): void {
    this.revision = revision;
    this.isStoredDense = entry.isDense;
    this.storedCount = entry.partitions;
  }

  /** What another node made of it, but for its settings and partitions. */
  take(entry: TopicEntry, revision: number): void {
    this.stored(entry, revision);
    this.configs = entry.configs;
    if (!entry.isDense) this.#allowGaps();
  }

  configure(settings: TopicSettings): void {
    if (settings === this.settings) return;
    this.settings = settings;
    for (const partition of this.partitions) partition.configure(settings);
    if (compacts(settings)) this.#allowGaps();
  }

  /** Also where no setting tells: it was compacted once, as others know, and is so no more. */
  #allowGaps(): void {
    if (!this.isDense) return;
    this.isDense = false;
    for (const partition of this.partitions) partition.compaction?.allowGaps();
  }
}

/** Its offsets may get gaps from now on. */
export function compacts(settings: TopicSettings): boolean {
  return settings["cleanup.policy"].includes("compact");
}
