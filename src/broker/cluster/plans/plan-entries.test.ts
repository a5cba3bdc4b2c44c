import { afterEach, expect, test } from "vitest";
import { ClusterWorld } from "../../../../test/support/cluster-world.ts";
import type { ClusterPlan } from "../../../replication/placement/cluster-plan.ts";
import type { Coordinator } from "../../ports/coordinator.ts";
import { PlanEntries } from "./plan-entries.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const office = { key: "controller", revision: 0 };
const move = { key: "chains/topic/0", from: [1], to: [2], sizeBytes: 0 };
const plan: ClusterPlan = { id: "1-1", state: "running", movesAtOnceMax: 1, moves: [move] };

type Transaction = Parameters<Coordinator["transact"]>;

/** Of the next transaction that is such a one nobody learns the outcome; it is applied later. */
function holdUp(coordinator: Coordinator, isOne: (transaction: Transaction) => boolean) {
  const transact = coordinator.transact.bind(coordinator);
  const held: Transaction[] = [];
  coordinator.transact = async (...transaction) => {
    if (held.length > 0 || !isOne(transaction)) return await transact(...transaction);
    held.push(transaction);
    throw new Error("the coordinator does not answer");
  };
  return async () => await transact(...(held[0] as Transaction));
}

test("moves that are removed late are not those that were committed again since", async () => {
  world = await ClusterWorld.open(0);
  const { coordinator } = world;
  const reopen = async () => await world.drive(PlanEntries.open(coordinator, office));
  const [first] = await reopen();
  holdUp(coordinator, ([, writes]) => writes.some(({ key }) => key === "plan"));
  await expect(world.drive(first.commit(plan, []))).rejects.toThrow(/does not answer/);
  const applyLate = holdUp(coordinator, ([, writes]) => writes[0]?.value === null);
  await expect(reopen()).rejects.toThrow(/does not answer/);
  const [again] = await reopen();
  await world.drive(again.commit(plan, []));
  expect(await world.drive(applyLate())).toBeUndefined();
  const [{ unreadable }, found] = await reopen();
  expect([unreadable, found]).toEqual([undefined, plan]);
});
