import { XylemError } from "../../base/errors.ts";
import { formatJson, parseExactJson } from "../../base/json/exact-json.ts";
import { applyPatch } from "../../base/json/json-patch.ts";
import { partitionOfKey } from "../../base/murmur2.ts";
import { decodeUtf8 } from "../../base/text.ts";
import type { BatchTools } from "../../protocol/build-batch.ts";
import type { RecordHeader } from "../../protocol/record.ts";
import type { Broker } from "../broker.ts";
import { isMoved, unknownOutcome } from "../forwarding/moved.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import { PendingWork } from "../pending-work.ts";
import type { Topic } from "../topics/topics.ts";
import { appendRecords, type AppendOutcome } from "./append-records.ts";
import { findPartition, findTopic } from "./find-partition.ts";
import { findInPartition, latestByKey, latestOf } from "./latest-by-key.ts";
import type { RecordScope, StoredRecord } from "./stored-record.ts";

export interface PatchLatest {
  readonly topic: string;
  /** Absent: the newest document of the partition. */
  readonly key?: Uint8Array | undefined;
  /** Needed without a key where the topic has more than one. */
  readonly partition?: number | undefined;
  /** A JSON Patch (RFC 6902) as it came. */
  readonly patch: Uint8Array;
  readonly timeoutMs: number;
  readonly clientId: string;
}

export interface PatchOutcome {
  /** Of the new document; its error, if any, is thrown. */
  readonly appended: AppendOutcome;
  readonly document: unknown;
  /** What became of the patch in the companion topic. */
  readonly companion: AppendOutcome;
}

/** Writers that are faster than this many tries: the client is told and may try again. */
const triesMax = 8;
/** Behind the topic's own name. */
const companionSuffix = "-patches";

/**
 * Patches the newest document of a key, or of a partition: the patched one is appended as a new
 * record with the key and the headers of the old one. Patches of one partition go one after the
 * other; when another writer came between, it is tried again with what he wrote. The patch itself,
 * byte for byte, is appended to the topic `<topic>-patches`, which is made when it is not there;
 * a crash between the two appends may leave it out there. Throws INVALID_REQUEST (no patch, or no
 * partition chosen), RESOURCE_NOT_FOUND (no document), DOCUMENT_NOT_JSON, PATCH_FAILED,
 * DOCUMENT_CHANGED, REQUEST_TIMED_OUT (nothing was patched), and what an append throws.
 */
export async function patchLatest(
  broker: Broker,
  tools: BatchTools,
  ask: PatchLatest,
): Promise<PatchOutcome> {
  parsePatch(ask.patch);
  const topic = findTopic(broker, ask.topic);
  const scope = { broker, tools };
  const index = await choosePartition(scope, topic, ask);
  const { forwarding } = broker;
  if (forwarding === undefined) return await patchPlaced(scope, topic, ask, index);
  return await forwarding.patch(scope, topic, ask, index);
}

/** Patches a document in a partition that this node leads. */
export async function patchPlaced(
  scope: RecordScope,
  topic: Topic,
  ask: PatchLatest,
  index: number,
): Promise<PatchOutcome> {
  const { broker } = scope;
  const patch = parsePatch(ask.patch);
  const log = findPartition(topic, index);
  const patience = new Patience(broker, ask.timeoutMs);
  const begun = Promise.withResolvers<void>();
  const outcome = broker.records.patches.take(`${topic.name}-${index}`, async () => {
    begun.resolve();
    // Nobody waits for it any more.
    if (patience.leftMs <= 0) throw timedOut(beforeItsTurn);
    return await patchInTurn(scope, { topic, log, ask, patience }, patch);
  });
  await patience.await(begun.promise, beforeItsTurn);
  return await outcome;
}

const beforeItsTurn = "other patches of the partition come first";

async function patchInTurn(
  scope: RecordScope,
  target: Target,
  patch: unknown,
): Promise<PatchOutcome> {
  for (let tries = 0; tries < triesMax; tries += 1) {
    const outcome = await new Patching(scope, target).patchOnce(patch);
    if (outcome !== undefined) return outcome;
  }
  const { topic, index } = target.log;
  const detail = `${topic}-${index} was written to ${triesMax} times meanwhile`;
  throw new XylemError("DOCUMENT_CHANGED", detail);
}

/** How long somebody waits, for all that has to come before what he asked for. */
class Patience {
  readonly #broker: Broker;
  readonly #untilMs: number;

  constructor(broker: Broker, timeoutMs: number) {
    this.#broker = broker;
    this.#untilMs = broker.clock.monotonicMs() + timeoutMs;
  }

  get leftMs(): number {
    return Math.max(0, this.#untilMs - this.#broker.clock.monotonicMs());
  }

  /** Rejects as the work does, or with REQUEST_TIMED_OUT, which says what was waited for. */
  async await(work: Promise<void>, why: string): Promise<void> {
    const isDone = await new PendingWork(work).isDoneIn(this.#broker.deadlines, this.leftMs);
    if (!isDone) throw timedOut(why);
  }
}

function timedOut(why: string): XylemError {
  return new XylemError("REQUEST_TIMED_OUT", `nothing was patched: ${why}`);
}

function parsePatch(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decodeUtf8(bytes)) as unknown;
  } catch (error) {
    throw new XylemError("INVALID_REQUEST", "the patch is no JSON", { cause: error });
  }
}

