import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HttpDoor } from "../../../test/support/http-door.ts";
import type { PlanStatus } from "../../broker/cluster/plans/cluster-orders.ts";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import { ClusterCalls, findNode, type ToldPlan, type ToldStatus } from "./cluster-calls.ts";
import { formatPlan, formatProgress, formatStatus } from "./cluster-tables.ts";

const node = {
  nodeId: 1,
  rack: null,
  status: "valid",
  seat: "valid",
  weight: 1,
  replacement: null,
  isGone: false,
  isReached: true,
  isFull: false,
  share: 1 / 3,
  pendingShare: 0.5,
  replicas: 20,
  pendingReplicas: 30,
  heads: 20,
  keptHeads: 0,
  members: 20,
  sizeBytes: 1_234,
  lagRecords: 0,
  version: "0.1.0",
  addresses: { kafka: "a:1", http: "a:2" },
} as const;

const plan: PlanStatus = {
  planId: "7-1",
  state: "running",
  movesAtOnce: 16,
  waiting: 16,
  running: 1,
  done: 3,
  skipped: 0,
  sizeBytes: 2_000,
  doneBytes: 300,
  awaitedNodes: [3, 4],
};

describe("what people are shown of a cluster", () => {
  test("is a row for each node, the plan, and what needs a hand", () => {
    const lost = { ...node, nodeId: 2, status: "down", isGone: true, sizeBytes: null } as const;
    const stuck = [{ topic: "orders", partition: 3, why: "all have lost something" }];
    const status: ToldStatus = {
      controllerId: 1,
      nodes: [node, { ...lost, lagRecords: null, addresses: {} }],
      plan: null,
      stuck,
      unreadable: [{ key: "plan", why: "no plan of ours" }],
    };
    expect(formatStatus(status).split("\n")).toEqual([
      "node  status      rack  share   pending  replicas  heads  members  bytes  lag  address",
      "   1  valid       -     33.3 %  50.0 %         20     20       20   1234    0  a:2",
      "   2  down, lost  -     33.3 %  50.0 %         20     20       20  -      -    -",
      "",
      "2 nodes: 1 valid, 1 down; 40 replicas, 40 heads, 1234 bytes",
      "controller: node 1",
      "no plan was committed yet",
      "orders-3 needs a hand: all have lost something",
      "the coordinator's entry plan can not be read: no plan of ours",
    ]);
    expect(findNode(status, 2).isGone).toBe(true);
    expect(() => findNode(status, 9)).toThrow("node 9 is not in the cluster");
  });

  test("tells a node that is up and that the controller does not reach", () => {
    const nodes = [{ ...node, status: "joining", isReached: false } as const];
    const told = formatStatus({ controllerId: 2, nodes, plan: null, stuck: [], unreadable: [] });
    expect(told).toMatch(/^ +1 {2}joining, not reached /m);
  });

  test("says how far a plan is, and what it waits for", () => {
    expect(formatProgress(plan)).toBe(
      "plan 7-1 is running: 3 of 20 moves done, 1 copying, 300 of 2000 bytes, " +
        "waits for nodes 3, 4",
    );
  });

  test("names every move with its bytes, and what is lost by it", () => {
    const now = { replicas: 2, heads: 2, sizeBytes: 200, replicaShare: 1, sizeShare: 1 };
    const after = { replicas: 1, heads: 1, sizeBytes: 100, replicaShare: 0.5, sizeShare: 0.5 };
    const drafted: ToldPlan = {
      planId: "7-2",
      nodes: [{ nodeId: 1, now, after }],
      moveCount: 30,
      moves: [{ topic: "orders", partition: 0, from: [1], to: [2, 1], sizeBytes: 100 }],
      sizeBytes: 3_000,
      leftOut: [4, 5],
      shrunkCount: 1,
      lostCount: 2,
    };
    const text = formatPlan(drafted);
    expect(text).toMatch(/^ +1 {2}100.0 % {2}50.0 % +2 +1 +2 +1 +200 +100$/m);
    expect(text).toMatch(/^orders +0 +1 +2,1 +100$/m);
    expect(text).toContain("and 29 more\n\n30 moves copy 3000 bytes\n");
    expect(text).toContain("nodes 4, 5 get no part: they are down, or have another");
    expect(text).toMatch(/^1 partitions lose a replica.*\n2 partitions would begin anew/m);
  });
});

describe("commands about a cluster", () => {
  let door: HttpDoor;
  beforeAll(async () => {
    door = await HttpDoor.open();
  });
  afterAll(() => door.close());

  test("ask the next node when one does not answer, and say when none does", async () => {
    const away = "127.0.0.1:1";
    const calls = new ClusterCalls({ bootstrap: `${away},127.0.0.1:${door.port}` });
    expect(await calls.nodeId()).toBe(door.broker.identity.nodeId);
    const failing = new ClusterCalls({ bootstrap: away }).nodeId();
    await expect(failing).rejects.toMatchObject({ exitCode: exitCodes.unreachable });
  });

  test("say that a node by itself has no cluster", async () => {
    const failing = new ClusterCalls({ bootstrap: `127.0.0.1:${door.port}` }).status();
    await expect(failing).rejects.toThrow(CommandFailure);
    await expect(failing).rejects.toThrow("by itself");
  });
});
