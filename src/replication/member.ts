/** A node in one life (cluster.md, section 1): the same node restarted is no member. */
export interface Member {
  readonly id: number;
  /** 22 characters of base64url, random at each start. */
  readonly incarnation: string;
  /** Random; kept as long as the node can have lost nothing that it held of this chain. */
  readonly lineage: string;
}

/** The lineage says what a former life had, not who this is. */
export function sameMember(
  left: Pick<Member, "id" | "incarnation">,
  right: Pick<Member, "id" | "incarnation">,
): boolean {
  return left.id === right.id && left.incarnation === right.incarnation;
}
