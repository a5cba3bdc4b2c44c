import type { Member } from "../member.ts";

/** A node whose lease holds, as its leased entry at the coordinator says. */
export interface ControlledNode {
  readonly id: number;
  readonly incarnation: string;
  readonly lineages: Lineages;
  /** Keys of chains whose replicas there have lost something all the same. */
  readonly lost?: readonly string[] | undefined;
  /** The coordinator's revision of the entry: for compares. */
  readonly revision: number;
  /** It is about to stop: it gives away what it serves and joins nothing. */
  readonly isDraining: boolean;
  /** Its disk takes no appends. */
  readonly isFull?: boolean | undefined;
}

/**
 * `fsync`: kept while no flushed byte can be lost. `os`: while no written one can, so it is new
 * whenever the other one is, and after a crash of the machine.
 */
export interface Lineages {
  readonly fsync: string;
  readonly os: string;
}

/** What the controller needs to know of a topic. */
export interface TopicRules {
  readonly partitions: number;
  readonly durability: keyof Lineages;
  readonly minInsyncReplicas: number;
  /** Whether records may be given up by hand. */
  readonly allowsUnclean: boolean;
  /** `replicas=all`: every node with a seat has one. */
  readonly isEverywhere: boolean;
}

/** Nodes by id. */
export interface NodeLookup {
  findNode(id: number): ControlledNode | undefined;
}

/** Whether the lookup knows the member in the life that is listed. */
export function isUp(member: Pick<Member, "id" | "incarnation">, nodes: NodeLookup): boolean {
  return nodes.findNode(member.id)?.incarnation === member.incarnation;
}

/** The node as a member of a topic's chain. */
export function asMember(node: ControlledNode, topic: TopicRules): Member {
  const { id, incarnation, lineages } = node;
  return { id, incarnation, lineage: lineages[topic.durability] };
}

/** Whether a node that is back has lost nothing of what the listed member of a chain held. */
export function hasKeptAll(
  member: Member,
  node: ControlledNode,
  { key, topic }: { readonly key: string; readonly topic: TopicRules },
): boolean {
  if (node.lost?.includes(key) === true) return false;
  // Who lost nothing that was written lost nothing that was flushed: the topic may have changed.
  if (member.lineage === node.lineages.os) return true;
  return topic.durability === "fsync" && member.lineage === node.lineages.fsync;
}
