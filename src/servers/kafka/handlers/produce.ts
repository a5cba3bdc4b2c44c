import { XylemError } from "../../../base/errors.ts";
import { RecordsRefused } from "../../../broker/partition/append/records-refused.ts";
import { produce as append, ProducedBatch, whenWritable } from "../../../broker/produce.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import { batchBits, batchFields } from "../../../protocol/record-batch.ts";
import { hintedNodes, type LeaderHint, leaderHint } from "../broker-nodes.ts";
import type { DoorContext } from "../door-context.ts";
import { ConnectionRefused } from "../errors.ts";

type Request = RequestOf<"Produce">;
type Response = ResponseOf<"Produce">;
type TopicAnswer = Response["responses"][number];
type PartitionAnswer = TopicAnswer["partitionResponses"][number];

const zstdVersionMin = 7;
const leaderHintVersionMin = 10;
const topicIdVersionMin = 13;
const zstdCodec = 4;
const attributesByte = batchFields.attributes + 1;

/** Produce (key 0): one batch per partition; the answer tells where each went. */
export function produce(
  request: Request,
  context: DoorContext,
): Response | undefined | Promise<Response | undefined> {
  const batches = collectBatches(request, context);
  const backlog = whenWritable(batches);
  if (backlog === undefined) return appendAll(request, context, batches);
  // Appends of later requests must not overtake these.
  const appended = backlog.then(() => ({ answer: appendAll(request, context, batches) }));
  context.hold(appended);
  return appended.then(({ answer }) => answer);
}

function collectBatches(request: Request, context: DoorContext): ProducedBatch[] {
  const { topics } = context.broker;
  const batches: ProducedBatch[] = [];
  for (const { name, topicId, partitionData } of request.topicData) {
    const byId = context.apiVersion >= topicIdVersionMin;
    const topic = byId ? topics.findById(topicId) : topics.find(name);
    for (const { index, records, mirroredFrom } of partitionData) {
      const batch = new ProducedBatch(topic, index, records);
      if (mirroredFrom >= 0) batch.mirroredFrom = Number(mirroredFrom);
      if (byId && topic === undefined) {
        batch.error = new XylemError("UNKNOWN_TOPIC_ID", "no topic has this id");
      } else if (context.apiVersion < zstdVersionMin && isZstd(records)) {
        batch.error = new XylemError(
          "UNSUPPORTED_COMPRESSION_TYPE",
          "zstd needs version 7 of Produce",
        );
      }
      batches.push(batch);
    }
  }
  return batches;
}

function isZstd(records: Uint8Array | null): boolean {
  return ((records?.[attributesByte] ?? 0) & batchBits.codec) === zstdCodec;
}

function appendAll(
  request: Request,
  context: DoorContext,
  batches: readonly ProducedBatch[],
): Response | undefined | Promise<Response | undefined> {
  const { acks, timeoutMs, transactionalId } = request;
  const { broker, clientId } = context;
  if (acks === 0) {
    void append(broker, { acks, timeoutMs, clientId, transactionalId, batches });
    return refuseErrors(batches);
  }
  const done = append(broker, { acks, timeoutMs, clientId, transactionalId, batches });
  if (done === undefined) return formatAnswer(request, context, batches);
  return done.then(() => formatAnswer(request, context, batches));
}

/** A client that wants no answer learns of errors by losing its connection. */
function refuseErrors(batches: readonly ProducedBatch[]): undefined {
  for (const { error, topic, index } of batches) {
    if (error === undefined) continue;
    const place = `${topic?.name ?? "unknown topic"}-${index}`;
    throw new ConnectionRefused(`acks=0 to ${place}: ${error.code}, ${error.message}`);
  }
}

function formatAnswer(
  request: Request,
  context: DoorContext,
  batches: readonly ProducedBatch[],
): Response {
  const responses: TopicAnswer[] = [];
  const hints: LeaderHint[] = [];
  const givesHints = context.apiVersion >= leaderHintVersionMin;
  let next = 0;
  for (const { name, topicId, partitionData } of request.topicData) {
    const partitionResponses: PartitionAnswer[] = [];
    for (let count = 0; count < partitionData.length; count++) {
      const batch = batches[next++] as ProducedBatch;
      const { error, topic, index } = batch;
      const hint = givesHints ? leaderHint(context, error, topic, index) : undefined;
      if (hint !== undefined) hints.push(hint);
      partitionResponses.push(formatBatch(batch, hint));
    }
    responses.push({ name, topicId, partitionResponses });
  }
  if (hints.length === 0) return { responses };
  return { responses, nodeEndpoints: hintedNodes(context, hints) };
}

function formatBatch(batch: ProducedBatch, hint: LeaderHint | undefined): PartitionAnswer {
  const { index, error, appended } = batch;
  if (error === undefined && appended !== undefined) {
    return {
      index,
      errorCode: 0,
      baseOffset: appended.baseOffset,
      logAppendTimeMs: appended.logAppendTimeMs,
      logStartOffset: batch.logStart,
    };
  }
  return {
    index,
    errorCode: error?.kafka ?? -1,
    baseOffset: -1,
    errorMessage: error?.message ?? null,
    recordErrors: recordErrors(error),
    ...(hint !== undefined && { currentLeader: hint }),
  };
}

/** Which records of a refused batch are to blame (KIP-467). */
function recordErrors(error: XylemError | undefined): { batchIndex: number }[] {
  if (!(error instanceof RecordsRefused)) return [];
  return error.recordIndexes.map((batchIndex) => ({ batchIndex }));
}
