import type { ChainConfig } from "../chain-config.ts";
import { sameMember, type Member } from "../member.ts";
import { nextEpoch } from "./chain-change.ts";
import type { ChainAsk, Life } from "./chain-ask.ts";
import type { ChainSituation, Rest, Verdict } from "./chain-situation.ts";
import { isUp } from "./controlled-node.ts";

/** So many times is looked for a sign of life; a link that opens is one at once. */
const looksPerWait = 20;
/** How many times as long the longest rest is. */
const restsMax = 64;
/** The first rest of who gave up by itself is so much shorter. */
const ownRestsPart = 10;
/** How long a rest is remembered, besides twice its own length. */
const longMs = 120_000;

/** Appends the joiner that the tail asks for: at the asked epoch only, and in that life. */
export function appendJoiner(situation: ChainSituation): Verdict | undefined {
  const { chain, nodes } = situation;
  const { config } = chain;
  const ask = askOf(situation, "append");
  if (ask === undefined || !sameMember(ask.from, config.members.at(-1) as Member)) return undefined;
  const joiner = config.joining.find((one) => sameMember(one, ask.joiner));
  if (joiner === undefined || !isUp(joiner, nodes)) return undefined;
  const joining = config.joining.filter((one) => one !== joiner);
  return change(
    nextEpoch(config, { members: [...config.members, joiner], joining }),
    `node ${joiner.id} has joined`,
  );
}

/**
 * Cuts members whose lease is gone, whose id is back in another life, or whose process is gone as
 * those say who dialed it; while another is up. One of these is heard of first, or keeps its lease
 * for longer than that outlives its node: after a power cut of all members the chain is not to be
 * left to one that is dead as well, and its disk lost perhaps, while others are back and have all.
 */
export function cutDead(situation: ChainSituation): Verdict | undefined {
  const { chain, nodes, leased } = situation;
  const { config } = chain;
  const members = config.members.filter((member) => isUp(member, nodes));
  if (members.length === 0 || members.length === config.members.length) return undefined;
  const awaited = awaitSign(situation, members);
  if (awaited !== undefined) return awaited;
  const joining = config.joining.filter((one) => isUp(one, nodes));
  const gone = config.members.filter((member) => !members.includes(member));
  const suspected = gone.filter((member) => isUp(member, leased));
  // It may live all the same: then it comes back, but not at once and again and again.
  for (const member of suspected) rest(situation, member);
  const how = suspected.length === 0 ? "gone" : "gone before its lease";
  return change(shortened(config, members, joining), `${nodesOf(gone)} ${how}`);
}

/** Waits for a sign of life of one of these; undefined: there is one, or time is over. */
export function awaitSign(
  situation: ChainSituation,
  members: readonly Life[],
): Verdict | undefined {
  const { notes, nowMs, times } = situation;
  if (members.some((member) => situation.isHeard(member))) return undefined;
  notes.unheardSinceMs ??= nowMs;
  const endsMs = notes.unheardSinceMs + times.unheardMs;
  if (nowMs >= endsMs) return undefined;
  const untilMs = Math.min(endsMs, nowMs + times.unheardMs / looksPerWait);
  return { kind: "wait", untilMs, unheard: members.map(({ id }) => id) };
}

/** A new epoch without the joiner, whose ask must not count any more. */
export function cancelJoin(situation: ChainSituation): Verdict | undefined {
  const { chain, nodes, wanted } = situation;
  const { config } = chain;
  const gone = config.joining.filter((one) => {
    return !isUp(one, nodes) || nodes.findNode(one.id)?.isDraining === true;
  });
  const unwanted = config.joining.filter((one) => !wanted.includes(one.id));
  const stalled = stalledOf(situation, config.joining);
  const cancelled = new Set([...gone, ...unwanted, ...stalled]);
  if (cancelled.size === 0) return undefined;
  for (const one of stalled) rest(situation, one);
  const joining = config.joining.filter((one) => !cancelled.has(one));
  return change(nextEpoch(config, { joining }), `${nodesOf([...cancelled])} joins no more`);
}

