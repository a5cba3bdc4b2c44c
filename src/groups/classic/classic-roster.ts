import { assert } from "../../base/assert.ts";
import type { CallId, MemberProtocol } from "./classic-events.ts";
import type { ClassicMember, MemberTerms } from "./classic-member.ts";

/**
 * Who is in a classic group: members in order of joining, static members by instance id, ids
 * handed out and not used yet, and how many members offer each protocol.
 */
export class ClassicRoster {
  readonly #members = new Map<string, ClassicMember>();
  readonly #idsByInstance = new Map<string, string>();
  readonly #supporters = new Map<string, number>();
  /** Id to its monotonic deadline (KIP-394). */
  readonly pendingIds = new Map<string, number>();
  #waitingJoins = 0;

  get size(): number {
    return this.#members.size;
  }

  get waitingJoins(): number {
    return this.#waitingJoins;
  }

  get hasEverybodyJoined(): boolean {
    return this.#waitingJoins === this.#members.size && this.pendingIds.size === 0;
  }

  all(): IterableIterator<ClassicMember> {
    return this.#members.values();
  }

  find(memberId: string): ClassicMember | undefined {
    return this.#members.get(memberId);
  }

  has(memberId: string): boolean {
    return this.#members.has(memberId);
  }

  findIdOfInstance(instanceId: string): string | undefined {
    return this.#idsByInstance.get(instanceId);
  }

  first(): ClassicMember | undefined {
    return this.#members.values().next().value;
  }

  firstWaitingToJoin(): ClassicMember | undefined {
    for (const member of this.#members.values()) if (member.joinCall !== null) return member;
    return undefined;
  }

  add(member: ClassicMember): void {
    assert(!this.#members.has(member.id), `member ${member.id} joined twice`);
    if (member.instanceId !== null) {
      assert(!this.#idsByInstance.has(member.instanceId), `instance ${member.instanceId} twice`);
      this.#idsByInstance.set(member.instanceId, member.id);
    }
    this.#members.set(member.id, member);
    this.#count(member.terms.protocols, 1);
    this.pendingIds.delete(member.id);
  }

  /** The member must have no waiting call any more: its caller answered it. */
  remove(member: ClassicMember): void {
    assert(member.joinCall === null, `member ${member.id} left with a JoinGroup unanswered`);
    assert(member.syncCall === null, `member ${member.id} left with a SyncGroup unanswered`);
    assert(this.#members.delete(member.id), `member ${member.id} is not there to be removed`);
    if (member.instanceId !== null) this.#idsByInstance.delete(member.instanceId);
    this.#count(member.terms.protocols, -1);
  }

  setJoinCall(member: ClassicMember, call: CallId | null): void {
    if (member.joinCall === null && call !== null) this.#waitingJoins++;
    if (member.joinCall !== null && call === null) this.#waitingJoins--;
    member.joinCall = call;
  }

  setTerms(member: ClassicMember, terms: MemberTerms): void {
    this.#count(member.terms.protocols, -1);
    member.terms = terms;
    this.#count(terms.protocols, 1);
  }

  /** The longest rebalance timeout of all members; 0 without any. */
  rebalanceTimeoutMs(): number {
    let longestMs = 0;
    for (const { terms } of this.#members.values()) {
      longestMs = Math.max(longestMs, terms.rebalanceTimeoutMs);
    }
    return longestMs;
  }

  /** Whether some protocol of the list is offered by every member. */
  sharesProtocol(protocols: readonly MemberProtocol[]): boolean {
    return protocols.some(({ name }) => this.#isShared(name));
  }

  /**
   * Among the protocols that all members offer, each member votes for the first on its list; most
   * votes win, and of equals the one voted for first.
   */
  selectProtocol(): string {
    const votes = new Map<string, number>();
    for (const { id, terms } of this.#members.values()) {
      const choice = terms.protocols.find(({ name }) => this.#isShared(name));
      assert(choice !== undefined, `member ${id} shares no protocol with its group`);
      votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1);
    }
    let winner: { name: string; votes: number } | undefined;
    for (const [name, count] of votes) {
      if (winner === undefined || count > winner.votes) winner = { name, votes: count };
    }
    assert(winner !== undefined, "an empty group has no protocol to select");
    return winner.name;
  }

  #isShared(name: string): boolean {
    return (this.#supporters.get(name) ?? 0) === this.#members.size;
  }

  /** A name counts once for each member, however often its list has it. */
  #count(protocols: readonly MemberProtocol[], step: 1 | -1): void {
    for (const name of new Set(protocols.map((protocol) => protocol.name))) {
      const count = (this.#supporters.get(name) ?? 0) + step;
      if (count === 0) this.#supporters.delete(name);
      else this.#supporters.set(name, count);
    }
  }
}
