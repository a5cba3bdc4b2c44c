import { XylemError } from "../../base/errors.ts";
import { parseExactJson } from "../../base/json/exact-json.ts";
import type { StopSignal } from "../../base/stop-signal.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import type { PeerLinks } from "../ports/peer-links.ts";
import type { AppendOutcome, Appending } from "../records/append-records.ts";
import { recordOverheadBytes } from "../records/answer-room.ts";
import { findPartition } from "../records/find-partition.ts";
import { type PatchLatest, type PatchOutcome, patchPlaced } from "../records/patch-latest.ts";
import { type Page, readHere, type ReadPage } from "../records/read-page.ts";
import { contentBytes, type RecordScope, type StoredRecord } from "../records/stored-record.ts";
import type { Topic } from "../topics/topics.ts";
import { toOutcome } from "./append-forms.ts";
import { ForwardAppend } from "./forward-append.ts";
import { ForwardCalls } from "./forward-calls.ts";
import { encode, endWaitCall, latestAnswer, latestCall } from "./messages.ts";
import { patchAnswer, patchCall, readAnswer } from "./messages.ts";
import { isLost, isMoved, unknownOutcome } from "./moved.ts";
import { look, Pauses } from "./pauses.ts";
import { encodeRead, toPage, toRecords } from "./read-forms.ts";
import { serveForwarded } from "./serve-forwarded.ts";

/** Less room than this is none. */
const pageBytesMin = 16_384;
/** How long another node may search or read, apart from waiting. */
const workTimeoutMs = 30_000;

/** One partition's request. */
interface Placed {
  readonly scope: RecordScope;
  readonly topic: Topic;
  readonly log: PartitionLog;
  /** How long it may look for a head that takes it. */
  readonly timeoutMs: number;
}

interface Ways<T> {
  readonly here: () => Promise<T>;
  readonly there: (nodeId: number) => Promise<T>;
  /** It can be done twice. */
  readonly isRead: boolean;
}

/**
 * Has the use cases of the doors that are not Kafka's run where their partitions are led, so that
 * a client may ask any node. What another node asks is done here or refused: it is never sent on.
 */
export class Forwarding {
  readonly #calls: ForwardCalls;
  #lastWaitId = 0;

  constructor(links: PeerLinks, callsMax: number) {
    this.#calls = new ForwardCalls(links, callsMax);
  }

