import { describe, expect, test } from "vitest";
import { ControllerWorld, life } from "../../../test/support/controller-world.ts";
import { formatPlan, formatPlanState, parsePlan, type ClusterPlan } from "./cluster-plan.ts";
import type { ChainChange } from "../controller/chain-change.ts";
import type { PlacedPartition } from "./node-loads.ts";
import type { Move } from "./plan-replicas.ts";
import { draftPlan } from "./draft-plan.ts";
import { type PlanFacts, PlanRun } from "./plan-run.ts";
import { formatSeat, parseSeat, seatKey, type Seat } from "./seat.ts";

const seat = (id: number, more: Partial<Seat> = {}): Seat => {
  return { id, rack: "", weight: 1, state: "valid", ...more };
};
/** Nodes that were removed before the plan was committed, or since. */
const removed = (before: readonly number[], since: readonly number[] = []): PlanFacts => ({
  removalOf: (id) => (before.includes(id) ? "before" : since.includes(id) ? "since" : undefined),
  isBehindLogs: () => false,
});
const noneGone = removed([]);
const keyOf = (at: number): string => `chains/t/${at}`;
const placed = (at: number, ...replicas: number[]): PlacedPartition => {
  return { key: keyOf(at), replicas, sizeBytes: 100 };
};

/** Four partitions of two replicas on nodes 1 and 2, and a plan because of node 3. */
class PlannedWorld extends ControllerWorld {
  readonly plan: ClusterPlan;
  run: PlanRun;

  constructor(seats: readonly Seat[], movesAtOnceMax = 1) {
    super({}, { partitions: 4 });
    this.up("1a 2a 3a");
    const names = ["1a 2a", "2a 1a", "1a 2a", "2a 1a"];
    names.forEach((members, at) => this.chain(members, {}, at));
    const partitions = names.map((_, at) => placed(at, ...this.config(at).replicas));
    const { moves } = draftPlan(partitions, seats, { tolerance: 0.01 });
    this.plan = { id: "p1", state: "running", movesAtOnceMax, moves };
    this.run = new PlanRun(this.plan, this.image, noneGone);
  }

  /** One step of the plan, written, and all chains as far as they come. */
  step(): boolean {
    const { changes, prefers, isDone } = this.run.step();
    for (const change of changes) this.apply(change);
    for (const key of prefers) this.controller.prefer(key);
    for (let at = 0; at < 4; at += 1) this.live(at);
    for (let at = 0; at < 4; at += 1) this.run.chainChanged(keyOf(at));
    return isDone;
  }

  runToEnd(): void {
    for (let steps = 0; steps < 20; steps += 1) if (this.step()) return;
    throw new Error("the plan does not end");
  }

  get replicas(): string[] {
    return [0, 1, 2, 3].map((at) => this.config(at).replicas.join(" "));
  }

  get members(): string[] {
    return [0, 1, 2, 3].map((at) =>
      this.config(at)
        .members.map(({ id }) => id)
        .join(" "),
    );
  }
}

