import fc from "fast-check";
import { expect, test } from "vitest";
import { ControllerWorld, life, topicRules } from "../../../test/support/controller-world.ts";
import type { ChainConfig } from "../chain-config.ts";
import type { Member } from "../member.ts";
import type { ChainChange } from "./chain-change.ts";

const nodeIds = [1, 2, 3, 4];
const lives = "abcdefghijklmnopqrstuvwxyz";

/** Named as often as they are to come. */
const kinds = (
  "down down up up up restart wipe drain append append append handOver report target wait tell " +
  "prefer"
).split(" ");

/** What may happen to the cluster, by a node and some other number. */
const happening = fc.record({
  kind: fc.constantFrom(...kinds),
  id: fc.constantFrom(...nodeIds),
  other: fc.nat(1_000),
});

/** A world whose every change is checked against what cluster.md, section 4, allows. */
class CheckedWorld extends ControllerWorld {
  readonly #lives = new Map<number, number>();

  override apply(change: ChainChange): void {
    const before = this.config();
    const chain = this.image.findChain(change.key);
    expect(change.revision).toBe(chain?.revision);
    checkChange(before, change.config, (member) => this.#isUp(member));
    super.apply(change);
  }

  start(id: number, isWiped: boolean): void {
    const number = (this.#lives.get(id) ?? -1) + 1;
    this.#lives.set(id, number);
    const incarnation = lives[number % lives.length] as string;
    const lineage = isWiped ? `new${number}` : undefined;
    const lineages = { fsync: lineage ?? `f${id}`, os: lineage ?? `o${id}` };
    this.up(`${id}${incarnation}`, { lineages });
  }

  happen({ kind, id, other }: { kind: string; id: number; other: number }): void {
    if (kind === "down") this.down(id);
    else if (kind === "up" && this.image.findNode(id) !== undefined) return;
    else if (kind === "up" || kind === "restart") this.start(id, false);
    else if (kind === "wipe") this.start(id, other % 2 === 0);
    else if (kind === "wait") this.nowMs += other * 20;
    else if (kind === "prefer") this.controller.prefer("chains/t/0");
    else if (kind === "target") this.#reassign(nodeIds.filter((one) => (other >> one) % 2 === 1));
    else this.#say(kind, id, other);
  }

  #reassign(target: readonly number[]): void {
    if (target.length > 0) this.set(0, { ...this.config(), target });
  }

  /** What nodes say to the controller, mostly what they would. */
  #say(kind: string, id: number, endOffset: number): void {
    const { members, joining } = this.config();
    const [first, last] = [members[0] as Member, members.at(-1) as Member];
    const place = members.findIndex((member) => member.id === id);
    const stalled = members[place] ?? joining[0] ?? first;
    if (kind === "append") this.ask({ kind, from: last, joiner: joining[0] ?? last });
    else if (kind === "handOver") this.ask({ kind, from: first });
    else if (kind === "report") this.ask({ kind, from: members[place - 1] ?? last, stalled });
    const node = this.image.findNode(id);
    if (node === undefined) return;
    if (kind === "drain") this.image.setNode({ ...node, isDraining: true });
    else if (kind === "tell") {
      this.controller.tell({ key: "chains/t/0", from: node, lastEpoch: 1, endOffset });
    }
  }

  #isUp({ id, incarnation }: Member): boolean {
    return this.image.findNode(id)?.incarnation === incarnation;
  }
}

function checkChange(
  before: ChainConfig,
  after: ChainConfig,
  isUp: (member: Member) => boolean,
): void {
  const names = (list: readonly Member[]) =>
    list.map(({ id, incarnation }) => `${id}${incarnation}`);
  const [was, is] = [names(before.members), names(after.members)];
  const isSameChain = was.join() === is.join();
  const isNaming = isSameChain && after.joining.length > before.joining.length;
  const isAssignment = isSameChain && names(before.joining).join() === names(after.joining).join();
  const mayKeepEpoch = (isNaming || isAssignment) && before.leaving.length === after.leaving.length;
  // Cancelling, cutting, appending, leaving: a new epoch. Never back, never two.
  expect(after.epoch - before.epoch).toBe(mayKeepEpoch ? 0 : 1);
  expect(is.length).toBeGreaterThan(0);
  expect(after.joining.length).toBeLessThanOrEqual(1);
  expect(new Set(after.members.map(({ id }) => id)).size).toBe(is.length);
  const isAppended = is.length > was.length;
  if (before.members.some(isUp) || isAppended) {
    // Members keep their order; who comes was a joiner, comes last and alone.
    const stayed = is.filter((name) => was.includes(name));
    expect(stayed).toEqual(was.filter((name) => is.includes(name)));
    const come = is.filter((name) => !was.includes(name));
    expect(names(before.joining)).toEqual(expect.arrayContaining(come));
    expect(is).toEqual([...stayed, ...come]);
    // Nobody is cut unless another member is up, and stays.
    if (stayed.length < was.length) expect(after.members.some(isUp)).toBe(true);
    expect(after.unclean).toBe(before.unclean);
  } else if (!isSameChain) {
    expect(is).toHaveLength(1);
    const [only] = after.members as readonly [Member];
    const former = before.members.find(({ id }) => id === only.id) as Member;
    const keptAll = [`f${only.id}`, former.lineage].includes(only.lineage);
    const isUnclean = after.unclean === after.epoch;
    expect(isUnclean || (keptAll && former.lineage === only.lineage)).toBe(true);
  }
  if (after.leaving.length > 0) expect(after.leaving).toEqual([after.members[0]?.id]);
}

test("whatever happens, a change is one that the protocol allows", () => {
  fc.assert(
    fc.property(
      fc.array(happening, { minLength: 20, maxLength: 120 }),
      fc.constantFrom("fsync" as const, "os" as const),
      (happenings, durability) => {
        const rules = { ...topicRules, durability };
        const world = new CheckedWorld({ headsAtOnceMax: 1, preferredAfterMs: 5_000 }, rules);
        for (const id of nodeIds) world.start(id, false);
        world.chain("1a 2a 3a", {
          members: ["1a", "2a", "3a"].map((name) => {
            const lineage = durability === "os" ? `o${life(name).id}` : `f${life(name).id}`;
            return { ...life(name), lineage };
          }),
        });
        for (const one of happenings) {
          world.happen(one);
          if (one.other % 3 !== 0) world.settle();
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("once everybody is back and nothing happens any more, a chain is as it is assigned", () => {
  fc.assert(
    fc.property(fc.array(happening, { minLength: 10, maxLength: 60 }), (happenings) => {
      const world = new CheckedWorld({ headsAtOnceMax: 1, preferredAfterMs: 5_000 });
      for (const id of nodeIds) world.start(id, false);
      world.chain("1a 2a 3a");
      for (const one of happenings) {
        // No disk is lost here: nothing waits for a hand.
        world.happen(one.kind === "wipe" ? { ...one, kind: "restart" } : one);
        if (one.other % 3 !== 0) world.settle();
      }
      for (const id of nodeIds) world.start(id, false);
      for (let rounds = 0; rounds < 10; rounds += 1) {
        world.nowMs += 20_000;
        world.live();
      }
      const { members, replicas, target, joining, leaving } = world.config();
      expect({ target, joining, leaving }).toEqual({ target: undefined, joining: [], leaving: [] });
      expect(new Set(members.map(({ id }) => id))).toEqual(new Set(replicas));
      expect(members[0]?.id).toBe(replicas[0]);
    }),
    { numRuns: 300 },
  );
});
