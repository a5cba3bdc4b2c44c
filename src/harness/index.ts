/** `xylem/testing`: brokers for tests, whose time, failures and story the test owns. */
export { VirtualClock, type ClockOptions } from "./settled-clock.ts";
export { TestBroker, type TestBrokerOptions } from "./test-broker.ts";
export type { DiskEffect, DiskFault, Faults } from "./faults/faults.ts";
export type { HttpEffect, HttpFault, HttpWhere } from "./faults/http-faults.ts";
export type { Fault, FaultEffect, FaultWhere } from "./faults/fault.ts";
export type { EventTrace, Match } from "./trace/event-trace.ts";
export type {
  AnswerEvent,
  AppendEvent,
  CallEvent,
  CommitEvent,
  FaultEvent,
  GroupEvent,
  ReplyEvent,
  RequestEvent,
  TraceEvent,
} from "./trace/trace-event.ts";
export { SeededRandom } from "../base/seeded-random.ts";
export { KafkaContainer, StartedKafkaContainer } from "./fixtures/kafka-container.ts";
