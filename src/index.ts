/** A durable, Kafka-compatible event log inside this process. */
export {
  type BucketConfigs,
  Xylem,
  type ForkAt,
  type TopicOptions,
  type XylemOptions,
} from "./node/embedded/xylem.ts";
export type { BucketDescription } from "./broker/buckets/change-bucket.ts";
export type { EvictScope } from "./broker/retention/evict-topics.ts";
export type { EvictionReport } from "./broker/retention/eviction.ts";
export type { Finding, VerifyTotals } from "./broker/scrub/finding.ts";
export type { ScrubReport } from "./broker/scrub/scrubbing.ts";
export type { GuestRoutes } from "./servers/http/guest-routes.ts";
export type { AppendOptions, Topic } from "./node/embedded/topic.ts";
export type { ReadOptions } from "./node/embedded/read-topic.ts";
export type { Appended, Content, NewRecord, ReadRecord } from "./node/embedded/record-content.ts";
export { StartError } from "./node/start-steps.ts";
export { XylemError, type ErrorCode } from "./base/errors.ts";
export type { Clock } from "./base/clock.ts";
export type { Log, LogFields } from "./base/log.ts";
export type { Random } from "./base/random.ts";
