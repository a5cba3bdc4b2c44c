import type { Clock } from "../../base/clock.ts";
import type { Crc32c } from "../../base/crc32c.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { NodeSettings } from "../../base/settings/node-settings.ts";
import type { Compression } from "../../protocol/compression.ts";
import type { Compactor } from "../ports/compactor.ts";
import type { Disk } from "../ports/disk.ts";
import type { AppendBacklog } from "./append/append-backlog.ts";
import type { AppendRoom } from "./append/append-room.ts";
import type { DamageLog } from "./segment/damage-log.ts";
import type { FlushScheduler } from "./append/flush-scheduler.ts";
import type { IndexCache } from "./segment/index-cache.ts";
import type { OpenFiles } from "./segment/open-files.ts";
import type { ReadBuffers } from "./read/read-buffers.ts";
import type { ReadsAhead } from "./read/reads-ahead.ts";
import type { TailCache } from "./read/tail-cache.ts";

/** How far each partition, by its folder's name, is compacted. */
export interface CleanedOffsets {
  /** 0 for one that never was. */
  find(folder: string): number;
  /** Durable when it resolves. */
  store(folder: string, offset: number): Promise<void>;
}

/** What the partitions of one data directory share. */
export interface PartitionContext {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly crc32c: Crc32c;
  readonly compression: Compression;
  readonly settings: NodeSettings;
  readonly openFiles: OpenFiles;
  readonly backlog: AppendBacklog;
  readonly indexes: IndexCache;
  readonly tails: TailCache;
  readonly buffers: ReadBuffers;
  readonly readsAhead: ReadsAhead;
  readonly flushes: FlushScheduler;
  readonly room: AppendRoom;
  readonly damages: DamageLog;
  readonly compactor: Compactor;
  readonly cleanedOffsets: CleanedOffsets;
  /** A segment was rolled: a checkpoint of the partition, by its folder's name, is due. */
  readonly checkpointSoon: (folder: string) => void;
  /** Makes the log start of a partition, by its folder's name, durable; calls share writes. */
  readonly storeLogStart: (folder: string) => Promise<void>;
  /** Makes what the checkpoints say of a partition, by its folder's name, durable. */
  readonly storeOffsets: (folder: string) => Promise<void>;
  /** Runs `work` later, unless the directory is closed first; its failure is logged. */
  readonly schedule: (delayMs: number, work: () => Promise<void>) => void;
}
