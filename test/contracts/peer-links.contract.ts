import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ackOf, appendOf, startPair, topicId, untilLinked } from "../support/peer-pair.ts";
import type { PeerNodeOptions, PeerWorld } from "../support/peer-world.ts";
import { peerCallsContract } from "./peer-calls.contract.ts";
import { peerFlowContract } from "./peer-flow.contract.ts";

/** What every `PeerLinks` holds. `make` answers a network without nodes. */
export function peerLinksContract(name: string, make: () => PeerWorld): void {
  let world: PeerWorld;
  beforeEach(() => {
    world = make();
  });
  afterEach(() => world.close());

  describe(`links contract: ${name}`, () => {
    linkingContract(() => world);
    admissionContract(() => world);
    lossContract(() => world);
    peerFlowContract(() => world);
    peerCallsContract(() => world);
  });
}

function linkingContract(world: () => PeerWorld): void {
  test("one side wants a link, and both learn who the other is", async () => {
    const [one, two] = await startPair(world());
    expect(one.linkTo(two).peer).toEqual({ id: 2, incarnation: two.incarnation });
    expect(two.linkTo(one).peer).toEqual({ id: 1, incarnation: one.incarnation });
    expect([one.opened.length, two.opened.length]).toEqual([1, 1]);
  });

  test("messages of many partitions arrive in order, both ways, with their bytes", async () => {
    const [one, two] = await startPair(world());
    const large = Uint8Array.from({ length: 300_000 }, (_, at) => at * 7);
    for (let index = 0; index < 50; index += 1) {
      one.linkTo(two).send(ackOf(index));
      one.linkTo(two).send(appendOf(index), [large.subarray(0, index * 10), large.subarray(0, 7)]);
      two.linkTo(one).send({ ...ackOf(index), partition: index, topicId: topicId.slice() });
    }
    one.linkTo(two).send(appendOf(50), [large]);
    await world().until("all came", () => one.messages.length + two.messages.length === 151);
    expect(one.messages.map(({ partition }) => partition)).toEqual(
      Array.from({ length: 50 }, (_, at) => at),
    );
    expect(two.messages.filter(({ message }) => message.kind === "ack")).toEqual(
      Array.from({ length: 50 }, (_, at) => ackOf(at)),
    );
    const appends = two.messages.filter(({ message }) => message.kind === "append");
    expect(appends.map(({ bytes }) => bytes?.length)).toEqual([
      ...Array.from({ length: 50 }, (_, at) => at * 10 + 7),
      300_000,
    ]);
    expect(Buffer.compare(appends[50]?.bytes ?? topicId, large)).toBe(0);
  });

  test("both dial at the same moment: one link, the same at both ends", async () => {
    for (let round = 0; round < 5; round += 1) {
      const one = await world().start(1, { settings: { "peer.reconnect.backoff.ms": 1 } });
      const two = await world().start(2, { settings: { "peer.reconnect.backoff.ms": 1 } });
      two.links.want(1);
      one.links.want(2);
      await untilLinked(world(), one, two);
      await world().pass(100);
      one.linkTo(two).send(ackOf(round));
      two.linkTo(one).send(ackOf(round));
      await world().until("both hear", () => one.messages.length + two.messages.length === 2);
      expect([one.links.linkCount, two.links.linkCount]).toEqual([1, 1]);
      expect(one.opened.length - one.closed.length).toBe(1);
      one.kill();
      two.kill();
    }
  });

  test("a link stays while one side wants it, and ends when neither does", async () => {
    const [one, two] = await startPair(world());
    two.links.want(1);
    await world().pass(50);
    one.links.unwant(2);
    await world().pass(300);
    expect(one.linkTo(two).isOpen).toBe(true);
    two.links.unwant(1);
    await world().until("it ends", () => one.closed.length === 1 && two.closed.length === 1);
    await world().pass(300);
    expect([one.links.find(2), two.links.find(1), one.opened.length]).toEqual([
      undefined,
      undefined,
      1,
    ]);
  });

  test("a node wants itself: nothing happens", async () => {
    const one = await world().start(1);
    one.links.want(1);
    await world().pass(100);
    expect([one.links.find(1), one.warnings]).toEqual([undefined, []]);
  });
}

