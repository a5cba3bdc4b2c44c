import type { ChainConfig } from "../chain-config.ts";
import { sameMember, type Member } from "../member.ts";
import { isSameList, withReplicas } from "../placement/reassignment.ts";
import { nextEpoch } from "./chain-change.ts";
import type { ChainSituation, Verdict } from "./chain-situation.ts";
import { asMember, type ControlledNode } from "./controlled-node.ts";
import { askOf, change, shortened } from "./failure-rules.ts";

// These rules come after those of failures: every member is up, and every joiner.

/** A head that leaves is cut out once its successor holds all, or has taken too long. */
export function handOver(situation: ChainSituation): Verdict | undefined {
  const { chain, notes, nowMs, times, wanted } = situation;
  const { config } = chain;
  const [head, ...others] = config.members as readonly [Member, ...Member[]];
  if (!config.leaving.includes(head.id) || others.length === 0) return undefined;
  if (reasonToLeave(situation) === undefined) {
    return change(nextEpoch(config, { leaving: [] }), `node ${head.id} stays the head`);
  }
  if (notes.leaving?.epoch !== config.epoch) {
    notes.leaving = { epoch: config.epoch, sinceMs: nowMs };
  }
  const untilMs = notes.leaving.sinceMs + times.handOverMs;
  const ask = askOf(situation, "handOver");
  const isDone = ask !== undefined && sameMember(ask.from, head);
  if (!isDone && nowMs < untilMs) return { kind: "wait", untilMs };
  const reason = isDone ? "has handed over" : "took too long to hand over";
  return change(finished(shortened(config, others), wanted), `node ${head.id} ${reason}`);
}

/** Nodes that are about to stop go, as far as `min.insync.replicas` lets them. */
export function drain(situation: ChainSituation): Verdict | undefined {
  const { config } = situation.chain;
  const other = config.members.slice(1).find((member) => isDraining(situation, member));
  if (other !== undefined && maySpareOne(situation)) {
    const members = config.members.filter((member) => member !== other);
    return change(shortened(config, members), `node ${other.id} is about to stop`);
  }
  return undefined;
}

/** Members that are not wanted go once all that are wanted are there. */
export function release(situation: ChainSituation): Verdict | undefined {
  const { chain, wanted } = situation;
  const { config } = chain;
  if (!wanted.every((id) => isMember(config, id))) return undefined;
  const extra = config.members.slice(1).find(({ id }) => !wanted.includes(id));
  if (extra !== undefined) {
    const members = config.members.filter((member) => member !== extra);
    const next = finished(shortened(config, members), wanted);
    return change(next, `node ${extra.id} is not assigned any more`);
  }
  const done = finished(config, wanted);
  return done === config ? undefined : change(done, "the assignment is complete");
}

/**
 * Marks a head that is to go: it takes no writes from then on. One that leaves for the preferred
 * head comes back as the tail.
 */
export function headLeaves(situation: ChainSituation): Verdict | undefined {
  const { chain, notes, wanted } = situation;
  const { config } = chain;
  const head = config.members[0] as Member;
  if (head.id === wanted[0]) notes.wantsPreferred = false;
  if (config.members.length < 2 || config.leaving.includes(head.id)) return undefined;
  const reason = reasonToLeave(situation);
  if (reason === undefined) return undefined;
  return change(nextEpoch(config, { leaving: [head.id] }), `node ${head.id} hands over: ${reason}`);
}

/** Names the next node that is to be in the chain: one at a time, in the same epoch. */
export function nameJoiner(situation: ChainSituation): Verdict | undefined {
  const { chain, topic, nodes, nowMs, wanted } = situation;
  const { config } = chain;
  if (config.joining.length > 0) return undefined;
  let restMs = Infinity;
  let slotOf: number | undefined;
  for (const id of wanted) {
    const node = nodes.findNode(id);
    if (node === undefined || node.isDraining || isMember(config, id)) continue;
    const restsUntilMs = restsUntil(situation, node);
    if (restsUntilMs > nowMs) {
      restMs = Math.min(restMs, restsUntilMs);
    } else if (!situation.mayJoin(id)) {
      slotOf ??= id;
    } else {
      return change({ ...config, joining: [asMember(node, topic)] }, `node ${id} joins`);
    }
  }
  const untilMs = restMs === Infinity ? undefined : restMs;
  if (slotOf !== undefined) return { kind: "wait", untilMs, slotOf };
  return untilMs === undefined ? undefined : { kind: "wait", untilMs };
}

/** Infinity: it had no room for what the others have, and is yet to say that it has some. */
function restsUntil({ notes, nowMs }: ChainSituation, node: ControlledNode): number {
  const rest = notes.resting.get(node.id);
  if (rest?.incarnation !== node.incarnation) return nowMs;
  return node.isFull === true ? Infinity : rest.untilMs;
}

function reasonToLeave(situation: ChainSituation): string | undefined {
  const { chain, wanted } = situation;
  const { config } = chain;
  const head = config.members[0] as Member;
  for (const [isUnfit, reason] of unfitness) {
    if (!isUnfit(situation, head)) continue;
    const hasSuccessor = config.members.some((one) => !isUnfit(situation, one));
    return hasSuccessor && maySpareOne(situation) ? reason : undefined;
  }
  const areAllThere = wanted.every((id) => isMember(config, id));
  if (areAllThere && !wanted.includes(head.id)) return "it is not assigned any more";
  return reasonToPrefer(situation, areAllThere);
}

function reasonToPrefer(situation: ChainSituation, areAllThere: boolean): string | undefined {
  const { chain, nodes, notes, wanted } = situation;
  const { config } = chain;
  const head = config.members[0] as Member;
  const [preferred] = wanted;
  // What another controller has begun is gone on with: two would undo each other's work for ever.
  const isBegun = areAllThere && config.leaving.includes(head.id);
  const isWanted = notes.wantsPreferred || isBegun;
  if (!isWanted || preferred === undefined || head.id === preferred) return undefined;
  // Who is down is not waited for; who is up and joins is.
  const isWhole = wanted.every((id) => isMember(config, id) || nodes.findNode(id) === undefined);
  const mayLead = isMember(config, preferred) && !isFull(situation, { id: preferred });
  const gives = isWhole && mayLead && maySpareOne(situation);
  return gives ? `node ${preferred} is preferred` : undefined;
}

/** The assignment is what was wanted, if exactly those are members that are. */
function finished(config: ChainConfig, wanted: readonly number[]): ChainConfig {
  const isReached =
    config.members.length === wanted.length && wanted.every((id) => isMember(config, id));
  const isWritten = config.target === undefined && isSameList(config.replicas, wanted);
  return !isReached || isWritten ? config : withReplicas(config, wanted);
}

function maySpareOne({ chain, topic }: ChainSituation): boolean {
  return chain.config.members.length > Math.max(1, topic.minInsyncReplicas);
}

function isDraining({ nodes }: ChainSituation, { id }: Member): boolean {
  return nodes.findNode(id)?.isDraining === true;
}

function isFull({ nodes }: ChainSituation, { id }: Pick<Member, "id">): boolean {
  return nodes.findNode(id)?.isFull === true;
}

/** Why a node is to lead nothing that another one may, the graver reason first. */
const unfitness = [
  [isDraining, "it is about to stop"],
  [isFull, "its disk has no room"],
] as const;

function isMember(config: ChainConfig, id: number): boolean {
  return config.members.some((member) => member.id === id);
}
