import { XylemError } from "../../base/errors.ts";
import type { Member } from "../member.ts";
import type { ChainConfig } from "../chain-config.ts";
import { nextEpoch, type ChainChange } from "./chain-change.ts";
import type { KnownEpoch, LogEnd } from "./chain-ask.ts";
import type { ChainSituation, ControlledChain, Verdict } from "./chain-situation.ts";
import {
  asMember,
  hasKeptAll,
  isUp,
  type ControlledNode,
  type NodeLookup,
} from "./controlled-node.ts";
import { askOf, awaitSign, change } from "./failure-rules.ts";
import { awayEpochsMax } from "./restored-rules.ts";

/**
 * The coordinator was restored from a backup: nodes know of later epochs than the chain's. Nothing
 * is decided on that old state. Once all nodes it names are there, and the members of the newest
 * epoch that anybody knows of, and others that have the log have had time to say so, it goes on
 * from the newest log, which has all that was committed: in an epoch that no log has, as a node
 * that is away may have a newer one, which nobody knows of. Without a node that was removed for
 * good it is recorded as unclean: that one may have had the newest. So is a log of an `os` topic
 * that has lost something, as `takeBack` has it: it is cut back to where it is whole.
 */
export function goOnFromNewest(situation: ChainSituation): Verdict | undefined {
  const { chain, leased, notes, topic, nowMs, times } = situation;
  const { config } = chain;
  const { fencedMs } = notes;
  if (askOf(situation, "fenced") === undefined || fencedMs === undefined) return undefined;
  const newest = newestKnown(notes.logEnds.values());
  const ids = new Set([...namedIds(config), ...notes.logEnds.keys(), ...newest.memberIds]);
  const nodes = [...ids].flatMap((id) => leased.findNode(id) ?? []);
  const lost = [...ids].filter((id) => situation.isLost(id));
  const stuck = whyStuck(situation, ids);
  if (stuck !== undefined) return { kind: "wait", stuck };
  const known = knownEnds(situation, nodes);
  const question = unasked(nodes, known);
  const untilMs = fencedMs + times.handOverMs;
  if (question.length > 0) return awaitEnds(question, nowMs + times.returnWaitMs);
  if (nowMs < untilMs) return { kind: "wait", untilMs };
  const node = longest(nodes, topic.durability === "fsync" ? ofNewestMembers(known) : known);
  const awaited = awaitSign(situation, [node]);
  if (awaited !== undefined) return awaited;
  const { lastEpoch, isUnsound } = known.find(({ from }) => from.id === node.id) as LogEnd;
  const alone = { members: [asMember(node, topic)], joining: [], leaving: [] };
  const epoch = Math.max(config.epoch, lastEpoch, newest.epoch) + awayEpochsMax;
  const isTorn = topic.durability === "os" && isUnsound === true;
  // The backup may be from before an unclean start, whose loss others are still to follow.
  const uncleanBefore = Math.max(config.unclean, newest.unclean ?? 0);
  const unclean = lost.length > 0 || isTorn ? epoch + 1 : uncleanBefore;
  const next = nextEpoch({ ...config, epoch }, { ...alone, unclean });
  return change(next, `node ${node.id} has the newest log`, lost);
}

/** Of what the nodes have noted; nodes of before may not say how unclean. Epoch -1: nothing. */
export function newestKnown(ends: Iterable<LogEnd>): KnownEpoch {
  let newest: KnownEpoch = { epoch: -1, memberIds: [] };
  for (const { known } of ends) {
    if (known === undefined || known.epoch < newest.epoch) continue;
    const saysMore = (known.unclean ?? 0) > (newest.unclean ?? 0);
    if (known.epoch > newest.epoch || saysMore) newest = known;
  }
  return newest;
}

/**
 * Those of the members of the newest epoch that anybody has noted which lost nothing, if one of
 * them took part in it. Who was cut before may have more records, but none of them was committed,
 * and not know of what was deleted since; who is unsound may lack what the others have whole. All,
 * where a log is of a later epoch.
 */
