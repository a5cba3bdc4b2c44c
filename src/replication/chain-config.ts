import { assert } from "../base/assert.ts";
import type { MemberPool } from "./member-pool.ts";
import { sameMember, type Member } from "./member.ts";

/**
 * Who serves one partition (cluster.md, section 2): JSON at the coordinator, below
 * `chains/<topicId>/<partition>`. Only the controller writes it, always by compare-and-set.
 */
export interface ChainConfig {
  /** One more at every change, but not when a joiner is named or the assignment is written. */
  readonly epoch: number;
  /** From the head to the tail; never empty. */
  readonly members: readonly Member[];
  /** Those that copy the log from the tail and do not count yet. */
  readonly joining: readonly Member[];
  /** Node ids of members that go: a head among them takes no writes any more. */
  readonly leaving: readonly number[];
  /** The epoch of the last unclean start; 0: there was none. */
  readonly unclean: number;
  /** Node ids that the partition is assigned to, the preferred head first; Kafka's replicas. */
  readonly replicas: readonly number[];
  /** While it is reassigned: what `replicas` becomes. */
  readonly target?: readonly number[];
  /**
   * The revision of the mark that a restored coordinator had when it was written anew; absent: it
   * was never restored.
   */
  readonly era?: number;
}

export type ChainRole = "head" | "middle" | "tail" | "solo" | "joiner" | "outsider";

/** A node in this life. */
type Life = Pick<Member, "id" | "incarnation">;

/** What a node is in the chain. */
export function roleOf(config: ChainConfig, who: Life): ChainRole {
  const place = config.members.findIndex((member) => sameMember(member, who));
  if (place < 0) return config.joining.some((one) => sameMember(one, who)) ? "joiner" : "outsider";
  if (config.members.length === 1) return "solo";
  if (place === 0) return "head";
  return place === config.members.length - 1 ? "tail" : "middle";
}

/** Whom a node's replica follows: a joiner, when it is its turn, the tail. */
export function predecessorOf(config: ChainConfig, who: Life): Member | undefined {
  const place = config.members.findIndex((member) => sameMember(member, who));
  if (place >= 0) return config.members[place - 1];
  const next = config.joining[0];
  return next !== undefined && sameMember(next, who) ? config.members.at(-1) : undefined;
}

export function successorOf(config: ChainConfig, who: Life): Member | undefined {
  const place = config.members.findIndex((member) => sameMember(member, who));
  return place < 0 ? undefined : config.members[place + 1];
}

/** Nodes that have, or may still have, files of the partition; one may be named several times. */
export function holderIds({ members, joining, replicas, target = [] }: ChainConfig): number[] {
  const ids = [...replicas, ...target];
  for (const { id } of members) ids.push(id);
  for (const { id } of joining) ids.push(id);
  return ids;
}

export const chainsPrefix = "chains/";

export function chainKey(topicId: string, partition: number): string {
  return `${chainsPrefix}${topicId}/${partition}`;
}

export function topicIdOf(key: string): string {
  assert(key.startsWith(chainsPrefix), `${key} is no chain's key`);
  return key.slice(chainsPrefix.length, key.lastIndexOf("/"));
}

export function formatChainConfig(config: ChainConfig): string {
  const { epoch, members, joining, leaving, unclean, replicas, target, era } = config;
  return JSON.stringify({
    epoch,
    members: members.map(toFields),
    joining: joining.map(toFields),
    leaving,
    unclean,
    replicas,
    target,
    era,
  });
}

/**
 * Our own writing: anything else in it is a defect, or a newer version's. Who keeps many chains
 * gives a pool.
 */
export function parseChainConfig(key: string, text: string, pool?: MemberPool): ChainConfig {
  const value = JSON.parse(text) as Record<string, unknown>;
  const { epoch, members, joining, leaving, unclean, replicas, target, era } = value;
  const isWhole =
    isCount(epoch) &&
    isCount(unclean) &&
    isListOf(members, isMemberFields) &&
    isListOf(joining, isMemberFields) &&
    isListOf(leaving, isCount) &&
    isListOf(replicas, isCount) &&
    (target === undefined || isListOf(target, isCount)) &&
    (era === undefined || isCount(era));
  assert(isWhole, `the coordinator's entry of chain ${key} is not one of ours: ${text}`);
  const toMember = ([id, incarnation, lineage]: MemberFields): Member => {
    const member = { id, incarnation, lineage };
    return pool === undefined ? member : pool.share(member);
  };
  return {
    epoch,
    members: members.map(toMember),
    joining: joining.map(toMember),
    leaving,
    unclean,
    replicas,
    ...(target === undefined ? {} : { target }),
    ...(era === undefined ? {} : { era }),
  };
}

/** A list instead of an object: of many chains the names would be most of the text. */
type MemberFields = readonly [id: number, incarnation: string, lineage: string];

function toFields({ id, incarnation, lineage }: Member): MemberFields {
  return [id, incarnation, lineage];
}

function isMemberFields(value: unknown): value is MemberFields {
  if (!Array.isArray(value)) return false;
  return isCount(value[0]) && typeof value[1] === "string" && typeof value[2] === "string";
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isListOf<T>(value: unknown, isOne: (one: unknown) => one is T): value is readonly T[] {
  return Array.isArray(value) && value.every(isOne);
}
