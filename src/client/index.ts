/** `xylem/client`: a node over HTTP, in Node and in browsers. */
export type * from "./answers.ts";
export type * from "./plan-answers.ts";
export type { CommitPlan, NodeChange } from "./plan-calls.ts";
export type { ConsumeOptions, RecordHandler } from "./consume-group.ts";
export type { GroupAck, GroupFetch, WantedPosition } from "./group-calls.ts";
export {
  type SubscribeOptions,
  Subscription,
  type SubscriptionEvent,
} from "./live/live-subscription.ts";
export type { ResolveSrv, SrvRecord } from "./node-address.ts";
export type {
  AppendOptions,
  JsonPatch,
  LatestValue,
  PatchOptions,
  ReadManyOptions,
  ReadOptions,
  StoredValue,
} from "./record-calls.ts";
export type { ClientRecord, HeaderValue, NewRecord, RecordHeaders } from "./record-json.ts";
export type { From, RecordFilter, TopicWish } from "./where.ts";
export { type ClientOptions, type RecordsOptions, XylemClient } from "./xylem-client.ts";
export { XylemClientError } from "./xylem-client-error.ts";