function ofNewestMembers(ends: readonly LogEnd[]): readonly LogEnd[] {
  const { epoch } = newestKnown(ends);
  const voucher = ends.find(({ from, known, isUnsound }) => {
    const wasMember = known?.epoch === epoch && known.memberIds.includes(from.id);
    return wasMember && isUnsound !== true;
  });
  const isNewest = ends.every(({ lastEpoch }) => lastEpoch <= epoch);
  const memberIds = voucher?.known?.memberIds;
  if (memberIds === undefined || !isNewest) return ends;
  return ends.filter(({ from, isUnsound }) => memberIds.includes(from.id) && isUnsound !== true);
}

/** Why the newest log is not known. */
function whyStuck(situation: ChainSituation, ids: Set<number>): string | undefined {
  const { leased } = situation;
  const away = [...ids].filter((id) => !leased.findNode(id) && !situation.isLost(id));
  const what = "the coordinator's state is older than the logs, and";
  if (away.length > 0) return `${what} nodes ${away.join(", ")} are away`;
  const isAnyUp = [...ids].some((id) => leased.findNode(id) !== undefined);
  return isAnyUp ? undefined : `${what} no node is up that has one`;
}

/** Nodes that the chain is on, or is to be on. */
function namedIds({ members, replicas, target = [] }: ChainConfig): number[] {
  return [...members.map(({ id }) => id), ...replicas, ...target];
}

/**
 * While no member is up nobody is cut: the first one back that lost nothing becomes the chain, in
 * its new life, after a short wait for a longer log, and a long one for all that hold the chain
 * where all nodes may be starting at once. When all are back and none is whole, `os` topics go on
 * from the longest log, which is recorded; `fsync` topics wait for a hand.
 */
export function takeBack(situation: ChainSituation): Verdict | undefined {
  const { chain, leased: nodes, topic, notes, nowMs, times } = situation;
  const { key, config } = chain;
  const { members } = config;
  if (members.some((member) => isUp(member, nodes))) {
    notes.returnedMs = undefined;
    return undefined;
  }
  const back = members.flatMap((member) => {
    const node = nodes.findNode(member.id);
    return node === undefined ? [] : [{ node, isWhole: hasKeptAll(member, node, { key, topic }) }];
  });
  const whole = back.filter(({ isWhole }) => isWhole).map(({ node }) => node);
  if (whole.length === 0)
    return startFromLost(
      situation,
      back.map(({ node }) => node),
    );
  const able = whole.filter((node) => !isUnopened(situation, node));
  if (able.length === 0) return awaitAble(situation, whole);
  notes.returnedMs ??= nowMs;
  const untilMs = notes.returnedMs + times.returnWaitMs;
  // Who was back may have gone again, and its disk with it, before its lease does.
  const heard = able.filter((node) => situation.isHeard(node));
  const present = heard.length === 0 ? able : heard;
  // Each log is a prefix of the one ahead: without answers, the first in the chain's order.
  const known = knownEnds(situation, present);
  const isComplete = present.length === members.length && known.length === present.length;
  const question = unasked(whole, knownEnds(situation, whole));
  if (members.length > 1 && !isComplete && nowMs < untilMs) {
    return { kind: "wait", untilMs, question };
  }
  const othersMs = othersComeUntil(situation);
  if (nowMs < othersMs) return { kind: "wait", untilMs: othersMs, question };
  const node = known.length > 0 ? longest(present, known) : (present[0] as ControlledNode);
  return restart(situation, node, 0, "is back and lost nothing");
}

/**
 * An unclean start by hand, where the topic's owner accepts the loss: from a node that is up,
 * member or not, in the life in which it said where its log ends. Only while no member's lease
 * holds, which is compared; or while the coordinator's state is older than that log and a node is
 * awaited (`goOnFromNewest`). Throws ELECTION_NOT_NEEDED, ELIGIBLE_LEADERS_NOT_AVAILABLE where the
 * topic does not allow it, or PREFERRED_LEADER_NOT_AVAILABLE when the node is not up any more.
 */
