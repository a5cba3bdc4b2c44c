import {
  defaultTopicSettings,
  type TopicSettings,
} from "../../src/base/settings/topic-settings.ts";
import { defaultNodeSettings } from "../../src/base/settings/node-settings.ts";
import { silentLog } from "../../src/base/log.ts";
import type { LazyPartition } from "../../src/broker/partition/lazy/lazy-partition.ts";
import { LazyStorage } from "../../src/broker/partition/lazy/lazy-storage.ts";
import type { Disk } from "../../src/broker/ports/disk.ts";
import { type LogWorld, openWorld, topicId, type WorldOptions } from "./log-directory.ts";

/** A log world whose partitions are opened at first use. */
export interface LazyWorld extends Omit<LogWorld, "open" | "openReplica"> {
  readonly storage: LazyStorage;
  readonly find: (topic?: string, settings?: Partial<TopicSettings>) => Promise<LazyPartition>;
}

export async function openLazyWorld(disk: Disk, options: WorldOptions = {}): Promise<LazyWorld> {
  const { directory, clock } = await openWorld(disk, options);
  const settings = { ...defaultNodeSettings, ...options.settings };
  const log = options.log ?? silentLog;
  const storage = new LazyStorage({ directory, settings, clock, log });
  return {
    directory,
    clock,
    storage,
    find: async (topic = "orders", topicSettings = {}) => {
      const key = { name: topic, id: topicId, isDense: true };
      const all = { ...defaultTopicSettings, ...topicSettings };
      return await storage.openPartition(key, 0, all);
    },
  };
}
