import { afterEach, beforeEach, expect, test } from "vitest";
import { ForwardingWorld } from "../../../../test/support/forwarding-world.ts";

let world: ForwardingWorld;
beforeEach(async () => {
  world = await ForwardingWorld.open(2);
});
afterEach(() => world.close());

const ready = (id: number) => world.http(id, "GET", "/readyz");

test("a node of a cluster is not ready without a lease, and healthy all the same", async () => {
  const { cluster } = world;
  const { coordinator, cluster: own } = cluster.node(2);
  expect(await ready(2)).toMatchObject({ status: 200, json: { status: "ready" } });
  coordinator.cut();
  await world.until("its lease is gone", () => !own.isStanding);
  const { status, json } = await ready(2);
  expect([status, json["status"]]).toEqual([503, "not ready"]);
  expect(json["reason"]).toMatch(/^this node has no lease from the coordinator/);
  expect((await world.http(2, "GET", "/healthz")).status).toBe(200);
  expect((await ready(1)).status).toBe(200);
  coordinator.mend();
  await world.until("it has another one", () => own.isStanding);
  expect(await ready(2)).toMatchObject({ status: 200, json: { status: "ready" } });
});
