import { expect, test } from "vitest";
import { SeededRandom } from "../base/seeded-random.ts";
import { VirtualClock } from "../base/virtual-clock.ts";
import type { PeerSocket } from "../broker/ports/peer-transport.ts";
import { SimulatedNetwork, type SimulatedProcess } from "./simulated-network.ts";

const place = (id: number) => ({ host: `node-${id}`, port: 1 });

/** Two processes; all that either hears, with its moment. */
class Pair {
  readonly clock = new VirtualClock({ startMs: 0 });
  readonly network: SimulatedNetwork;
  readonly trace: string[] = [];
  readonly one: SimulatedProcess;
  readonly two: SimulatedProcess;
  readonly accepted: PeerSocket[] = [];

  constructor(seed: number) {
    this.network = new SimulatedNetwork(this.clock, new SeededRandom(seed));
    this.one = this.network.join(1, place(1), () => {});
    this.two = this.network.join(2, place(2), (socket) => {
      this.accepted.push(socket);
      this.listen("2", socket);
    });
  }

  listen(name: string, socket: PeerSocket): PeerSocket {
    const say = (text: string): void => void this.trace.push(`${name} ${text}`);
    socket.attach({
      opened: () => say("opened"),
      received: (bytes) => say(`got ${bytes.join(",")}`),
      closed: (reason) => say(`closed: ${reason}`),
    });
    return socket;
  }

  dial(id = 2): PeerSocket {
    return this.listen("1", this.one.dial(place(id)));
  }

  /** The bytes that the second one got. */
  get heard(): string {
    const got = this.trace.filter((line) => line.startsWith("2 got "));
    return got.map((line) => line.slice("2 got ".length)).join(",");
  }
}

test("bytes come in order, in other pieces, after a while", async () => {
  const pair = new Pair(1);
  const socket = pair.dial();
  for (let byte = 0; byte < 20; byte += 2)
    socket.write([Uint8Array.of(byte), Uint8Array.of(byte + 1)]);
  expect(pair.trace).toEqual([]);
  await pair.clock.advance(100);
  expect(pair.heard).toBe(Array.from({ length: 20 }, (_, at) => at).join(","));
  expect(pair.trace.length).toBeGreaterThan(11);
});

test("one seed is one run", async () => {
  const run = async (seed: number): Promise<string> => {
    const pair = new Pair(seed);
    const socket = pair.dial();
    for (let byte = 0; byte < 50; byte += 1) {
      socket.write([new Uint8Array(5).fill(byte)]);
      await pair.clock.advance(1);
    }
    return pair.trace.join("; ");
  };
  expect(await run(7)).toBe(await run(7));
  expect(await run(7)).not.toBe(await run(8));
});

test("after a cut nothing arrives, sent before or after, and both ends are closed", async () => {
  const pair = new Pair(2);
  const socket = pair.dial();
  await pair.clock.advance(100);
  socket.write([Uint8Array.of(1)]);
  pair.network.cut(2, 1);
  socket.write([Uint8Array.of(2)]);
  await pair.clock.advance(100);
  expect(pair.heard).toBe("");
  expect(pair.trace.filter((line) => line.includes("reset"))).toHaveLength(2);
  expect(pair.network.connectionCount).toBe(0);
});

test("a blocked way holds what is sent, the other way goes on", async () => {
  const pair = new Pair(3);
  const socket = pair.dial();
  await pair.clock.advance(100);
  pair.network.block(1, 2);
  socket.write([Uint8Array.of(1)]);
  pair.accepted[0]?.write([Uint8Array.of(9)]);
  await pair.clock.advance(10_000);
  expect([pair.heard, pair.trace.at(-1)]).toEqual(["", "1 got 9"]);
  pair.network.unblock(1, 2);
  await pair.clock.advance(100);
  expect(pair.heard).toBe("1");
});

test("what a killed process sent arrives before its end; a vanished one has no end", async () => {
  const killed = new Pair(4);
  killed.network.shape(1, 2, { delayMsMin: 500, delayMsMax: 500, bytesPerMs: 1_000 });
  const socket = killed.dial();
  await killed.clock.advance(1_000);
  socket.write([Uint8Array.of(1)]);
  await killed.clock.advance(10);
  killed.one.crash();
  await killed.clock.advance(2_000);
  expect(killed.trace).toEqual(["1 opened", "2 got 1", "2 closed: the connection was reset"]);
  const vanished = new Pair(5);
  const other = vanished.dial();
  await vanished.clock.advance(100);
  other.write([Uint8Array.of(1)]);
  await vanished.clock.advance(100);
  vanished.one.vanish();
  await vanished.clock.advance(60_000);
  expect(vanished.trace).toEqual(["1 opened", "2 got 1"]);
});

test("where nobody listens a dial is refused; where no machine is nothing comes back", async () => {
  const pair = new Pair(6);
  pair.two.crash();
  pair.dial();
  await pair.clock.advance(100);
  expect(pair.trace).toEqual(["1 closed: the connection was refused"]);
  pair.dial(3);
  await pair.clock.advance(60_000);
  expect(pair.trace).toHaveLength(1);
});