describe("a plan's run", () => {
  test("moves so many at once as it may, and ends where the plan said, heads included", () => {
    const world = new PlannedWorld([seat(1), seat(2), seat(3, { state: "joining" })]);
    const moving = world.plan.moves.length;
    expect(world.run.progress).toMatchObject({ waiting: moving, running: 0, done: 0 });
    expect(world.run.step().changes).toHaveLength(1);
    world.step();
    expect(world.run.progress).toMatchObject({ waiting: moving - 1, done: 1 });
    world.runToEnd();
    const targets = new Map(world.plan.moves.map(({ key, to }) => [key, to.join(" ")]));
    world.replicas.forEach((replicas, at) => {
      expect(replicas).toBe(targets.get(keyOf(at)) ?? replicas);
      expect(world.members[at]?.split(" ")[0]).toBe(replicas.split(" ")[0]);
    });
    const held = [1, 2, 3].map((id) => world.image.chainsOf(id).size);
    expect(held.toSorted((a, b) => a - b)).toEqual([2, 3, 3]);
    expect(world.run.progress).toMatchObject({ waiting: 0, done: moving, skipped: 0 });
    expect(world.run.progress.doneBytes).toBe(world.run.progress.sizeBytes);
  });

  test("goes on under another controller where it was left", () => {
    const world = new PlannedWorld([seat(1), seat(2, { state: "leaving" }), seat(3)]);
    world.step();
    const before = world.run.progress;
    const { moves } = formatPlan(world.plan);
    const valueOf = (key: string) => moves.find((entry) => entry.key === key)?.value;
    world.run = new PlanRun(parsePlan(formatPlan(world.plan).head, valueOf), world.image, noneGone);
    expect(world.run.progress).toEqual(before);
    world.runToEnd();
    expect(world.image.chainsOf(2).size).toBe(0);
  });

  test("paused begins nothing; cancelled it brings back what has begun", () => {
    const world = new PlannedWorld([seat(1), seat(2), seat(3, { state: "joining" })], 2);
    world.run.setState("paused");
    expect(world.run.step()).toMatchObject({ changes: [], isDone: false });
    world.run.setState("running");
    const before = world.replicas;
    const { changes } = world.run.step();
    for (const change of changes) world.apply(change);
    for (const { key } of changes) world.run.chainChanged(key);
    world.settle();
    world.run.setState("cancelled");
    world.runToEnd();
    expect(world.replicas).toEqual(before);
    expect(world.image.chainsOf(3).size).toBe(0);
  });

  test("what was deleted or reassigned by somebody else is skipped", () => {
    const world = new PlannedWorld([seat(1), seat(2, { state: "leaving" }), seat(3)], 9);
    world.image.removeChain(keyOf(0));
    world.set(1, { ...world.config(1), replicas: [2, 1, 3] });
    for (const at of [0, 1]) world.run.chainChanged(keyOf(at));
    expect(world.run.progress).toMatchObject({ waiting: 2, skipped: 2 });
  });

  test("a move to a node that is down waits, says so, and holds up no others", () => {
    const world = new PlannedWorld([seat(1), seat(2), seat(3)]);
    const moves: Move[] = [
      { key: keyOf(0), from: [1, 2], to: [1, 4], sizeBytes: 1 },
      { key: keyOf(1), from: [2, 1], to: [2, 3], sizeBytes: 1 },
    ];
    world.run = new PlanRun({ ...world.plan, moves }, world.image, noneGone);
    expect(world.run.step().changes.map(({ key }) => key)).toEqual([keyOf(1)]);
    expect(world.run.progress.awaitedNodes).toEqual([4]);
  });

  test("a move from a node that dies meanwhile waits for it, and the others go on", () => {
    const world = new PlannedWorld([seat(1), seat(2), seat(3)]);
    world.chain("1a", {}, 0);
    const moves: Move[] = [
      { key: keyOf(0), from: [1], to: [3], sizeBytes: 1 },
      { key: keyOf(1), from: [2, 1], to: [2, 3], sizeBytes: 1 },
      { key: keyOf(2), from: [1, 2], to: [1, 3], sizeBytes: 1 },
    ];
    world.run = new PlanRun({ ...world.plan, moves }, world.image, noneGone);
    for (const change of world.run.step().changes) world.apply(change);
    world.run.chainChanged(keyOf(0));
    expect(world.run.step().changes).toEqual([]);
    world.down(1);
    expect(world.run.step().changes.map(({ key }) => key)).toEqual([keyOf(1)]);
    expect(world.run.progress).toMatchObject({ running: 1, awaitedNodes: [1] });
  });

  test("what only a lost node held begins anew, empty, where the plan put it", () => {
    const world = new PlannedWorld([seat(1, { isGone: true }), seat(2), seat(3)]);
    world.chain("1a", {}, 0);
    const moves: Move[] = [{ key: keyOf(0), from: [1], to: [3], sizeBytes: 1 }];
    world.run = new PlanRun({ ...world.plan, moves }, world.image, removed([1]));
    for (const change of world.run.step().changes) world.apply(change);
    world.run.chainChanged(keyOf(0));
    expect(world.run.step().changes).toEqual([]);
    world.down(1);
    world.up("1b");
    expect(world.run.step().changes).toEqual([]);
    world.down(1);
    const [change] = world.run.step().changes;
    expect(change).toMatchObject({ nodes: [{ id: 1, revision: 0 }, { id: 3 }] });
    expect(change?.config.members).toMatchObject([{ id: 3 }]);
    // Above all epochs that there were before the coordinator was restored, if it was.
    expect(change?.config.epoch).toBeGreaterThan(10_000);
    expect(change?.config.unclean).toBe(change?.config.epoch);
    world.apply(change as ChainChange);
    world.settle();
    world.run.chainChanged(keyOf(0));
    expect(world.config(0)).toMatchObject({ replicas: [3] });
    expect(world.run.step().isDone).toBe(true);
  });
});

