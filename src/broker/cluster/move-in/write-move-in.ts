import { XylemError } from "../../../base/errors.ts";
import { inParallel } from "../../../base/in-parallel.ts";
import { encodeUtf8 } from "../../../base/text.ts";
import type { Compare, Coordinator, CoordinatorEntry, Write } from "../../ports/coordinator.ts";
import { transactionBytesMax, transactionKeysMax } from "../../ports/transaction-bounds.ts";
import { clusterIdKey, movingInKey } from "../membership/agree-on-cluster-id.ts";
import { featuresKey, formatFeatures } from "../feature-level.ts";
import { formatSeat, seatKey } from "../membership/seat-entry.ts";

/** Keys that one transaction writes beside the note that it compares. */
const keysMax = transactionKeysMax - 3;
/** Transactions side by side. */
const writingMax = 4;

export interface MovingNode {
  readonly nodeId: number;
  readonly clusterId: string;
  readonly directoryId: string;
  /** The feature level that the cluster begins at. */
  readonly level: number;
}

export interface MoveHow {
  readonly node: MovingNode;
  readonly progress: MoveProgress;
  /** It was begun before, and not seen to its end. */
  readonly isPending: boolean;
}

/** Told after each transaction: how many keys are written, and of how many. */
export type MoveProgress = (written: number, total: number) => void;

/**
 * Writes what `planMoveIn` says into an empty cluster. No node joins before the last write, which
 * makes it a cluster; a move that was cut short goes on where it was, and one that is whole and
 * nobody knows of is left as it is. Throws INVALID_REQUEST for a cluster that is there already, or
 * into which another node is being moved.
 */
export async function writeMoveIn(
  target: Coordinator,
  values: ReadonlyMap<string, string>,
  { node, progress, isPending }: MoveHow,
): Promise<void> {
  const begun = await begin(target, node, isPending);
  if (begun === "whole") return;
  const { note, entries } = begun;
  const known = new Map(entries.map(({ key, value }) => [key, value]));
  known.delete(movingInKey);
  const gone = [...known.keys()].filter((key) => !values.has(key));
  const missing = [...values].filter(([key, value]) => known.get(key) !== value);
  const writes = [
    ...gone.map((key): Write => ({ key, value: null })),
    ...missing.map(([key, value]): Write => ({ key, value })),
  ];
  await writeAll(target, note, { writes, progress });
  const { clusterId, level, nodeId: id } = node;
  const seat = formatSeat({ id, rack: "", weight: 1, state: "valid" });
  const isDone = await target.transact(
    [note, { key: clusterIdKey, revision: 0 }, { key: featuresKey, revision: 0 }],
    [
      { key: movingInKey, value: null },
      { key: clusterIdKey, value: clusterId },
      { key: featuresKey, value: formatFeatures(level) },
      { key: seatKey(id), value: seat },
    ],
  );
  if (isDone === undefined) throw changedMeanwhile();
}

/** Takes back what was written before the move was whole. Throws INVALID_REQUEST if it was. */
export async function undoMoveIn(
  target: Coordinator,
  { directoryId, clusterId }: MovingNode,
): Promise<void> {
  const { entries } = await target.read("");
  const note = entries.find(({ key }) => key === movingInKey);
  const id = entries.find(({ key }) => key === clusterIdKey)?.value;
  if (note === undefined && id === clusterId) {
    const how = "run `xylem cluster init --from-local` again, which ends it";
    const detail = `the move is whole and others may rely on it: it is not taken back; ${how}`;
    throw new XylemError("INVALID_REQUEST", detail);
  }
  // It had not begun, or somebody else's cluster is there.
  if (note === undefined || !isOwn(note, directoryId)) return;
  const compare = { key: movingInKey, revision: note.revision };
  const keys = entries.map(({ key }) => key).filter((key) => key !== movingInKey);
  const writes = keys.map((key): Write => ({ key, value: null }));
  await writeAll(target, compare, { writes, progress: () => undefined });
  await target.transact([compare], [{ key: movingInKey, value: null }]);
}

async function begin(
  target: Coordinator,
  { directoryId, clusterId }: MovingNode,
  isPending: boolean,
): Promise<"whole" | { readonly note: Compare; readonly entries: readonly CoordinatorEntry[] }> {
  const { entries } = await target.read("");
  const found = entries.find(({ key }) => key === movingInKey);
  if (found !== undefined && isOwn(found, directoryId)) {
    return { note: { key: movingInKey, revision: found.revision }, entries };
  }
  if (found !== undefined) {
    throw new XylemError("INVALID_REQUEST", "another node's data is being moved into this cluster");
  }
  if (entries.length > 0) {
    const id = entries.find(({ key }) => key === clusterIdKey)?.value ?? "";
    // The last write was made, and its answer or the end of the command was not.
    if (id === clusterId && isPending) return "whole";
    const what = id === clusterId ? "this data directory was moved in already" : `its id is ${id}`;
    const detail = `the cluster is there already (${what}): a node is moved only into an empty one`;
    throw new XylemError("INVALID_REQUEST", detail);
  }
  const value = JSON.stringify({ directoryId, clusterId });
  const compares = [movingInKey, clusterIdKey, featuresKey].map((key) => ({ key, revision: 0 }));
  const revision = await target.transact(compares, [{ key: movingInKey, value }]);
  if (revision === undefined) throw changedMeanwhile();
  return { note: { key: movingInKey, revision }, entries };
}

async function writeAll(
  target: Coordinator,
  note: Compare,
  { writes, progress }: { readonly writes: readonly Write[]; readonly progress: MoveProgress },
): Promise<void> {
  let written = 0;
  await inParallel(inParts(writes), writingMax, async (part) => {
    if ((await target.transact([note], part)) === undefined) throw changedMeanwhile();
    written += part.length;
    progress(written, writes.length);
  });
}

/** As many in each as one transaction takes. */
function inParts(writes: readonly Write[]): Write[][] {
  const parts: Write[][] = [];
  let sizeBytes = Infinity;
  for (const write of writes) {
    const ownBytes = encodeUtf8(write.key).length + encodeUtf8(write.value ?? "").length;
    const last = parts.at(-1);
    const fits = sizeBytes + ownBytes <= transactionBytesMax / 2;
    if (last === undefined || last.length >= keysMax || !fits) {
      parts.push([write]);
      sizeBytes = ownBytes;
    } else {
      last.push(write);
      sizeBytes += ownBytes;
    }
  }
  return parts;
}

function isOwn({ value }: CoordinatorEntry, directoryId: string): boolean {
  return (JSON.parse(value) as { directoryId?: string }).directoryId === directoryId;
}

function changedMeanwhile(): XylemError {
  return new XylemError("INVALID_REQUEST", "somebody else makes a cluster there at the same time");
}
