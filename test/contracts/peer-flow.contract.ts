import { expect, test } from "vitest";
import type { PeerDelivery } from "../../src/broker/ports/peer-links.ts";
import { ackOf, appendOf, startPair } from "../support/peer-pair.ts";
import type { PeerWorld } from "../support/peer-world.ts";

const windowBytes = 100_000;
const small = { "peer.window.bytes": windowBytes, "peer.frame.max.bytes": 1_000_000 };
const chunk = new Uint8Array(10_000);

/** Keeps everything that comes in as not taken, until told. */
class Holder {
  readonly #releases: (() => void)[] = [];

  readonly onMessages = (delivery: PeerDelivery): void => {
    this.#releases.push(delivery.hold());
  };

  get count(): number {
    return this.#releases.length;
  }

  releaseAll(): void {
    for (const release of this.#releases.splice(0)) {
      release();
      release();
    }
  }
}

/** What every `PeerLinks` holds about room. */
export function peerFlowContract(world: () => PeerWorld): void {
  test("a receiver that takes nothing stops the sender; taking sets it going", async () => {
    const holder = new Holder();
    const [one, two] = await startPair(world(), [
      {},
      { settings: small, onMessages: holder.onMessages },
    ]);
    const link = one.linkTo(two);
    let sent = 0;
    const push = (): void => {
      while (sent < 100 && link.hasRoom) link.send(appendOf(sent++), [chunk]);
    };
    link.onRoom(push);
    push();
    await world().until("they came", () => two.messages.length === sent);
    await world().pass(300);
    expect(sent).toBeLessThanOrEqual(windowBytes / chunk.length);
    expect(link.inFlightBytes).toBeGreaterThanOrEqual(windowBytes - chunk.length);
    await world().until("all came", () => {
      holder.releaseAll();
      return two.messages.length === 100;
    });
    await world().until("all was taken", () => {
      holder.releaseAll();
      return link.inFlightBytes === 0;
    });
    expect(
      two.messages.map(({ message }) => (message.kind === "append" ? message.base : -1)),
    ).toEqual(Array.from({ length: 100 }, (_, at) => at));
  });

  test("messages without bytes pass while there is no room for bytes", async () => {
    const holder = new Holder();
    const [one, two] = await startPair(world(), [
      {},
      { settings: small, onMessages: holder.onMessages },
    ]);
    const link = one.linkTo(two);
    for (let base = 0; link.hasRoom; base += 1) link.send(appendOf(base), [chunk]);
    const before = two.messages.length;
    link.send(ackOf(77));
    await world().until("it came", () => two.messages.at(-1)?.message.kind === "ack");
    expect(two.messages.length).toBeGreaterThan(before);
    expect(link.isOpen).toBe(true);
  });

  test("who sends on without room has the link closed, before much is in flight", async () => {
    const holder = new Holder();
    const [one, two] = await startPair(world(), [
      {},
      { settings: small, onMessages: holder.onMessages },
    ]);
    const link = one.linkTo(two);
    let mostBytes = 0;
    for (let base = 0; base < 10_000 && link.isOpen; base += 1) {
      link.send(appendOf(base), [chunk]);
      mostBytes = Math.max(mostBytes, link.inFlightBytes);
    }
    expect(link.isOpen).toBe(false);
    expect(mostBytes).toBeLessThan(2 * windowBytes + 1_000_000 + 300_000);
    await world().until("it is told", () => one.closed.length === 1);
    expect(one.warnings.join()).toContain("takes too little");
  });

  test("a batch larger than the window goes over, one larger than a frame does not", async () => {
    const [one, two] = await startPair(world(), [{}, { settings: small }]);
    one.linkTo(two).send(appendOf(1), [new Uint8Array(900_000)]);
    await world().until("it came", () => two.messages.length === 1);
    expect(two.messages[0]?.bytes).toHaveLength(900_000);
    one.linkTo(two).send(appendOf(2), [new Uint8Array(1_000_001)]);
    await world().until("the link ends", () => one.closed.length === 1);
    expect(one.warnings.join()).toContain("peer.frame.max.bytes");
  });

  test("lent memory is given back once it is sent, and never of a lost link", async () => {
    const [one, two] = await startPair(world());
    let released = 0;
    const lease = { release: () => void (released += 1) };
    const link = one.linkTo(two);
    for (let base = 0; base < 10; base += 1) link.send(appendOf(base), [chunk], lease);
    await world().until("it is given back", () => released === 10);
    await world().until("they came", () => two.messages.length === 10);
    two.kill();
    await world().until("it is lost", () => one.closed.length === 1);
    link.send(appendOf(11), [chunk], lease);
    await world().pass(100);
    expect(released).toBe(10);
  });

  test("a link on which nobody says anything stays", async () => {
    const [one, two] = await startPair(world());
    await world().pass(1_500);
    expect([one.linkTo(two).isOpen, one.closed, two.closed]).toEqual([true, [], []]);
  });
}
