import fc from "fast-check";
import { expect, test } from "vitest";
import { type Fetched, PullGroup } from "../../../../test/support/pull-group.ts";

/** A member that handles what it is handed, and acknowledges when it comes to that. */
interface Member {
  readonly name: string;
  /** Of the newest answer that arrived. */
  cursor: string | undefined;
}

type Deed =
  | { readonly kind: "fetch"; readonly member: number; readonly isInHand: boolean }
  | { readonly kind: "lose" | "ack" | "leave" | "crash"; readonly member: number }
  | { readonly kind: "append"; readonly partition: number }
  | { readonly kind: "advance"; readonly durationMs: number }
  | { readonly kind: "restart"; readonly how: "stop" | "crash" };

const partitionCount = 3;
const kind = <K extends string>(name: K) => fc.constant(name);
const member = fc.nat(2);
const deeds: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: kind("fetch"), member, isInHand: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ kind: kind("ack"), member }) },
  { weight: 2, arbitrary: fc.record({ kind: kind("lose"), member }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("leave", "crash"), member }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: kind("append"), partition: fc.nat(partitionCount - 1) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: kind("advance"),
      durationMs: fc.oneof(fc.nat(2_000), fc.nat(50_000)),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: kind("restart"), how: fc.constantFrom("stop", "crash") }),
  },
);

/** Some members, what any of them has handled, and what they know. */
class World {
  readonly group: PullGroup;
  readonly handled = new Set<string>();
  readonly members: readonly Member[] = ["one", "two", "three"].map((name) => ({
    name,
    cursor: undefined,
  }));

  constructor(group: PullGroup) {
    this.group = group;
  }

  async perform(deed: Deed): Promise<void> {
    const { group } = this;
    if (deed.kind === "append") return await group.append("orders", deed.partition, "v");
    if (deed.kind === "advance") return await group.node.advance(deed.durationMs);
    if (deed.kind === "restart") return await group.restart(deed.how);
    const actor = this.members[deed.member] as Member;
    if (deed.kind === "fetch") await this.fetch(actor, deed.isInHand);
    if (deed.kind === "lose") await group.fetch(actor.name, { limit: 3 });
    if (deed.kind === "ack") await this.#acknowledge(actor);
    if (deed.kind === "leave") await group.leave(actor.name).catch(expectGone);
    if (deed.kind === "leave" || deed.kind === "crash") actor.cursor = undefined;
  }

  async fetch(actor: Member, isInHand: boolean): Promise<Fetched> {
    const inHand = isInHand && actor.cursor !== undefined ? { cursor: actor.cursor } : {};
    const fetched = await this.group.fetch(actor.name, { limit: 3, ...inHand });
    for (const { partition, offset } of fetched.records) this.handled.add(`${partition}@${offset}`);
    actor.cursor = fetched.cursor;
    return fetched;
  }

  /** Nothing that nobody has handled may count as done. */
  expectHandled(): void {
    for (const [partition, committed] of this.#committed()) {
      for (let offset = 0; offset < committed; offset++) {
        const place = `${partition}@${offset}`;
        expect(this.handled.has(place), `${place} is acknowledged, but was never handled`).toBe(
          true,
        );
      }
    }
  }

  async comeToRest(): Promise<void> {
    for (let round = 0; round < 60; round++) {
      for (const actor of this.members) {
        await this.fetch(actor, false);
        await this.#acknowledge(actor);
      }
      await this.group.node.advance("1s");
    }
    const partitions = this.group.node.broker.topics.find("orders")?.partitions ?? [];
    const ends = partitions.map(({ index, committed }) => [index, committed]);
    expect(Object.fromEntries(this.#committed())).toEqual(Object.fromEntries(ends));
  }

  async #acknowledge({ name, cursor }: Member): Promise<void> {
    if (cursor !== undefined) await this.group.ack(name, { cursor }).catch(expectGone);
  }

  #committed(): [number, number][] {
    const { offsets } = this.group.node.groups.fetchOffsets("g", null);
    return offsets.map(({ partition, offset }) => [partition, offset]);
  }
}

function expectGone(error: { code?: string }): void {
  expect(["UNKNOWN_MEMBER_ID", "STALE_MEMBER_EPOCH"]).toContain(error.code);
}

test("whatever members do, what counts as done was handled, and all is done at last", async () => {
  const run = async (script: readonly Deed[]): Promise<void> => {
    const group = await PullGroup.open();
    await group.node.createTopic("orders", partitionCount);
    const world = new World(group);
    for (const deed of script) {
      await world.perform(deed);
      world.expectHandled();
    }
    await world.comeToRest();
    world.expectHandled();
  };
  const scripts = fc.array(deeds, { maxLength: 60, size: "max" });
  await fc.assert(fc.asyncProperty(scripts, run), { numRuns: 40, endOnFailure: true });
}, 60_000);
