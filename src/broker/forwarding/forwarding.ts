import { XylemError } from "../../base/errors.ts";
import { parseExactJson } from "../../base/json/exact-json.ts";
import type { Broker } from "../broker.ts";
import { type GroupWork, whenServed } from "../groups/pull/at-coordinator.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import type { PeerLinks } from "../ports/peer-links.ts";
import type { AppendOutcome, Appending } from "../records/append-records.ts";
import { findPartition, findTopic } from "../records/find-partition.ts";
import { type PatchLatest, type PatchOutcome, patchPlaced } from "../records/patch-latest.ts";
import type { Position } from "../records/position.ts";
import { type Page, readHere, type ReadPage } from "../records/read-page.ts";
import type { RecordScope, StoredRecord } from "../records/stored-record.ts";
import {
  type ResolvedOffset,
  resolveHere,
  type TopicPartition,
} from "../records/resolve-offset.ts";
import { offsetsTopic } from "../topics/internal-topics.ts";
import type { Topic } from "../topics/topics.ts";
import { toOutcome } from "./append-forms.ts";
import { ForwardAppend } from "./forward-append.ts";
import { ForwardCalls } from "./forward-calls.ts";
import { askGroup, serveGroups } from "./forward-groups.ts";
import { GroupAttempts } from "./group-attempts.ts";
import { inRoom } from "./in-room.ts";
import { encode, latestAnswer, latestCall, resolveAnswer, resolveCall } from "./messages.ts";
import { patchAnswer, patchCall, readAnswer } from "./messages.ts";
import { isLost, isMoved, isUnready, unknownOutcome } from "./moved.ts";
import { look, Pauses } from "./pauses.ts";
import { encodeRead, tellPosition, toPage, toRecords } from "./read-forms.ts";
import { serveForwarded } from "./serve-forwarded.ts";
import { Sights } from "./sights.ts";

/** How long another node may search or read, apart from waiting. */
const workTimeoutMs = 30_000;

/** One partition's request. */
interface Placed {
  readonly scope: Pick<RecordScope, "broker">;
  readonly topic: Topic;
  readonly log: PartitionLog;
  /** How long it may look for a head that takes it. */
  readonly timeoutMs: number;
}

/** One node's answer of several. */
export type NodeTold<T> =
  | { readonly id: number; readonly told: T }
  | { readonly id: number; readonly failure: XylemError };

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
  /** What readers on this node see of partitions that others lead. */
  readonly sights: Sights;
  readonly #calls: ForwardCalls;

  constructor(links: PeerLinks, callsMax: number) {
    this.#calls = new ForwardCalls(links, callsMax);
    this.sights = new Sights(this.#calls);
  }

  /** From now on what other nodes ask is done. `loadGroups`: before one of groups is. Once. */
  serve(scope: RecordScope, loadGroups: () => Promise<unknown>): void {
    this.sights.open(scope.broker);
    serveForwarded(this.#calls, scope);
    serveGroups(this.#calls, scope, loadGroups);
  }

  /** This node is about to stop, and takes nothing from others any more. */
  stop(): void {
    this.#calls.stop();
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

  /** As `resolveHere`, asked of the node that leads the partition. */
  async resolve(
    broker: Broker,
    { topic, log }: TopicPartition,
    position: Position,
  ): Promise<ResolvedOffset> {
    const place = { topic: topic.name, topicId: topic.id, partition: log.index };
    return await this.#reach(
      { scope: { broker }, topic, log, timeoutMs: workTimeoutMs },
      {
        here: () => resolveHere(log, position),
        there: (nodeId) =>
          this.#calls.ask(nodeId, {
            name: "forwarded-resolve",
            body: encode(resolveCall, { ...place, ...tellPosition(position) }),
            timeoutMs: workTimeoutMs,
            answer: resolveAnswer,
          }),
        isRead: true,
      },
    );
  }

  /** What lies at an offset of a partition, as the node that leads it has it. It is asked once. */
  async readRun(broker: Broker, { topic, log }: TopicPartition, ask: ReadPage): Promise<Page> {
    const { leaderId } = look(broker, topic, log).place;
    if (leaderId < 0 || leaderId === broker.identity.nodeId) throw log.absence ?? noHead(log);
    return await this.#askPage(leaderId, topic, ask);
  }

  /** Does something of a group on the node that coordinates it. */
  async group<T>(broker: Broker, group: string, work: GroupWork<T>): Promise<T> {
    const partition = await broker.groups.partitionOf(group);
    const topic = findTopic(broker, offsetsTopic);
    const log = findPartition(topic, partition);
    const timeoutMs = workTimeoutMs;
    const here = async (): Promise<T> => {
      await whenServed(broker, group);
      return await work.here();
    };
    const attempts = new GroupAttempts(work.repeated);
    const ways: Ways<T> = {
      here: () => attempts.attempt(here()),
      there: (nodeId) => attempts.attempt(askGroup(this.#calls, nodeId, work)),
      isRead: true,
    };
    return await this.#reach({ scope: { broker }, topic, log, timeoutMs }, ways);
  }

  /** What every node that is up says of its groups, or why it does not. */
  async eachNode<T>(
    { cluster, identity: { nodeId } }: Pick<Broker, "cluster" | "identity">,
    work: GroupWork<T>,
  ): Promise<readonly NodeTold<T>[]> {
    const nodes = cluster?.image.nodes ?? [];
    return await Promise.all(
      nodes.map(async ({ id }): Promise<NodeTold<T>> => {
        const asking = async (): Promise<T> =>
          id === nodeId ? await work.here() : await askGroup(this.#calls, id, work);
        return await asking().then(
          (told) => ({ id, told }),
          (failure: unknown) => {
            if (failure instanceof XylemError) return { id, failure };
            throw failure;
          },
        );
      }),
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
        const mayRepeat = isMoved(error) || (ways.isRead && (isLost(error) || isUnready(error)));
        if (mayRepeat && (await pauses.take(topic, [tried], error))) continue;
        throw isLost(error) ? lost(error, ways.isRead) : error;
      }
    }
  }

  async #readThere(nodeId: number, topic: Topic, ask: ReadPage): Promise<Page> {
    return await inRoom(ask, async (maxBytes, own) =>
      own.take(await this.#askPage(nodeId, topic, { ...ask, maxBytes })),
    );
  }

  async #askPage(nodeId: number, topic: Topic, ask: ReadPage): Promise<Page> {
    const waitId = this.#calls.nextWaitId();
    const { signal, waitMs } = ask;
    const call = {
      name: "forwarded-read",
      body: encodeRead(topic, ask, waitId),
      timeoutMs: workTimeoutMs + waitMs,
      isWait: waitMs > 0,
      answer: readAnswer,
    };
    const answer = await this.#calls.askUntil(nodeId, call, { waitId, signal });
    return toPage(topic, ask.partition, answer);
  }
}

function lost(error: XylemError, isRead: boolean): XylemError {
  if (!isRead) return unknownOutcome(error);
  return new XylemError("NOT_LEADER_OR_FOLLOWER", error.message, { cause: error });
}

function noHead({ topic, index }: PartitionLog): XylemError {
  return new XylemError("NOT_LEADER_OR_FOLLOWER", `${topic}-${index} has moved`);
}
