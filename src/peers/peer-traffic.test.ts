import { expect, test } from "vitest";
import { appendOf, startPair, untilLinked } from "../../test/support/peer-pair.ts";
import { SimulatedPeerWorld } from "../../test/support/peer-world.ts";
import { PeerTraffic } from "./peer-traffic.ts";

test("bytes are counted by node on both sides, over links that end and are made anew", async () => {
  const world = new SimulatedPeerWorld();
  const one = await world.start(1);
  const two = await world.start(2);
  const here = new PeerTraffic(one.links);
  const there = new PeerTraffic(two.links);
  expect(here.nodes).toEqual([]);
  one.links.want(2);
  await untilLinked(world, one, two);
  one.linkTo(two).send(appendOf(0), [new Uint8Array(5_000)]);
  await world.until("it is there", () => two.messages.length === 1);
  const [first] = here.nodes;
  expect(first).toMatchObject({ nodeId: 2, isLinked: true, linkCount: 1 });
  expect(first?.sentBytes).toBeGreaterThan(5_000);
  expect(there.nodes[0]?.receivedBytes).toBe(first?.sentBytes);
  const before = one.linkTo(two);
  before.close();
  await world.until(
    "there is another link",
    () => one.links.find(2) !== undefined && one.links.find(2) !== before,
  );
  const [second] = here.nodes;
  expect(second).toMatchObject({ isLinked: true, linkCount: 2 });
  expect(second?.sentBytes).toBeGreaterThanOrEqual(first?.sentBytes ?? Infinity);
  await world.close();
});

test("what the other side has not taken is told, and none of it once the link ends", async () => {
  const world = new SimulatedPeerWorld();
  const holds: (() => void)[] = [];
  const hold = { onMessages: (delivery: { hold(): () => void }) => holds.push(delivery.hold()) };
  const [one, two] = await startPair(world, [{}, hold as never]);
  const traffic = new PeerTraffic(one.links);
  // It was open before anybody counted.
  expect(traffic.nodes).toEqual([]);
  one.linkTo(two).close();
  await world.until("there is another link", () => (traffic.nodes[0]?.linkCount ?? 0) > 0);
  one.linkTo(two).send(appendOf(0), [new Uint8Array(5_000)]);
  await world.until("it is there", () => holds.length > 0);
  expect(traffic.nodes[0]?.inFlightBytes).toBeGreaterThan(5_000);
  two.kill();
  await world.until("the link is lost", () => traffic.nodes[0]?.isLinked === false);
  expect(traffic.nodes[0]?.inFlightBytes).toBe(0);
  await world.close();
});