  /** From now on what other nodes ask is done. Once. */
  serve(scope: RecordScope): void {
    serveForwarded(this.#calls, scope);
  }

  async append(appending: Appending): Promise<AppendOutcome> {
    return await new ForwardAppend(this.#calls, appending).run();
  }

  async readPage(scope: RecordScope, topic: Topic, ask: ReadPage): Promise<Page> {
    const { clock } = scope.broker;
    const endMs = clock.monotonicMs() + ask.waitMs;
    const log = findPartition(topic, ask.partition);
    const left = (): ReadPage => ({
      ...ask,
      waitMs: ask.signal?.aborted === true ? 0 : Math.max(0, endMs - clock.monotonicMs()),
    });
    return await this.#reach(
      { scope, topic, log, timeoutMs: workTimeoutMs },
      {
        here: () => readHere(scope, topic, left()),
        there: (nodeId) => this.#readThere(nodeId, topic, left()),
        isRead: true,
      },
    );
  }

  async latest(
    place: Omit<Placed, "timeoutMs">,
    key: Uint8Array,
    here: () => Promise<StoredRecord | undefined>,
  ): Promise<StoredRecord | undefined> {
    const { topic, log } = place;
    const { index: partition } = log;
    const there = async (nodeId: number): Promise<StoredRecord | undefined> => {
      const { records } = await this.#calls.ask(nodeId, {
        name: "forwarded-latest",
        body: encode(latestCall, { topic: topic.name, topicId: topic.id, partition, key }),
        timeoutMs: workTimeoutMs,
        answer: latestAnswer,
      });
      return toRecords(topic.name, partition, records)[0];
    };
    return await this.#reach({ ...place, timeoutMs: workTimeoutMs }, { here, there, isRead: true });
  }

  async patch(scope: RecordScope, topic: Topic, ask: PatchLatest, partition: number) {
    const log = findPartition(topic, partition);
    const { key = null, patch, timeoutMs, clientId } = ask;
    const place = { topic: topic.name, topicId: topic.id, partition };
    const there = async (nodeId: number): Promise<PatchOutcome> => {
      const answer = await this.#calls.ask(nodeId, {
        name: "forwarded-patch",
        body: encode(patchCall, { ...place, key, patch, timeoutMs, clientId }),
        timeoutMs: timeoutMs + workTimeoutMs,
        answer: patchAnswer,
      });
      const document = parseExactJson(answer.document);
      const [appended, companion] = [toOutcome(answer.appended), toOutcome(answer.companion)];
      return { appended, companion, document };
    };
    const here = (): Promise<PatchOutcome> => patchPlaced(scope, topic, ask, partition);
    return await this.#reach({ scope, topic, log, timeoutMs }, { here, there, isRead: false });
  }

  /** Runs it where the partition is led, again where that changed meanwhile. */
  async #reach<T>({ scope, topic, log, timeoutMs }: Placed, ways: Ways<T>): Promise<T> {
    const { broker } = scope;
    const pauses = new Pauses(broker, timeoutMs);
    for (;;) {
      const tried = look(broker, topic, log);
      const { leaderId } = tried.place;
      try {
        if (log.absence === undefined) return await ways.here();
        if (leaderId < 0 || leaderId === broker.identity.nodeId) throw log.absence;
        return await ways.there(leaderId);
      } catch (error) {
        const mayRepeat = isMoved(error) || (ways.isRead && isLost(error));
        if (mayRepeat && (await pauses.take(topic, [tried], error))) continue;
        throw isLost(error) ? lost(error, ways.isRead) : error;
      }
    }
  }

  /** Room is taken for all that may come; who waits holds nothing. */
  async #readThere(nodeId: number, topic: Topic, ask: ReadPage): Promise<Page> {
    const { room, waitMs, maxBytes } = ask;
    const least = Math.min(maxBytes, pageBytesMin);
    const heldBytes = waitMs > 0 ? 0 : (room?.takeUpTo(maxBytes, least) ?? 0);
    let page: Page;
    try {
      page = await this.#askPage(
        nodeId,
        topic,
        heldBytes > 0 ? { ...ask, maxBytes: heldBytes } : ask,
      );
    } finally {
      room?.giveBack(heldBytes);
    }
    let sizeBytes = 0;
    for (const record of page.records) sizeBytes += contentBytes(record) + recordOverheadBytes;
    room?.take(sizeBytes);
    return page;
  }

  async #askPage(nodeId: number, topic: Topic, ask: ReadPage): Promise<Page> {
    this.#lastWaitId += 1;
    const waitId = this.#lastWaitId;
    const end = (): void =>
      this.#calls.tell(nodeId, "forwarded-end-wait", encode(endWaitCall, { waitId }));
    const { signal, waitMs } = ask;
    const work = this.#calls.ask(nodeId, {
      name: "forwarded-read",
      body: encodeRead(topic, ask, waitId),
      timeoutMs: workTimeoutMs + waitMs,
      isWait: waitMs > 0,
      answer: readAnswer,
    });
    return toPage(topic, ask.partition, await untilAborted(work, signal, end));
  }
}

function lost(error: XylemError, isRead: boolean): XylemError {
  if (!isRead) return unknownOutcome(error);
  return new XylemError("NOT_LEADER_OR_FOLLOWER", error.message, { cause: error });
}

/** `end` is called if the signal aborts before the work is done. */
async function untilAborted<T>(
  work: Promise<T>,
  signal: StopSignal | undefined,
  end: () => void,
): Promise<T> {
  signal?.addEventListener("abort", end, { once: true });
  try {
    return await work;
  } finally {
    signal?.removeEventListener("abort", end);
  }
}