describe("a node that is removed while a plan runs", () => {
  /** It has 0 alone, which is to go from it; 1 is to go to it, 2 has to do with others only. */
  function removedNode1(): PlannedWorld {
    const world = new PlannedWorld([seat(1), seat(2), seat(3)], 9);
    world.chain("1a", {}, 0);
    world.chain("2a", {}, 1);
    world.chain("2a", {}, 2);
    const moves: Move[] = [
      { key: keyOf(0), from: [1], to: [3], sizeBytes: 1 },
      { key: keyOf(1), from: [2], to: [2, 1], sizeBytes: 1 },
      { key: keyOf(2), from: [2], to: [2, 3], sizeBytes: 1 },
    ];
    const since: number[] = [];
    world.run = new PlanRun({ ...world.plan, moves }, world.image, removed([], since));
    for (const change of world.run.step().changes) world.apply(change);
    for (const at of [0, 1, 2]) world.run.chainChanged(keyOf(at));
    world.down(1);
    expect(world.run.progress).toMatchObject({ running: 3, awaitedNodes: [1] });
    since.push(1);
    return world;
  }

  test("is not waited for: its moves are given up, and the others are carried out", () => {
    const world = removedNode1();
    expect(world.run.progress.awaitedNodes).toEqual([]);
    world.runToEnd();
    expect(world.replicas.slice(0, 3)).toEqual(["1", "2", "2 3"]);
    // What it alone had nobody accepted to lose.
    expect(world.members[0]).toBe("1");
    expect(world.run.progress).toMatchObject({ waiting: 2, done: 1 });
  });

  test("is no matter where it is up again before its moves are given up", () => {
    const world = removedNode1();
    // In another life: its chains take it back.
    world.up("1b");
    expect(world.run.step().changes).toEqual([]);
    world.settle();
    world.runToEnd();
    expect(world.replicas.slice(0, 3)).toEqual(["3", "2 1", "2 3"]);
    expect(world.run.progress).toMatchObject({ waiting: 0, done: 3 });
  });
});

describe("a partition whose members are lost", () => {
  test("does not begin anew while a replica that was cut out has most of it", () => {
    const world = new PlannedWorld([seat(1), seat(2, { isGone: true }), seat(3)]);
    world.set(0, { ...world.config(0), replicas: [2, 1] });
    world.chain("2a", { replicas: [2, 1] }, 0);
    const moves: Move[] = [{ key: keyOf(0), from: [2, 1], to: [3, 1], sizeBytes: 1 }];
    world.run = new PlanRun({ ...world.plan, moves }, world.image, removed([2]));
    world.down(2);
    expect(world.run.step().changes).toEqual([]);
    expect(world.run.progress.awaitedNodes).toEqual([2]);
  });
});

test("a chain that is older than a log waits for it, and is the plan's only then", () => {
  const world = new PlannedWorld([seat(1, { isGone: true }), seat(2), seat(3)]);
  world.chain("1a", {}, 0);
  world.down(1);
  // Of a backup: meanwhile it was on node 2, and is there.
  const moves: Move[] = [{ key: keyOf(0), from: [1], to: [3], sizeBytes: 1 }];
  const { controller } = world;
  const facts = { ...removed([1]), isBehindLogs: (key: string) => controller.isBehindLogs(key) };
  world.set(0, { ...world.config(0), target: [3] });
  world.run = new PlanRun({ ...world.plan, moves }, world.image, facts);
  expect(world.run.step().changes).toHaveLength(1);
  world.ask({ kind: "fenced", from: life("2a"), lastEpoch: 5, endOffset: 100 });
  expect(world.run.step().changes).toEqual([]);
  world.set(0, { ...world.config(0), epoch: 6 });
  expect(world.run.step().changes).toHaveLength(1);
});

