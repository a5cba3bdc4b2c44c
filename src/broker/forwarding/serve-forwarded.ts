import { equalBytes } from "../../base/bytes.ts";
import { XylemError } from "../../base/errors.ts";
import { formatJson } from "../../base/json/exact-json.ts";
import type { Uuid } from "../../base/uuid.ts";
import { appendPlaced } from "../records/append-records.ts";
import { findPartition } from "../records/find-partition.ts";
import { findInPartition } from "../records/latest-by-key.ts";
import { patchPlaced } from "../records/patch-latest.ts";
import { readHere } from "../records/read-page.ts";
import { resolveHere } from "../records/resolve-offset.ts";
import type { RecordScope } from "../records/stored-record.ts";
import type { Topic } from "../topics/topics.ts";
import { catchUpTopic } from "../topics/catch-up-topic.ts";
import { tellOutcome, toAppending } from "./append-forms.ts";
import type { ForwardCalls } from "./forward-calls.ts";
import * as forms from "./messages.ts";
import { toPosition, toReadPage } from "./read-forms.ts";
import { watchPartitions } from "./serve-watch.ts";

/** Does what other nodes ask for their clients, with this node's own logs only. */
export function serveForwarded(calls: ForwardCalls, scope: RecordScope): void {
  const { waits } = calls;
  const { appendCall, readCall, latestCall, patchCall, endWaitCall } = forms;
  const { appendAnswer, readAnswer, latestAnswer, patchAnswer } = forms;
  calls.serve("forwarded-append", { call: appendCall, answer: appendAnswer }, async (call) => {
    const topic = await findSame(scope, call);
    return tellOutcome(await appendPlaced(toAppending(scope, topic, call)));
  });
  calls.serve("forwarded-read", { call: readCall, answer: readAnswer }, async (call, from) => {
    return await waits.during(`${from}/${call.waitId}`, async (signal) => {
      const topic = await findSame(scope, call);
      return await readHere(scope, topic, { ...toReadPage(call), signal });
    });
  });
  const ended = { call: endWaitCall, answer: endWaitCall };
  calls.serve("forwarded-end-wait", ended, async ({ waitId }, from) => {
    waits.end(`${from}/${waitId}`);
    return { waitId };
  });
  const watch = { call: forms.watchCall, answer: forms.watchAnswer };
  calls.serve("forwarded-watch", watch, async (call, from) =>
    waits.during(`${from}/${call.waitId}`, (signal) => watchPartitions(scope.broker, call, signal)),
  );
  const resolve = { call: forms.resolveCall, answer: forms.resolveAnswer };
  calls.serve("forwarded-resolve", resolve, async (call) => {
    const topic = await findSame(scope, call);
    return await resolveHere(findPartition(topic, call.partition), toPosition(call));
  });
  calls.serve("forwarded-latest", { call: latestCall, answer: latestAnswer }, async (call) => {
    const topic = await findSame(scope, call);
    const found = await findInPartition(scope, topic, call.partition, call.key);
    return { records: found === undefined ? [] : [found] };
  });
  calls.serve("forwarded-patch", { call: patchCall, answer: patchAnswer }, async (call) => {
    const topic = await findSame(scope, call);
    const { key, partition } = call;
    const ask = { ...call, key: key ?? undefined };
    const { appended, companion, document } = await patchPlaced(scope, topic, ask, partition);
    const outcomes = { appended: tellOutcome(appended), companion: tellOutcome(companion) };
    return { ...outcomes, document: formatJson(document) };
  });
}

/** The same topic here; one that was just made may be news. Throws UNKNOWN_TOPIC_OR_PARTITION. */
async function findSame(
  { broker }: RecordScope,
  { topic: name, topicId }: { readonly topic: string; readonly topicId: Uuid },
): Promise<Topic> {
  const find = (): Topic | undefined => {
    const found = broker.topics.find(name);
    return found !== undefined && equalBytes(found.id, topicId) ? found : undefined;
  };
  const known = find();
  if (known !== undefined) return known;
  await catchUpTopic(broker, name);
  const found = find();
  if (found !== undefined) return found;
  throw new XylemError("UNKNOWN_TOPIC_OR_PARTITION", `There is no topic ${name}`);
}
