import { XylemError } from "../../base/errors.ts";
import type { Coordinator } from "../ports/coordinator.ts";
import { readEntry } from "../ports/read-entry.ts";
import { transactionKeysMax } from "../ports/transaction-bounds.ts";
import { featuresKey, firstLevel, formatFeatures, parseFeatures } from "./feature-level.ts";
import { type NodeEntry, nodesPrefix, parseNodeEntry } from "./membership/node-entry.ts";

/** Another node may finalize, or come and go, at the same time; each round one of them wins. */
const roundsMax = 10;

export interface LevelChange {
  readonly before: number;
  readonly level: number;
}

/**
 * Has a cluster use what a feature level brings; undefined: the highest that all its nodes can work
 * at. There is no way back, so that a person asks for it. Throws FEATURE_UPDATE_FAILED when a node
 * is too old for it, or for any that others could go on to, or the cluster is past it. With
 * `validateOnly` it changes nothing.
 */
export async function finalizeLevel(
  coordinator: Pick<Coordinator, "read" | "transact">,
  asked: number | undefined,
  { validateOnly }: { readonly validateOnly: boolean },
): Promise<LevelChange> {
  for (let round = 0; round < roundsMax; round += 1) {
    const found = await readEntry(coordinator, featuresKey);
    const before = found === undefined ? firstLevel : parseFeatures(found.value);
    const keys = (await coordinator.read(nodesPrefix)).entries;
    const nodes = keys.map(({ key, value }) => parseNodeEntry(key, value));
    const most = nodes.map(({ features }) => features.most);
    const level = asked ?? Math.max(before, Math.min(...most));
    check(nodes, { before, level });
    // Nothing is gained, and who asks is to hear that some nodes would go on and which can not.
    const isHeldBack = asked === undefined && level === before;
    if (isHeldBack) check(nodes, { before, level: Math.max(before, ...most) });
    if (validateOnly || level === before) return { before, level };
    // A node that comes meanwhile and is too old sees it and stops.
    const seen = keys.slice(0, transactionKeysMax - 2);
    const compares = [{ key: featuresKey, revision: found?.revision ?? 0 }, ...seen];
    const write = { key: featuresKey, value: formatFeatures(level) };
    const revisions = compares.map(({ key, revision }) => ({ key, revision }));
    if ((await coordinator.transact(revisions, [write])) !== undefined) return { before, level };
  }
  throw new XylemError("FEATURE_UPDATE_FAILED", "nodes come and go all the time: try again");
}

function check(nodes: readonly NodeEntry[], { before, level }: LevelChange): void {
  if (level < before) {
    const detail = `the cluster is at level ${before}: a level that is finalized does not go back`;
    throw new XylemError("FEATURE_UPDATE_FAILED", detail);
  }
  const old = nodes.filter(({ features }) => features.most < level);
  if (old.length === 0) return;
  const each = old.map(({ id, version, features }) => `${id} (${version}, up to ${features.most})`);
  const detail = `nodes that can not work at level ${level}: ${each.join(", ")}`;
  throw new XylemError("FEATURE_UPDATE_FAILED", detail);
}
