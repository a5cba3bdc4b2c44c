import { afterEach, describe, expect, test } from "vitest";
import { ForwardingWorld } from "../../../test/support/forwarding-world.ts";

let world: ForwardingWorld;
afterEach(() => world.close());

/** On two nodes of three, led by the first. */
async function open(configs: Readonly<Record<string, string>> = {}): Promise<void> {
  world = await ForwardingWorld.open(3);
  const asked = { assignments: [{ index: 0, replicas: [1, 2] }], partitions: -1, replicas: -1 };
  await world.cluster.create(1, "orders", { ...asked, configs: new Map(Object.entries(configs)) });
  await world.until("it is led", () => partition().absence === undefined);
  await world.until("nodes are linked", () => members() === 2);
}

/** As a node knows it. */
const partition = (at = 1) => {
  const [only] = world.cluster.node(at).topic("orders")?.partitions ?? [];
  if (only === undefined) throw new Error("there is no topic");
  return only;
};
const members = (at = 1): number => partition(at).inSyncCount ?? 0;

async function append(value: string, query: string, at = 3) {
  const headers = { "content-type": "text/plain" };
  const path = `/v1/topics/orders/records?${query}`;
  const { status, json } = await world.http(at, "POST", path, { body: value, headers });
  return { status, code: json["code"], detail: json["detail"] };
}

/** What node 1 appends does not arrive at this one, which then dies. */
async function loseOnTheWay(id: number): Promise<void> {
  const { network } = world.cluster;
  network.block(1, id);
  await world.until("it is appended", () => partition().end === 1);
  world.crash(id);
  network.unblock(1, id);
}

const nowMs = (): number => world.cluster.clock.monotonicMs();

describe("an append that asks for two replicas", () => {
  test("is answered quickly by a chain of two, whatever acks says", async () => {
    await open();
    const startMs = nowMs();
    for (const acks of ["all", "1"]) {
      expect((await append("a", `min-replicas=2&acks=${acks}`)).status).toBe(201);
    }
    expect(nowMs() - startMs).toBeLessThan(2_000);
    const onBoth = [1, 2].map((id) => world.cluster.node(id).topic("orders")?.partitions[0]);
    expect(onBoth.length).toBe(2);
    expect((await append("a", "min-replicas=3")).code).toBe("NOT_ENOUGH_REPLICAS");
  });

  test("is refused by a chain of one, and nothing is appended", async () => {
    await open();
    world.crash(2);
    await world.until("it is cut out", () => members() === 1);
    const { status, code } = await append("a", "min-replicas=2");
    expect([status, code]).toEqual([503, "NOT_ENOUGH_REPLICAS"]);
    expect(partition().end).toBe(0);
    expect((await append("a", "min-replicas=1")).status).toBe(201);
  });

  test("waits for the one that has gone meanwhile, and says so when its time is over", async () => {
    await open();
    const startMs = nowMs();
    const answer = append("a", "min-replicas=2&timeout=20s");
    await loseOnTheWay(2);
    const { status, code, detail } = await answer;
    expect([status, code]).toEqual([504, "REQUEST_TIMED_OUT"]);
    expect(detail).toContain("the record may still be");
    expect(nowMs() - startMs).toBeGreaterThan(19_000);
    expect(nowMs() - startMs).toBeLessThan(25_000);
    // The chain of one has committed it: it is there for all to see.
    expect([members(), partition().committed]).toEqual([1, 1]);
  });

  test("succeeds when that one is back in time", async () => {
    await open();
    const away = world.cluster.node(2);
    const answer = append("a", "min-replicas=2&timeout=60s");
    await loseOnTheWay(2);
    await world.until("it is cut out", () => members() === 1);
    await world.cluster.drive(world.restart(away));
    expect((await answer).status).toBe(201);
    expect(members()).toBe(2);
    expect(partition().committed).toBe(1);
  });
});

describe("a write that its chain does not finish", () => {
  test("is told at its timeout, with that the record may still commit; and it does", async () => {
    await open();
    const { network } = world.cluster;
    network.block(1, 2);
    const startMs = nowMs();
    const { status, code, detail } = await append("a", "acks=all&timeout=2s", 1);
    expect([status, code]).toEqual([504, "REQUEST_TIMED_OUT"]);
    expect(detail).toContain("the record may still be");
    expect(nowMs() - startMs).toBeLessThan(4_000);
    network.unblock(1, 2);
    await world.until("it is committed", () => partition().committed === 1);
  });
});

test.each([
  ["head", 1, 2],
  ["tail", 2, 1],
])(
  "acks=all waits for a whole chain of min.insync.replicas: its %s dies",
  async (_, dead, left) => {
    await open({ "min.insync.replicas": "2" });
    expect((await append("a", "acks=all")).status).toBe(201);
    const away = world.cluster.node(dead);
    world.crash(dead);
    await world.until("it is cut out", () => members(left) === 1);
    for (const at of [left, 3]) {
      expect((await append("b", "acks=all", at)).code).toBe("NOT_ENOUGH_REPLICAS");
    }
    await world.cluster.drive(world.restart(away));
    await world.until("it is whole", () => members(left) === 2);
    expect((await append("c", "acks=all")).status).toBe(201);
    expect(partition(left).committed).toBe(2);
    const { json } = await world.http(3, "GET", "/v1/topics/orders/partitions/0/records");
    const values = (json["records"] as { value: string }[]).map(({ value }) => value);
    expect(values).toEqual(["a", "c"]);
  },
);

test("who gives up is not called back when the chain is as long as was asked", async () => {
  await open();
  expect((await append("a", "acks=all")).status).toBe(201);
  const away = world.cluster.node(2);
  world.crash(2);
  await world.until("it is cut out", () => members() === 1);
  const told: string[] = [];
  const waits = ["one that stays", "one that gives up"].map((name) =>
    partition().whenStored(1, "os", () => void told.push(name), 2),
  );
  waits[1]?.();
  await world.cluster.drive(world.restart(away));
  await world.until("it is a member again", () => members() === 2);
  await world.until("it has all", () => told.length > 0);
  expect(told).toEqual(["one that stays"]);
});
