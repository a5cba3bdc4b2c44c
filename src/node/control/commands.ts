import {
  configureBucketCommand,
  createBucketCommand,
  listBucketsCommand,
} from "./bucket-commands.ts";
import { finalizeClusterCommand } from "./cluster-commands.ts";
import type { Command } from "./command.ts";
import { evictTopicsCommand } from "./evict-topics-command.ts";
import { forkTopicCommand } from "./fork-topic-command.ts";
import { reindexTopicCommand } from "./reindex-topic-command.ts";
import { snapshotCommand } from "./snapshot-command.ts";
import { verifyCommand } from "./verify-command.ts";

/** What a running node does for other processes of its user on its machine, by name. */
export const commands: Readonly<Record<string, Command>> = {
  snapshot: snapshotCommand,
  verify: verifyCommand,
  "bucket.configure": configureBucketCommand,
  "bucket.create": createBucketCommand,
  "bucket.list": listBucketsCommand,
  "cluster.finalize": finalizeClusterCommand,
  "topic.evict": evictTopicsCommand,
  "topic.fork": forkTopicCommand,
  "topic.reindex": reindexTopicCommand,
};
