import type { Member } from "./member.ts";

/**
 * One object for each member instead of one for each chain that lists it: most of what an image of
 * many chains would hold.
 */
export class MemberPool {
  readonly #byIncarnation = new Map<string, Member>();
  /** Lives that ended are forgotten then; who lists them keeps them. */
  readonly #sizeMax: number;

  constructor(sizeMax = 10_000) {
    this.#sizeMax = sizeMax;
  }

  /** An equal member: the one that was given first. */
  share(member: Member): Member {
    const known = this.#byIncarnation.get(member.incarnation);
    if (known?.id === member.id && known.lineage === member.lineage) return known;
    if (this.#byIncarnation.size >= this.#sizeMax) this.#byIncarnation.clear();
    this.#byIncarnation.set(member.incarnation, member);
    return member;
  }
}
