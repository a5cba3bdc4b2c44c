import { afterEach, beforeEach, expect, test } from "vitest";
import { startPair, untilLinked } from "../../test/support/peer-pair.ts";
import { type PeerNode, SimulatedPeerWorld, worldKey } from "../../test/support/peer-world.ts";
import { isLongRun } from "../../test/support/repository.ts";
import { joinBytes } from "../base/bytes.ts";
import { portableCrc32c } from "../base/crc32c.ts";
import { SeededRandom } from "../base/seeded-random.ts";
import { drawBetween } from "../simulation/draw.ts";
import { FrameWriter } from "./frames/frame-writer.ts";
import { DialerHandshake } from "./handshake/dialer-handshake.ts";

const tries = isLongRun ? 5_000 : 150;
const clusterId = "the-cluster";
const limits = { windowBytes: 1_000_000, frameBytesMax: 1_000_000 };

let world: SimulatedPeerWorld;
beforeEach(() => {
  world = new SimulatedPeerWorld();
});
afterEach(() => world.close());

/** Connects as node 9 and sends all of `bytes`; with the key only after it has proved itself. */
async function attack(target: PeerNode, bytes: Uint8Array, isProved: boolean): Promise<string> {
  let outcome = "";
  const attacker = world.network.join(9, { host: "attacker", port: 1 }, () => {});
  const machine = new DialerHandshake(
    {
      identity: { id: 9, incarnation: `attack-${Math.floor(world.clock.nowMs())}` },
      clusterId,
      limits,
      key: worldKey,
      versions: { min: 1, max: 1 },
      arbitrate: () => ({ turn: 1 }),
    },
    target.id,
    new Uint8Array(32),
  );
  const socket = attacker.dial({ host: `node-${target.id}`, port: 1 });
  socket.attach({
    opened: () => socket.write([isProved ? machine.introduction : bytes]),
    received: (chunk) => {
      if (!isProved || outcome !== "") return;
      const { send, agreed } = machine.receive(chunk);
      socket.write(send);
      if (agreed === undefined) return;
      outcome = "proved";
      socket.write([bytes]);
    },
    closed: (reason) => (outcome = `closed: ${reason}`),
  });
  await world.until("it is closed", () => outcome.startsWith("closed"));
  return outcome;
}

function noise(random: SeededRandom): Uint8Array {
  const bytes = random.bytes(drawBetween(random, 1, 3_000));
  // A small size, so that a frame is whole and its sum is looked at.
  if (bytes.length > 8) bytes.set([0, 0, 0, drawBetween(random, 0, 5)]);
  return bytes;
}

test("bytes of strangers end their own connection, and nothing else", async () => {
  const [one, two] = await startPair(world);
  const random = new SeededRandom(11);
  for (let count = 0; count < tries; count += 1) {
    const bytes = noise(random);
    if (count % 2 === 0) bytes.set([0x01, 0x58, 0x59, 0x4c, 0x4d, 0, 9].slice(0, bytes.length));
    await attack(one, bytes, false);
  }
  expect([one.closed, two.closed, one.opened.length]).toEqual([[], [], 1]);
  expect(world.network.connectionCount).toBe(1);
  expect(one.log.withLevel("error")).toEqual([]);
});

test("strangers who connect and say nothing keep no node out", async () => {
  const settings = { "peer.handshakes.max": 4 };
  const one = await world.start(1, { settings });
  const attacker = world.network.join(9, { host: "attacker", port: 1 }, () => {});
  let cutCount = 0;
  for (let count = 0; count < 10; count += 1) {
    const socket = attacker.dial({ host: "node-1", port: 1 });
    const events = { opened: () => {}, received: () => {} };
    socket.attach({ ...events, closed: () => void (cutCount += 1) });
  }
  await world.pass(50);
  expect(cutCount).toBe(6);
  const two = await world.start(2);
  two.links.want(1);
  await untilLinked(world, one, two);
  await world.pass(2_000);
  expect([cutCount, one.linkTo(two).isOpen]).toEqual([10, true]);
});

test("bytes of a node that has proved itself end its link, and no other", async () => {
  const [one, two] = await startPair(world);
  const random = new SeededRandom(12);
  for (let count = 0; count < tries; count += 1) await attack(one, noise(random), true);
  expect([one.linkTo(two).isOpen, two.closed]).toEqual([true, []]);
  expect(one.closed).toHaveLength(tries);
  expect(one.messages).toEqual([]);
  expect(one.log.withLevel("error")).toEqual([]);
});

test("a node that sends far past its room has its link ended", async () => {
  const settings = { "peer.window.bytes": 65_536, "peer.frame.max.bytes": 65_536 };
  const one = await world.start(1, {
    settings,
    onMessages: (delivery) => void delivery.hold(),
  });
  const topicId = new Uint8Array(16);
  const message = { kind: "reject", epoch: 1, session: 1 } as const;
  const frames = Array.from({ length: 20 }, () => {
    const writer = new FrameWriter(0, 2);
    while (writer.sizeBytes < 60_000) writer.message({ topicId, partition: 0, message }, []);
    return joinBytes(writer.seal(portableCrc32c).chunks);
  });
  await attack(one, joinBytes(frames), true);
  expect(one.warnings.join()).toContain("without room");
  expect(one.messages.length).toBeGreaterThan(0);
});