/** Where the document is; a key that another client's hash put elsewhere is found there. */
async function choosePartition(
  { broker, tools }: RecordScope,
  topic: Topic,
  { key, partition }: PatchLatest,
): Promise<number> {
  if (partition !== undefined) return partition;
  const count = topic.partitions.length;
  if (count === 1) return 0;
  if (key === undefined) {
    const detail = `${topic.name} has ${count} partitions: a key or a partition is needed`;
    throw new XylemError("INVALID_REQUEST", detail);
  }
  const found = await latestByKey(broker, tools, { topic: topic.name, key });
  return found?.partition ?? partitionOfKey(key, count);
}

interface Target {
  readonly topic: Topic;
  readonly log: PartitionLog;
  readonly ask: PatchLatest;
  readonly patience: Patience;
}

class Patching {
  readonly #scope: RecordScope;
  readonly #target: Target;

  constructor(scope: RecordScope, target: Target) {
    this.#scope = scope;
    this.#target = target;
  }

  /** Undefined: somebody wrote meanwhile. */
  async patchOnce(patch: unknown): Promise<PatchOutcome | undefined> {
    const { topic, log, ask, patience } = this.#target;
    const { broker, tools } = this.#scope;
    await log.load();
    const expectedOffset = log.end;
    const committed = whenCommitted(log, expectedOffset);
    await patience.await(committed, "what was written before is not committed");
    // A transaction is open: what it holds may be the newest document.
    if (log.lastStable < expectedOffset) return undefined;
    const newest = await this.#findNewest();
    const document = applyPatch(parseExactJson(newest.value), patch);
    const { key, headers } = newest;
    const value = formatJson(document);
    // Nothing is written where the patch could not be kept.
    const companion = await ensureCompanion(broker, topic);
    const record = { key, value, headers: headers.filter(isKept), partition: log.index };
    const appended = await appendRecords(broker, tools, {
      topic: topic.name,
      records: [record],
      acks: -1,
      timeoutMs: patience.leftMs,
      clientId: ask.clientId,
      expectedOffset,
      staysHere: true,
    });
    if (appended.error?.code === "OFFSET_MISMATCH") return undefined;
    if (appended.error !== undefined) throw whyNot(appended, appended.error);
    return { appended, document, companion: await this.#appendPatch(companion) };
  }

  /** Patches of one document stay in order, as they come from one partition. */
  async #appendPatch(companion: Topic): Promise<AppendOutcome> {
    const { log, ask } = this.#target;
    const { broker, tools } = this.#scope;
    const { patch: value, key = null, timeoutMs, clientId } = ask;
    const partition = log.index % companion.partitions.length;
    const kept = await appendRecords(broker, tools, {
      topic: companion.name,
      records: [{ key, value, headers: [], partition }],
      acks: -1,
      timeoutMs,
      clientId,
    }).catch((error: unknown) => refused(error, partition));
    const why = kept.error?.message;
    if (why !== undefined) broker.log.warn("a patch was not kept", { topic: companion.name, why });
    return kept;
  }

  async #findNewest(): Promise<StoredRecord & { readonly value: Uint8Array }> {
    const { topic, log, ask } = this.#target;
    const partition = log.index;
    const newest =
      ask.key === undefined
        ? await latestOf(this.#scope, topic, partition)
        : await findInPartition(this.#scope, topic, partition, ask.key);
    if (newest !== undefined && newest.value !== null) return { ...newest, value: newest.value };
    const detail = `${topic.name}-${partition} has no document to patch`;
    throw new XylemError("RESOURCE_NOT_FOUND", detail);
  }
}

/** The document is appended already: the patch must not seem undone, and be done again. */
function refused(error: unknown, partition: number): AppendOutcome {
  if (!(error instanceof XylemError)) throw error;
  const records = [{ partition, offset: -1, timestampMs: -1, error }];
  return { records, isDurable: false, isDuplicate: false, error };
}

/** Who is told that the head moved does it again, which only what was not appended may be. */
function whyNot({ records }: AppendOutcome, error: XylemError): XylemError {
  const isRefused = records.every(({ offset }) => offset < 0);
  return isRefused || !isMoved(error) ? error : unknownOutcome(error);
}

/** What the broker keeps about a record is not its successor's. */
function isKept({ key }: RecordHeader): boolean {
  return !key.startsWith("xylem-");
}

async function ensureCompanion({ topics }: Broker, topic: Topic): Promise<Topic> {
  const name = `${topic.name}${companionSuffix}`;
  const found = topics.find(name);
  if (found !== undefined) return found;
  const partitions = topic.partitions.length;
  try {
    return await topics.create({ name, partitions, replicas: -1, configs: new Map() });
  } catch (error) {
    const other = topics.find(name);
    if (other === undefined) throw error;
    return other;
  }
}

function whenCommitted(log: PartitionLog, offset: number): Promise<void> {
  return new Promise((resolve, reject) => {
    log.whenCommitted(offset, (error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}
