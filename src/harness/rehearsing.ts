import { catalogue } from "../base/error-catalogue.ts";
import { type ErrorCode, XylemError } from "../base/errors.ts";
import type { GroupLog } from "../broker/groups/group-log.ts";
import type { Appended } from "../broker/partition/partition-log.ts";
import type { Disk } from "../broker/ports/disk.ts";
import type { RehearsedCall, RehearsedRequest, Rehearsal } from "../broker/ports/rehearsal.ts";
import type { ApiName } from "../protocol/api-table.ts";
import type { Asked } from "./faults/fault.ts";
import type { Faults } from "./faults/faults.ts";
import { FaultyDisk } from "./faults/faulty-disk.ts";
import { placesOf, type TopicNames } from "./faults/request-places.ts";
import type { EventTrace } from "./trace/event-trace.ts";
import { WatchedGroupLog } from "./trace/watched-group-log.ts";

const codeByNumber = new Map<number, ErrorCode>();
for (const [code, { kafka }] of Object.entries(catalogue)) {
  // Several share a number on the wire: Kafka's own comes first.
  if (!codeByNumber.has(kafka)) codeByNumber.set(kafka, code as ErrorCode);
}

/** Tells a trace what a broker does, and has faults strike it. */
export class Rehearsing implements Rehearsal {
  readonly #trace: EventTrace;
  readonly #faults: Faults;
  readonly #fetchWaitMsMax: number;
  #names: TopicNames = () => undefined;
  #realDisk: Disk | undefined;

  constructor(trace: EventTrace, faults: Faults, fetchWaitMsMax: number) {
    this.#trace = trace;
    this.#faults = faults;
    this.#fetchWaitMsMax = fetchWaitMsMax;
  }

  /** How topic ids are turned into names, once there is a broker that knows. */
  bind(names: TopicNames): void {
    this.#names = names;
    this.#faults.bind(names);
  }

  answer(given: RehearsedRequest): unknown {
    const request = this.#shortenWait(given);
    const asked = this.#ask(request);
    const { api, clientId, group } = asked;
    const { apiVersion, remotePort } = request;
    const from = { api, clientId, remotePort, group };
    const places = asked.places.map(({ topic, partition }) =>
      partition === undefined ? topic : `${topic}-${partition}`,
    );
    this.#trace.add({ kind: "request", ...from, apiVersion, places });
    const tell = (errors: readonly ErrorCode[]): void =>
      this.#trace.add({ kind: "answer", ...from, errors });
    return this.#serve(request, asked, tell);
  }

  /** What is thrown is answered as well, by the door. */
  #serve(
    request: RehearsedRequest,
    asked: Asked,
    tell: (errors: readonly ErrorCode[]) => void,
  ): unknown {
    const done = (answer: unknown): unknown => {
      tell([...errorsIn(answer)]);
      return answer;
    };
    const failed = (error: unknown): never => {
      tell([error instanceof XylemError ? error.code : "UNKNOWN_SERVER_ERROR"]);
      throw error;
    };
    try {
      const answer = this.#faults.answer(request, asked);
      return answer instanceof Promise ? answer.then(done, failed) : done(answer);
    } catch (error) {
      return failed(error);
    }
  }

  answerCall(call: RehearsedCall): void {
    const { method, path } = call;
    this.#trace.add({ kind: "call", method, path });
    call.onAnswered((status) => this.#trace.add({ kind: "reply", method, path, status }));
    this.#faults.answerCall(call);
  }

  appended(topic: string, partition: number, batch: Appended): void {
    const { baseOffset: firstOffset, lastOffset, isDuplicate } = batch;
    const range = { firstOffset, lastOffset, isDuplicate };
    this.#trace.add({ kind: "append", topic, partition, ...range });
  }

  /** The disk behind the faults. */
  get realDisk(): Disk | undefined {
    return this.#realDisk;
  }

  disk(real: Disk): Disk {
    this.#realDisk = real;
    return new FaultyDisk(real, (operation, path) => this.#faults.beforeDisk(operation, path));
  }

  groupLog(real: GroupLog): GroupLog {
    return new WatchedGroupLog(real, this.#trace);
  }

  #shortenWait(request: RehearsedRequest): RehearsedRequest {
    if (request.api !== "Fetch") return request;
    const body = request.body as { readonly maxWaitMs: number };
    const maxWaitMs = Math.min(body.maxWaitMs, this.#fetchWaitMsMax);
    return { ...request, body: { ...body, maxWaitMs } };
  }

  #ask({ api, clientId, body }: RehearsedRequest): Asked {
    const places = placesOf(body, this.#names);
    return { api: api as ApiName, clientId, group: groupOf(body), places };
  }
}

/** The group that a request is about; of several the first, "" when it is about none. */
function groupOf(body: unknown): string {
  const { groupId, groups } = body as { readonly groupId?: unknown; readonly groups?: unknown };
  if (typeof groupId === "string" && groupId !== "") return groupId;
  const first: unknown = Array.isArray(groups) ? groups[0] : undefined;
  if (typeof first === "string") return first;
  return typeof first === "object" && first !== null ? groupOf(first) : "";
}

/** Every error of an answer, wherever its API puts them. */
function errorsIn(answer: unknown, found = new Set<ErrorCode>()): Set<ErrorCode> {
  if (typeof answer !== "object" || answer === null || ArrayBuffer.isView(answer)) return found;
  for (const [name, value] of Object.entries(answer)) {
    if (typeof value === "object") errorsIn(value, found);
    else if (name === "errorCode" && typeof value === "number" && value !== 0) {
      found.add(codeByNumber.get(value) ?? "UNKNOWN_SERVER_ERROR");
    }
  }
  return found;
}
