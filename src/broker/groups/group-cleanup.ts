import type { ErrorCode } from "../../base/errors.ts";
import { recordsOf, tombstonesOf, type GroupMachine } from "../../groups/group-machine.ts";
import type { GroupRecord } from "../../groups/group-record.ts";
import { isExpired } from "../../groups/offsets/offset-expiry.ts";
import { tombstone } from "./group-offsets.ts";
import type { GroupShard } from "./group-shard.ts";

/** DeleteGroups: the group and all its offsets. It can not be found from this moment on. */
export async function deleteGroup(shard: GroupShard, group: string): Promise<ErrorCode | null> {
  const machine = shard.find(group);
  if (machine === undefined) return "GROUP_ID_NOT_FOUND";
  if (machine.phase !== "Empty") return "NON_EMPTY_GROUP";
  return await removeGroup(shard, group, machine);
}

/** Offsets that have outlived their use go, and idle groups that hold none. */
export async function expireGroups(shard: GroupShard, retentionMs: number): Promise<void> {
  if (shard.refusal !== null) return;
  const { wallMs } = shard.now();
  const records: GroupRecord[] = [];
  const removals: Promise<unknown>[] = [];
  for (const [group, machine] of shard.all()) {
    const expired = expiredOffsets(shard, group, { wallMs, retentionMs });
    if (!machine.isIdle || expired.length < countOffsets(shard, group)) records.push(...expired);
    else removals.push(removeGroup(shard, group, machine));
  }
  await Promise.all([...removals, shard.write(records)]);
}

/** Offsets of a topic that is no more. */
export async function forgetTopic(shard: GroupShard, topic: string): Promise<void> {
  if (shard.refusal !== null) return;
  const records: GroupRecord[] = [];
  for (const group of shard.offsets.groupsToDelete()) {
    for (const one of shard.offsets.toDelete(group)) {
      if (one.topic === topic) records.push(tombstone(group, topic, one.partition));
    }
  }
  await shard.write(records);
}

async function removeGroup(
  shard: GroupShard,
  group: string,
  machine: GroupMachine,
): Promise<ErrorCode | null> {
  const offsets = [...shard.offsets.toDelete(group)];
  const records = recordsOf(group, machine);
  const tombstones = tombstonesOf(group, machine);
  shard.drop(group);
  const error = await shard.write([
    ...offsets.map(({ topic, partition }) => tombstone(group, topic, partition)),
    ...tombstones,
  ]);
  if (error !== null) shard.restore(group, records);
  return error;
}

/** What is being committed again this very moment has not expired. */
function expiredOffsets(
  shard: GroupShard,
  group: string,
  now: { readonly wallMs: number; readonly retentionMs: number },
): GroupRecord[] {
  const machine = shard.find(group);
  if (machine === undefined) return [];
  return [...shard.offsets.all(group)]
    .filter((one) => !shard.offsets.isExpected(group, one.topic, one.partition))
    .filter((one) => isExpired(machine, one, now) && !shard.holdsOffset(group, one.topic))
    .map(({ topic, partition }) => tombstone(group, topic, partition));
}

function countOffsets(shard: GroupShard, group: string): number {
  return [...shard.offsets.toDelete(group)].length;
}
