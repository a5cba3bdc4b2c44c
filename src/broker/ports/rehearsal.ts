import type { XylemError } from "../../base/errors.ts";
import type { GroupLog } from "../groups/group-log.ts";
import type { Appended } from "../partition/partition-log.ts";
import type { Disk } from "./disk.ts";

/** One request of a Kafka client, in the hands of a rehearsal. */
export interface RehearsedRequest {
  /** Kafka's name of the API. */
  readonly api: string;
  readonly apiVersion: number;
  readonly clientId: string;
  /** Tells connections of one client apart. */
  readonly remotePort: number;
  /** As `protocol/messages` reads it; not to be changed. */
  readonly body: unknown;
  /** Serves a body of the same API as usual: its answer, undefined where none is owed. */
  serve(body: unknown): unknown;
  /** What the API answers when a request fails as a whole. */
  refuse(body: unknown, error: XylemError): unknown;
  /** No later request of this connection starts before `until` has settled. */
  hold(until: Promise<unknown>): void;
  /** Ends the connection at once. */
  disconnect(): void;
}

/** One HTTP request, a call of gRPC included, in the hands of a rehearsal. */
export interface RehearsedCall {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Serves it as usual. */
  serve(): void;
  /** Does what it asks for; its connection ends instead of the answer. */
  serveUnanswered(): void;
  /** Answers the error as the door answers any. */
  refuse(error: XylemError): void;
  /** Ends the connection, or the stream of HTTP/2, at once. */
  disconnect(): void;
  /** Calls once, with the status, when all of an answer has been given to the system. */
  onAnswered(listener: (status: number) => void): void;
}

/**
 * A test's part in a broker (`xylem/testing`): it sees what happens and breaks what it is told to.
 * Absent everywhere else, where it costs one look at a field per request.
 */
export interface Rehearsal {
  /** Answers a request of a Kafka client, mostly by `serve`: what that answers or throws. */
  answer(request: RehearsedRequest): unknown;
  /** Has an HTTP request answered that the guard let through, mostly by `serve`. */
  answerCall(call: RehearsedCall): void;
  /** A batch that some door brought has its offsets. */
  appended(topic: string, partition: number, batch: Appended): void;
  /** The disk that the broker is to work on, in front of the real one. */
  disk(real: Disk): Disk;
  /** The log of groups' records, in front of the real one. */
  groupLog(real: GroupLog): GroupLog;
}