/**
 * Cuts a member that lives and stands still, as a neighbour of it reports, or itself: then one of
 * those that are left is heard of first, as in `cutDead`.
 */
export function cutStalled(situation: ChainSituation): Verdict | undefined {
  const { config } = situation.chain;
  const [stalled] = stalledOf(situation, config.members);
  if (stalled === undefined || config.members.length === 1) return undefined;
  const members = config.members.filter((member) => member !== stalled);
  const from = askOf(situation, "report")?.from;
  const isOwn = from !== undefined && sameMember(from, stalled);
  const awaited = isOwn ? awaitSign(situation, members) : undefined;
  if (awaited !== undefined) return awaited;
  rest(situation, stalled);
  return change(shortened(config, members), `node ${stalled.id} stands still`);
}

/** Those of them that a neighbour reports in this epoch, or that give up themselves. */
function stalledOf(situation: ChainSituation, among: readonly Member[]): Member[] {
  const report = askOf(situation, "report");
  if (report === undefined) return [];
  const stalled = among.find((one) => sameMember(one, report.stalled));
  if (stalled === undefined) return [];
  if (sameMember(stalled, report.from)) return [stalled];
  const { members } = situation.chain.config;
  const place = members.indexOf(stalled);
  const neighbours = place < 0 ? [members.at(-1)] : [members[place - 1], members[place + 1]];
  return neighbours.some((one) => one && sameMember(one, report.from)) ? [stalled] : [];
}

/** The ask of this kind, if it is of the chain's epoch. */
export function askOf<Kind extends ChainAsk["kind"]>(
  { chain, notes }: ChainSituation,
  kind: Kind,
): Extract<ChainAsk, { kind: Kind }> | undefined {
  const ask = notes.asks.get(kind);
  if (ask?.epoch !== chain.config.epoch) return undefined;
  return ask as Extract<ChainAsk, { kind: Kind }>;
}

export function change(
  config: ChainConfig,
  reason: string,
  compared: readonly number[] = [],
): Verdict {
  return { kind: "change", config, reason, compared };
}

/** A new epoch of fewer members; who is alone does not leave, and who is out does not either. */
export function shortened(
  config: ChainConfig,
  members: readonly Member[],
  joining = config.joining,
): ChainConfig {
  const goesOn = (id: number): boolean => members.length > 1 && members[0]?.id === id;
  return nextEpoch(config, { members, joining, leaving: config.leaving.filter(goesOn) });
}

function rest(situation: ChainSituation, one: Pick<Member, "id" | "incarnation">): void {
  const { notes, nowMs, times } = situation;
  const { id, incarnation } = one;
  const known = notes.resting.get(id);
  const isSame = known?.incarnation === incarnation;
  // Decided before, and not written: nothing has happened since.
  if (isSame && known.untilMs > nowMs) return;
  const report = askOf(situation, "report");
  // Who gives up by itself knows why, and mends it.
  const isOwn = report !== undefined && sameMember(report.from, one);
  const firstMs = isOwn ? times.restMs / ownRestsPart : times.restMs;
  const isAgain = isSame && !isLongAgo(known, nowMs);
  const spanMs = isAgain ? Math.min(known.spanMs * 2, times.restMs * restsMax) : firstMs;
  notes.resting.set(id, { incarnation, untilMs: nowMs + spanMs, spanMs });
}

/** Who stands still soon after it rested rests longer; after this it begins anew. */
export function isLongAgo({ untilMs, spanMs }: Rest, nowMs: number): boolean {
  return nowMs > untilMs + 2 * spanMs + longMs;
}

function nodesOf(members: readonly Member[]): string {
  const ids = members.map(({ id }) => id).join(", ");
  return members.length === 1 ? `node ${ids}` : `nodes ${ids}`;
}
