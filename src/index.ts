/** A durable, Kafka-compatible event log inside this process. */
export { Xylem, type ForkAt, type TopicOptions, type XylemOptions } from "./node/embedded/xylem.ts";
export type { Topic } from "./node/embedded/topic.ts";
export type { ReadOptions } from "./node/embedded/read-topic.ts";
export type { Appended, Content, NewRecord, ReadRecord } from "./node/embedded/record-content.ts";
export { StartError } from "./node/start-steps.ts";
export { XylemError, type ErrorCode } from "./base/errors.ts";
export type { Clock } from "./base/clock.ts";
export type { Log, LogFields } from "./base/log.ts";
export type { Random } from "./base/random.ts";