export function startUnclean(
  { key, revision, config }: ControlledChain,
  end: Pick<LogEnd, "from" | "lastEpoch" | "known">,
  { leased: nodes, topic }: Pick<ChainSituation, "leased" | "topic">,
): ChainChange {
  const { from } = end;
  const latest = latestKnown(end);
  const isOld = latest > config.epoch;
  const isAwaited = namedIds(config).some((id) => nodes.findNode(id) === undefined);
  const isUpAndKnown = config.members.some((member) => isUp(member, nodes));
  if (isUpAndKnown && !(isOld && isAwaited)) {
    throw new XylemError("ELECTION_NOT_NEEDED", `a member of ${key} is up`);
  }
  if (!topic.allowsUnclean) {
    const detail = `${key}: the topic does not allow it (unclean.leader.election.enable)`;
    throw new XylemError("ELIGIBLE_LEADERS_NOT_AVAILABLE", detail);
  }
  const node = nodes.findNode(from.id);
  if (node === undefined || node.incarnation !== from.incarnation) {
    const what = node === undefined ? "is not up" : "was restarted since it was asked";
    throw new XylemError("PREFERRED_LEADER_NOT_AVAILABLE", `node ${from.id} ${what}`);
  }
  const epoch = 1 + (isOld ? latest + awayEpochsMax : config.epoch);
  const alone = { members: [asMember(node, topic)], joining: [], leaving: [], unclean: epoch };
  return {
    key,
    revision,
    config: { ...config, ...alone, epoch },
    reason: `unclean start from node ${node.id}, by hand`,
    nodes: comparedNodes([...config.members.map((member) => member.id), node.id], nodes),
  };
}

/** Each once; revision 0 where the node has no lease. */
export function comparedNodes(ids: readonly number[], nodes: NodeLookup): ChainChange["nodes"] {
  return [...new Set(ids)].map((id) => ({ id, revision: nodes.findNode(id)?.revision ?? 0 }));
}

/**
 * All nodes may have been stopped, and those that are not back yet know more than the coordinator,
 * which was restored meanwhile. Answers how long they are waited for.
 */
function othersComeUntil(situation: ChainSituation): number {
  const { chain, leased, times } = situation;
  const away = namedIds(chain.config).filter((id) => !leased.findNode(id));
  if (away.some((id) => situation.isStarting(id))) return times.othersStartUntilMs;
  return away.every((id) => situation.isLost(id)) ? -Infinity : times.othersComeUntilMs;
}

/** No member that is back is whole. */
function startFromLost(situation: ChainSituation, back: readonly ControlledNode[]): Verdict {
  const { chain, topic } = situation;
  const { members, epoch } = chain.config;
  situation.notes.returnedMs = undefined;
  if (back.length === 0) return { kind: "wait" };
  if (back.length < members.length) {
    const away = members.filter(({ id }) => back.every((node) => node.id !== id));
    const ids = away.map(({ id }) => id).join(", ");
    return { kind: "wait", stuck: `who is back lacks some of its log, and nodes ${ids} are away` };
  }
  if (topic.durability === "fsync") {
    return { kind: "wait", stuck: "every member has lost something of its log" };
  }
  const known = knownEnds(situation, back);
  const question = unasked(back, known);
  const { nowMs, times } = situation;
  const othersMs = othersComeUntil(situation);
  if (nowMs < othersMs) return { kind: "wait", untilMs: othersMs, question };
  if (question.length > 0) return awaitEnds(question, nowMs + times.returnWaitMs);
  const reason = "has the longest log of those who all lost something";
  return restart(situation, longest(back, known), epoch + 1, reason);
}

