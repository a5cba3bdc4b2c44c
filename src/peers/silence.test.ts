import { afterEach, beforeEach, expect, test } from "vitest";
import { ackOf, startPair, untilLinked } from "../../test/support/peer-pair.ts";
import { SimulatedPeerWorld } from "../../test/support/peer-world.ts";
import { SeededRandom } from "../base/seeded-random.ts";
import { drawBetween } from "../simulation/draw.ts";

let world: SimulatedPeerWorld;
beforeEach(() => {
  world = new SimulatedPeerWorld();
});
afterEach(() => world.close());

test("a node whose machine lost power is given up after the silence that is set", async () => {
  const [one, two] = await startPair(world);
  await world.pass(1_000);
  world.processes.get(2)?.vanish();
  await world.pass(900);
  expect(one.closed).toEqual([]);
  await world.pass(300);
  expect(one.closed).toHaveLength(1);
  expect(one.warnings[0]).toContain("nothing was heard of it for 1000 ms");
  two.kill();
  await untilLinked(world, one, await world.start(2));
});

test.each([
  [1, 2],
  [2, 1],
])("when nothing gets from %i to %i any more, both give the link up", async (from, to) => {
  const [one, two] = await startPair(world);
  world.network.block(from, to);
  await world.pass(1_500);
  const [deaf, heard] = from === 1 ? [two, one] : [one, two];
  expect(deaf.closed).toHaveLength(1);
  world.network.unblock(from, to);
  await world.until("the other one knows", () => heard.closed.length >= 1);
  await untilLinked(world, one, two);
});

test("a slow link is not taken for a silent one", async () => {
  const [one, two] = await startPair(world);
  world.network.shape(1, 2, { delayMsMin: 300, delayMsMax: 600, bytesPerMs: 5 });
  for (let count = 0; count < 1_000; count += 1) one.linkTo(two).send(ackOf(count));
  await world.pass(10_000);
  expect(two.messages).toHaveLength(1_000);
  expect([one.closed, two.closed]).toEqual([[], []]);
});

test("what a dead process sent arrives before its next life is linked, or never", async () => {
  const [one, two] = await startPair(world);
  world.network.shape(2, 1, { delayMsMin: 200, delayMsMax: 200, bytesPerMs: 1_000 });
  two.linkTo(one).send(ackOf(1));
  await world.pass(10);
  two.kill();
  world.network.shape(2, 1);
  const again = await world.start(2);
  again.links.want(1);
  await untilLinked(world, one, again);
  again.linkTo(one).send(ackOf(2));
  await world.pass(1_000);
  expect(one.messages.at(-1)).toEqual(ackOf(2));
  expect(one.messages.length).toBeLessThanOrEqual(2);
});

test("200 times both dial at once: the first links stay, in whatever order they come", async () => {
  const random = new SeededRandom(3);
  for (let round = 0; round < 200; round += 1) {
    const settings = { "peer.reconnect.backoff.ms": 1 };
    const one = await world.start(1, { settings });
    const two = await world.start(2, { settings });
    for (const [from, to] of [[1, 2] as const, [2, 1] as const]) {
      const delayMsMax = drawBetween(random, 0, 80);
      world.network.shape(from, to, { delayMsMin: 0, delayMsMax, bytesPerMs: 1_000 });
    }
    one.links.want(2);
    two.links.want(1);
    await world.pass(2_000);
    await untilLinked(world, one, two);
    expect(one.opened.length, `round ${round}`).toBeLessThanOrEqual(2);
    expect(two.opened.length, `round ${round}`).toBeLessThanOrEqual(2);
    one.kill();
    two.kill();
  }
});

test("a link counts as silent before it is given up, until something is heard", async () => {
  const [one, two] = await startPair(world);
  await world.pass(1_000);
  const link = one.linkTo(two);
  expect(link.isHeard).toBe(true);
  world.network.block(2, 1);
  const blockedMs = world.clock.monotonicMs();
  await world.until("it is silent", () => !link.isHeard);
  expect(world.clock.monotonicMs() - blockedMs).toBeLessThan(900);
  expect(link.isOpen).toBe(true);
  world.network.unblock(2, 1);
  await world.until("it is heard again", () => one.linkTo(two).isHeard);
});
