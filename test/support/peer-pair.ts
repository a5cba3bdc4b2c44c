import type { PeerMessage } from "../../src/broker/ports/peer-links.ts";
import type { PeerNode, PeerNodeOptions, PeerWorld } from "./peer-world.ts";

export const topicId = Uint8Array.from({ length: 16 }, (_, at) => at);

/** A numbered message without record bytes. */
export function ackOf(written: number): PeerMessage {
  const offsets = {
    written,
    flushed: 0,
    logStart: 0,
    logStartMax: 0,
    ownWritten: written,
    ownFlushed: 0,
  };
  return { topicId, partition: 3, message: { kind: "ack", epoch: 1, session: 1, ...offsets } };
}

/** A message that record bytes travel beside. */
export function appendOf(base: number): PeerMessage {
  const offsets = { base, next: base + 1, committed: 0, logStart: 0, flush: 0 };
  return {
    topicId,
    partition: 0,
    message: { kind: "append", epoch: 1, session: 1, ...offsets, isFresh: true },
  };
}

/** Two linked nodes. */
export async function startPair(
  world: PeerWorld,
  options: readonly [PeerNodeOptions?, PeerNodeOptions?] = [],
): Promise<readonly [PeerNode, PeerNode]> {
  const one = await world.start(1, options[0]);
  const two = await world.start(2, options[1]);
  one.links.want(2);
  await untilLinked(world, one, two);
  return [one, two];
}

export async function untilLinked(world: PeerWorld, one: PeerNode, two: PeerNode): Promise<void> {
  await world.until("both have the link", () => {
    const here = one.links.find(two.id);
    const there = two.links.find(one.id);
    return (
      here?.peer.incarnation === two.incarnation && there?.peer.incarnation === one.incarnation
    );
  });
}