/** It is heard of first: a lease outlives its node, and perhaps the disk of it. */
function restart(
  situation: ChainSituation,
  node: ControlledNode,
  unclean: number,
  reason: string,
): Verdict {
  const awaited = awaitSign(situation, [node]);
  if (awaited !== undefined) return awaited;
  const { chain, topic } = situation;
  const { config } = chain;
  const alone = { members: [asMember(node, topic)], joining: [], leaving: [] };
  const next = nextEpoch(config, unclean === 0 ? alone : { ...alone, unclean });
  const compared = unclean === 0 ? [] : config.members.map((member: Member) => member.id);
  return change(next, `node ${node.id} ${reason}`, compared);
}

/** The answers of these nodes in their present lives. */
function knownEnds({ notes }: ChainSituation, nodes: readonly ControlledNode[]): LogEnd[] {
  return nodes.flatMap((node) => {
    const end = notes.logEnds.get(node.id);
    const isKnown = end?.from.incarnation === node.incarnation && end.isUnopened !== true;
    return isKnown ? [end] : [];
  });
}

function isUnopened({ notes }: ChainSituation, { id, incarnation }: ControlledNode): boolean {
  const end = notes.logEnds.get(id);
  return end?.from.incarnation === incarnation && end.isUnopened === true;
}

function unasked(nodes: readonly ControlledNode[], known: readonly LogEnd[]): number[] {
  return nodes.map(({ id }) => id).filter((id) => !known.some(({ from }) => from.id === id));
}

/** Who does not answer is asked again. */
function awaitEnds(question: readonly number[], untilMs: number): Verdict {
  const stuck = `nodes ${question.join(", ")} are up and do not say where their logs end`;
  return { kind: "wait", untilMs, question, stuck };
}

/** None of those that are back can open its log: who comes next is waited for as the first one. */
function awaitAble(situation: ChainSituation, back: readonly ControlledNode[]): Verdict {
  const { notes, nowMs, times } = situation;
  const question = back.map(({ id }) => id);
  const stuck = `nodes ${question.join(", ")} are up and can not open their logs`;
  notes.returnedMs = undefined;
  return { kind: "wait", untilMs: nowMs + times.returnWaitMs, question, stuck };
}

function longest(nodes: readonly ControlledNode[], ends: readonly LogEnd[]): ControlledNode {
  const id = longestOf(ends)?.from.id;
  return nodes.find((node) => node.id === id) as ControlledNode;
}

/** The one to go on with, in whatever order they come. Undefined: there is none. */
export function longestOf(ends: readonly LogEnd[]): LogEnd | undefined {
  // One of them ends last, and below no log's start.
  const left = ends.filter((end) => !ends.some((other) => endsBefore(end, other)));
  return left.find((end) => !left.some((other) => isLonger(other, end)));
}

/**
 * Whether a log has more of what was appended last; or as much, and is sound; or is as sound, and
 * more of it is deleted, as a log start is told to all members before anybody is answered.
 */
function isLonger(left: LogEnd, right: LogEnd): boolean {
  if (left.lastEpoch !== right.lastEpoch) return left.lastEpoch > right.lastEpoch;
  if (left.endOffset !== right.endOffset) return left.endOffset > right.endOffset;
  const [isUnsound, isOtherUnsound] = [left.isUnsound === true, right.isUnsound === true];
  if (isUnsound !== isOtherUnsound) return isOtherUnsound;
  return (left.logStart ?? 0) > (right.logStart ?? 0);
}

/**
 * Whether a log lacks some of what was deleted in the other one, and committed before. One that has
 * no records left has no epoch either: what it took part in says whether that was before.
 */
function endsBefore(log: LogEnd, other: LogEnd): boolean {
  const { logStart = 0 } = other;
  return log.endOffset < logStart && log.lastEpoch <= latestKnown(other);
}

/** The newest epoch that a node knows of a chain, by its records or its notes; -1: none. */
export function latestKnown({ lastEpoch, known }: Pick<LogEnd, "lastEpoch" | "known">): number {
  return Math.max(lastEpoch, known?.epoch ?? -1);
}