describe("what is kept of a plan and the ring", () => {
  test("a plan of many moves is several entries, and is read as it was written", () => {
    const moves = Array.from({ length: 1_201 }, (_, at): Move => {
      return { key: keyOf(at), from: [1, 2], to: [1, 3], sizeBytes: at };
    });
    const plan: ClusterPlan = { id: "p", state: "running", movesAtOnceMax: 4, moves };
    const { head, moves: entries } = formatPlan(plan);
    expect(entries.map(({ key }) => key)).toEqual(["plan/p/0", "plan/p/1", "plan/p/2"]);
    const texts = new Map(entries.map(({ key, value }) => [key, value]));
    expect(parsePlan(head, (key) => texts.get(key))).toEqual(plan);
    const paused = formatPlanState(head, "paused");
    expect(parsePlan(paused, (key) => texts.get(key)).state).toBe("paused");
    texts.delete("plan/p/1");
    expect(() => parsePlan(head, (key) => texts.get(key))).toThrow("moves 1 of plan p are missing");
  });

  test("a seat is read as it was written, replaced or not", () => {
    const seats = [seat(7, { rack: "a" }), seat(8, { state: "leaving", replacement: 9 })];
    seats.push(seat(9, { state: "leaving", isGone: true, isReleased: true }));
    expect(seats.map((one) => parseSeat(seatKey(one.id), formatSeat(one)))).toEqual(seats);
    expect(() => parseSeat(seatKey(7), "{}")).toThrow("not one of ours");
  });
});

describe("a draft", () => {
  test("gives seats to who waits, moves nothing else and says what it costs", () => {
    const ring = [seat(1), seat(2, { state: "joining" })];
    const draft = draftPlan([placed(0, 1), placed(1, 1)], ring, { tolerance: 0.01 });
    expect(draft.seats).toEqual([seat(1), seat(2)]);
    expect(draft).toMatchObject({ moves: { length: 1 }, sizeBytes: 100, shrunkCount: 0 });
    const now = draftPlan([placed(0, 1), placed(1, 2)], draft.seats, { tolerance: 0.01 });
    expect(now.moves).toEqual([]);
  });

  test("gives partitions with too few replicas more, as far as there are nodes", () => {
    const ring = [seat(1), seat(2, { state: "joining" }), seat(3, { state: "leaving" })];
    const partitions = [placed(0, 1), placed(1, 3), placed(2, 2, 1)];
    const { moves, shares } = draftPlan(partitions, ring, { tolerance: 0.01, replicasMin: 3 });
    expect(moves.map(({ key, to }) => [key, new Set(to)])).toEqual([
      [keyOf(0), new Set([1, 2])],
      [keyOf(1), new Set([1, 2])],
    ]);
    expect(moves.map(({ sizeBytes }) => sizeBytes)).toEqual([100, 200]);
    expect(shares.map(({ after }) => after.replicas)).toEqual([3, 3, 0]);
  });

  test("counts what is lost with nodes that do not come back", () => {
    const gone = seat(3, { state: "leaving", isGone: true });
    const partitions = [placed(0, 3), placed(1, 3, 1)];
    expect(draftPlan(partitions, [seat(1), gone], { tolerance: 0.01 }).lostCount).toBe(1);
  });

  test("does not touch what is being reassigned", () => {
    const moving = { ...placed(0, 1), isMoving: true };
    const ring = [seat(1, { state: "leaving" }), seat(2)];
    expect(draftPlan([moving], ring, { tolerance: 0.01 }).moves).toEqual([]);
  });

  test("replaces one node by another", () => {
    const ring = [seat(1), seat(2, { state: "leaving", replacement: 4 }), seat(3), seat(4)];
    // Tolerant enough to even nothing out.
    const { moves } = draftPlan([placed(0, 1, 2), placed(1, 2, 1)], ring, { tolerance: 10 });
    expect(moves.map(({ to }) => to.join(" "))).toEqual(["1 4", "4 1"]);
  });

  test("tells how many lose a replica, and is refused when no node would be left", () => {
    const leaving = seat(2, { state: "leaving" });
    expect(draftPlan([placed(0, 1, 2)], [seat(1), leaving], { tolerance: 0.01 }).shrunkCount).toBe(
      1,
    );
    const failing = () => draftPlan([placed(0, 2)], [leaving], { tolerance: 0.01 });
    expect(failing).toThrow(expect.objectContaining({ code: "INVALID_REQUEST" }));
  });

  test("leaves topics with replicas=all where they are", () => {
    const everywhere = { ...placed(0, 1, 2, 3), isEverywhere: true };
    const ring = [seat(1), seat(2), seat(3, { state: "leaving" })];
    expect(draftPlan([everywhere], ring, { tolerance: 0.01 }).moves).toEqual([]);
  });
});