function admissionContract(world: () => PeerWorld): void {
  const refusals: readonly [string, PeerNodeOptions, RegExp][] = [
    ["another secret", { key: new Uint8Array(32).fill(9) }, /cluster.secret/],
    ["another cluster", { clusterId: "another" }, /different clusters/],
    ["a version too new", { versions: { min: 3, max: 4 } }, /no version/],
  ];
  test.each(refusals)("%s: no link, said in the log of both, now and then", async (...given) => {
    const [, options, reason] = given;
    const one = await world().start(1);
    const two = await world().start(2, options);
    one.links.want(2);
    await world().until("both say so", () => {
      return [one, two].every(({ warnings }) => warnings.some((text) => reason.test(text)));
    });
    await world().pass(500);
    expect([one.opened, two.opened]).toEqual([[], []]);
    expect(one.warnings.length).toBeLessThan(4);
    expect(two.warnings.length).toBeLessThan(4);
  });

  test("the greatest version that both speak is taken", async () => {
    const [one, two] = await startPair(world(), [{ versions: { min: 1, max: 4 } }]);
    one.linkTo(two).send(ackOf(1));
    await world().until("it is understood", () => two.messages.length === 1);
  });

  test("the process that is registered under an id keeps its link", async () => {
    const [one, two] = await startPair(world());
    const old = one.linkTo(two);
    const ghost = await world().start(2);
    // The registry names the second process; the first one, linked still, is the ghost now.
    await world().until("the registered one is linked", () => {
      ghost.links.want(1);
      return one.links.find(2)?.peer.incarnation === ghost.incarnation;
    });
    two.links.want(1);
    await world().pass(500);
    expect(old.isOpen).toBe(false);
    expect(one.linkTo(two).peer.incarnation).toBe(ghost.incarnation);
    expect([one.opened.length, two.opened.length]).toEqual([2, 1]);
    two.kill();
  });
}

function lossContract(world: () => PeerWorld): void {
  test("a killed node's link is told as closed once, its next life is linked", async () => {
    const [one, two] = await startPair(world());
    const first = one.linkTo(two);
    two.kill();
    await world().until("it is told", () => one.closed.length === 1);
    expect([first.isOpen, one.links.find(2)]).toEqual([false, undefined]);
    const again = await world().start(2);
    await untilLinked(world(), one, again);
    first.send(ackOf(1));
    one.linkTo(again).send(ackOf(2));
    await world().until("the new link carries", () => again.messages.length > 0);
    await world().pass(100);
    expect(again.messages).toEqual([ackOf(2)]);
    expect([one.opened.length, one.closed.length]).toEqual([2, 1]);
  });

  test("a process that is gone is told as such again and again, in the life that was", async () => {
    const [one, two] = await startPair(world());
    expect(one.gone).toEqual([]);
    two.kill();
    await world().until("it is told", () => one.gone.length >= 3);
    expect(new Set(one.gone)).toEqual(new Set([`2 ${two.incarnation}`]));
    const again = await world().start(2);
    await untilLinked(world(), one, again);
    const { length } = one.gone;
    await world().pass(300);
    expect(one.gone.length).toBe(length);
  });

  test("a link that is lost while the process lives tells of nobody's end", async () => {
    const [one, two] = await startPair(world());
    for (let time = 0; time < 3; time += 1) {
      two.linkTo(one).close();
      await world().until("it is linked again", () => one.opened.length >= time + 2);
      await untilLinked(world(), one, two);
    }
    expect([one.gone, two.gone]).toEqual([[], []]);
  });

  test("a node that is not there is dialed until it comes", async () => {
    const one = await world().start(1);
    one.links.want(2);
    await world().pass(300);
    expect(one.gone).toEqual([]);
    expect(one.warnings).toEqual(["another node can not be reached: it is not registered"]);
    await untilLinked(world(), one, await world().start(2));
  });

  test("what was sent before a close arrives, nothing after it", async () => {
    const [one, two] = await startPair(world());
    const link = one.linkTo(two);
    for (let index = 0; index < 100; index += 1)
      link.send(appendOf(index), [new Uint8Array(5_000)]);
    link.close();
    link.send(ackOf(1));
    await world().until("it is closed at both", () => two.closed[0] === two.opened[0]);
    expect(two.messages).toHaveLength(100);
    await world().until("and linked again, for it is wanted", () => one.opened.length >= 2);
  });

  test("what comes in after a close is heard no more", async () => {
    const [one, two] = await startPair(world());
    two.linkTo(one).send(ackOf(1));
    one.linkTo(two).close();
    await world().until("it is closed", () => one.closed.length === 1);
    expect(one.messages).toEqual([]);
  });

  test("a stop sends what was sent, and ends links and calls", async () => {
    const [one, two] = await startPair(world());
    one.linkTo(two).send(ackOf(1));
    const waiting = one.links.call(2, "never", new Uint8Array(0), 60_000).catch(String);
    two.links.serve("never", () => new Promise(() => {}));
    await world().pass(20);
    const stopped = one.links.close();
    await world().until("the other side sees it", () => two.closed.length === 1);
    await stopped;
    expect(two.messages).toEqual([ackOf(1)]);
    expect(await waiting).toMatch(/lost before it answered/);
    expect(one.links.linkCount).toBe(0);
  });
}
