import { XylemError } from "../../base/errors.ts";
import { decodeUtf8, encodeUtf8 } from "../../base/text.ts";
import type { StopSignal } from "../../base/stop-signal.ts";
import { type GroupWork, whenServed } from "../groups/pull/at-coordinator.ts";
import { findPartition, findTopic } from "../records/find-partition.ts";
import type { RecordScope } from "../records/stored-record.ts";
import { offsetsTopic } from "../topics/internal-topics.ts";
import type { ForwardCalls } from "./forward-calls.ts";
import { type GroupTold, groupUses } from "./group-uses.ts";
import { inRoom } from "./in-room.ts";
import { encode, groupAnswer, groupCall } from "./messages.ts";

/** How long another node may take for it, apart from waiting. */
const workTimeoutMs = 30_000;

/** Has another node do something of its groups. */
export async function askGroup<T>(
  calls: ForwardCalls,
  nodeId: number,
  work: GroupWork<T>,
): Promise<T> {
  const { ask, reading, read } = work;
  if (reading === undefined) return (await call(calls, nodeId, work)).told as T;
  return await inRoom(reading, async (maxBytes, own) => {
    const answer = await call(calls, nodeId, { ...work, ask: { ...ask, maxBytes } });
    const { told, records } = own.take(answer);
    return read === undefined ? (told as T) : read(told, records);
  });
}

async function call(
  calls: ForwardCalls,
  nodeId: number,
  { use, ask, reading, signal, timeoutMs = workTimeoutMs }: GroupWork<unknown>,
): Promise<GroupTold> {
  const waitId = calls.nextWaitId();
  const waitMs = reading?.waitMs ?? 0;
  const asked = {
    name: "forwarded-group",
    body: encode(groupCall, { use, json: encodeUtf8(JSON.stringify(ask)), waitId }),
    timeoutMs: timeoutMs + waitMs,
    isWait: waitMs > 0,
    answer: groupAnswer,
  };
  const { json, records } = await calls.askUntil(nodeId, asked, { waitId, signal });
  return { told: JSON.parse(decodeUtf8(json)), records };
}

/** Does what other nodes ask of the groups that this one coordinates. */
export function serveGroups(
  calls: ForwardCalls,
  scope: RecordScope,
  loadGroups: () => Promise<unknown>,
): void {
  const forms = { call: groupCall, answer: groupAnswer };
  calls.serve("forwarded-group", forms, async ({ use, json, waitId }, from) => {
    const name = `${from}/${waitId}`;
    const { told, records } = await calls.waits.during(name, async (signal) => {
      await loadGroups();
      return await answer(scope, use, { ask: JSON.parse(decodeUtf8(json)), signal });
    });
    return { json: encodeUtf8(JSON.stringify(told)), records };
  });
}

type AnyUse = (scope: RecordScope, ask: unknown, signal: StopSignal) => Promise<GroupTold>;

async function answer(
  scope: RecordScope,
  name: string,
  { ask, signal }: { readonly ask: unknown; readonly signal: StopSignal },
): Promise<GroupTold> {
  if (!Object.hasOwn(groupUses, name)) {
    throw new XylemError("UNSUPPORTED_VERSION", `${name} is nothing to ask of a group here`);
  }
  const { group } = ask as { readonly group?: string };
  if (group !== undefined) await whenCoordinated(scope, group);
  return await (groupUses[name as keyof typeof groupUses] as AnyUse)(scope, ask, signal);
}

/** Throws NOT_LEADER_OR_FOLLOWER and the like. */
async function whenCoordinated({ broker }: RecordScope, group: string): Promise<void> {
  const index = await broker.groups.partitionOf(group);
  const { absence } = findPartition(findTopic(broker, offsetsTopic), index);
  if (absence !== undefined) throw absence;
  await whenServed(broker, group);
}
