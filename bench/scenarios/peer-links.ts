import type { PeerLink, PeerMessage } from "../../src/broker/ports/peer-links.ts";
import type { PeerMesh } from "../../src/peers/peer-mesh.ts";
import { Child } from "../../test/support/child-process.ts";
import { openPeerEnd, peerEndProgram, receiverId } from "../../test/support/peer-end.ts";
import { cpuSeconds } from "../process-usage.ts";
import type { Figures, Scenario } from "../scenario.ts";

const appendBytes = 100_000;
const appendsPerTurn = 100;
const acksPerTurn = 1_000;
const callsInFlight = 32;
const topicId = new Uint8Array(16).fill(1);
const session = { epoch: 1, session: 1 } as const;

type Ends = readonly [PeerMesh, PeerLink];

const reject: PeerMessage = { topicId, partition: 1, message: { kind: "reject", ...session } };

/** The link between two nodes, each a process, without logs behind it. */
export const peerLinks: Scenario = {
  name: "links between nodes: bytes, messages, calls",
  needsJava: false,
  figures: [
    "MB/s, Appends of 100 kB",
    "MB/s, Appends of 1 kB",
    "Acks/s",
    "round trips/s, one at a time",
    "calls/s, 32 at a time",
    "CPU s of both ends",
  ],
  isHigherBetter: true,
  isWarmedUp: true,
  repetitionsMax: 3,
  isOursOnly: true,
  async measure({ isQuick }) {
    const child = new Child(process.execPath, [peerEndProgram]);
    const [place] = await child.waitForOutput(/127\.0\.0\.1:\d+/, 30_000);
    const [host = "", port] = place.split(":");
    const links = openPeerEnd(1, { host, port: Number(port), incarnation: "end-2" });
    const link = await opened(links);
    const cpuBefore = cpuSeconds(child.pid) + cpuSeconds(process.pid);
    const figures = await measureAll(links, link, isQuick ? 0.1 : 1);
    const cpu = cpuSeconds(child.pid) + cpuSeconds(process.pid) - cpuBefore;
    await links.close();
    child.endInput();
    await child.outcome(10_000);
    return { ...figures, "CPU s of both ends": cpu };
  },
};

async function measureAll(links: PeerMesh, link: PeerLink, share: number): Promise<Figures> {
  const largeCount = 20_000 * share;
  const smallCount = 500_000 * share;
  const ackCount = 2_000_000 * share;
  const roundTrips = 10_000 * share;
  const calls = 50_000 * share;
  const ends: Ends = [links, link];
  const large = await seconds(() => sendAppends(ends, largeCount, appendBytes));
  const small = await seconds(() => sendAppends(ends, smallCount, 1_000));
  return {
    "MB/s, Appends of 100 kB": (largeCount * appendBytes) / 1e6 / large,
    "MB/s, Appends of 1 kB": (smallCount * 1_000) / 1e6 / small,
    "Acks/s": ackCount / (await seconds(() => sendAcks(ends, ackCount))),
    "round trips/s, one at a time":
      roundTrips / (await seconds(() => roundTrip(links, roundTrips))),
    "calls/s, 32 at a time": calls / (await seconds(() => callMany(links, calls))),
  };
}

function opened(links: PeerMesh): Promise<PeerLink> {
  return new Promise((resolve) => {
    links.onOpened(resolve);
    links.want(receiverId);
  });
}

async function seconds(run: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await run();
  return (performance.now() - startedMs) / 1_000;
}

/** Many partitions take turns; the bytes are the same memory again and again. */
function sendAppends(ends: Ends, count: number, sizeBytes: number): Promise<void> {
  const bytes = [new Uint8Array(sizeBytes).fill(7)];
  return sendInTurns(ends, [count, appendsPerTurn], (index) => {
    const offsets = { base: index, next: index + 1, committed: index, logStart: 0, flush: 0 };
    const message = { kind: "append", ...session, ...offsets, isFresh: true } as const;
    ends[1].send({ topicId, partition: index % 100, message }, bytes);
  });
}

function sendAcks(ends: Ends, count: number): Promise<void> {
  return sendInTurns(ends, [count, acksPerTurn], (index) => {
    const offsets = { written: index, flushed: index, ownWritten: index, ownFlushed: index };
    const starts = { logStart: 0, logStartMax: 0 };
    const message = { kind: "ack", ...session, ...offsets, ...starts } as const;
    ends[1].send({ topicId, partition: index % 100, message });
  });
}

/** Sends so many in a turn of the loop while there is room; ends when the other side has all. */
async function sendInTurns(
  [links, link]: Ends,
  [count, perTurn]: readonly [number, number],
  send: (index: number) => void,
): Promise<void> {
  let stop = (): void => {};
  await new Promise<void>((resolve) => {
    let sent = 0;
    const turn = (): void => {
      for (let left = perTurn; left > 0 && sent < count && link.hasRoom; left -= 1) send(sent++);
      if (sent === count) resolve();
      else if (link.hasRoom) setImmediate(turn);
    };
    stop = link.onRoom(turn);
    turn();
  });
  stop();
  await roundTrip(links, 1);
}

function roundTrip(links: PeerMesh, count: number): Promise<void> {
  return new Promise((resolve) => {
    let left = count;
    const stop = links.onMessages((link) => {
      left -= 1;
      if (left > 0) return link.send(reject);
      stop();
      resolve();
    });
    links.find(receiverId)?.send(reject);
  });
}

async function callMany(links: PeerMesh, count: number): Promise<void> {
  const body = new Uint8Array(100);
  let left = count;
  const loop = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await links.call(receiverId, "echo", body, 10_000);
    }
  };
  await Promise.all(Array.from({ length: callsInFlight }, loop));
}
