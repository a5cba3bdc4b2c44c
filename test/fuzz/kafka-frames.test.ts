import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { SeededRandom } from "../../src/base/seeded-random.ts";
import { KafkaDoor } from "../support/memory-broker.ts";
import { batchOf, RawClient, textOf } from "../support/raw-client.ts";
import { isLongRun } from "../support/repository.ts";
import { usedBytes } from "../support/used-bytes.ts";
import { waitUntil } from "../support/wait-until.ts";
import { mutatedFrame, recordedFrames } from "./mutate-frame.ts";

const framesTotal = isLongRun ? 100_000 : 1_000;
const framesPerRound = 1_000;
const framesPerConnection = 4;
const connectionsAtOnce = 16;
const mebibyte = 1_048_576;

let door: KafkaDoor;

afterEach(() => door.close(0));

async function openSocket(): Promise<Socket> {
  const socket = connect(door.port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** Sends all frames and hangs up; resolves once the broker has read them and hung up too. */
async function sendAndHangUp(frames: readonly Buffer[]): Promise<void> {
  const socket = await openSocket();
  const closed = once(socket, "close");
  socket.resume();
  for (const frame of frames) socket.write(frame);
  socket.end();
  await closed;
}

async function fuzzRound(corpus: readonly Buffer[], random: SeededRandom): Promise<void> {
  let framesLeft = framesPerRound;
  const send = async (): Promise<void> => {
    while (framesLeft > 0) {
      framesLeft -= framesPerConnection;
      const frames = Array.from({ length: framesPerConnection }, () =>
        mutatedFrame(corpus, random),
      );
      await sendAndHangUp(frames);
    }
  };
  await Promise.all(Array.from({ length: connectionsAtOnce }, send));
}

/** A client that did nothing wrong notices nothing. */
async function useNeighbour(neighbour: RawClient, text: string): Promise<void> {
  const { errorCode, baseOffset } = await neighbour.produce(["healthy", 0], batchOf([text]));
  expect(errorCode).toBe(0);
  const read = await neighbour.readAll(["healthy", 0], Number(baseOffset));
  expect(read.map(({ value }) => textOf(value))).toEqual([text]);
}

test(`${framesTotal} broken requests disturb nobody but their own connections`, async () => {
  door = await KafkaDoor.open({ "auto.create.topics.enable": false });
  const neighbour = await RawClient.open(door.port);
  await neighbour.createTopic("healthy");
  const corpus = recordedFrames();
  const random = new SeededRandom(20_261_121);
  const usedAtFirst = usedBytes();
  for (let sent = 0; sent < framesTotal; sent += framesPerRound) {
    const connectionsBefore = door.kafka.traffic.refusedCount;
    await fuzzRound(corpus, random);
    await waitUntil("only the neighbour is left", () => door.kafka.connectionCount === 1);
    await useNeighbour(neighbour, `after ${sent}`);
    expect([door.kafka.requestBytes, door.kafka.answerBytes]).toEqual([0, 0]);
    expect(usedBytes() - usedAtFirst).toBeLessThan(256 * mebibyte);
    expect(door.log.withLevel("error")).toEqual([]);
    const refused = door.kafka.traffic.refusedCount - connectionsBefore;
    const lines = door.log.lines.filter(({ message }) => message === "Kafka connection closed");
    expect(lines).toHaveLength(refused);
    expect(refused).toBeGreaterThan(framesPerRound / framesPerConnection / 4);
    door.log.lines.length = 0;
  }
  neighbour.close();
});

test("requests that never become whole cost no more than the bytes that came", async () => {
  door = await KafkaDoor.open({ "connections.max.idle.ms": 1_500 });
  const neighbour = await RawClient.open(door.port);
  await neighbour.createTopic("healthy");
  const usedBefore = usedBytes();
  const sockets = await Promise.all(Array.from({ length: 200 }, openSocket));
  const claim = Buffer.from("06400000" + "0000000b00000001ffff", "hex");
  for (const byte of claim) {
    for (const socket of sockets) socket.write(Buffer.of(byte));
    await useNeighbour(neighbour, "meanwhile");
  }
  const claimedBytes = 200 * claim.length;
  await waitUntil("all bytes came", () => door.kafka.requestBytes === claimedBytes);
  expect(usedBytes() - usedBefore).toBeLessThan(64 * mebibyte);
  const keepAlive = setInterval(() => void useNeighbour(neighbour, "still here"), 200);
  await waitUntil("the silent ones are closed", () => door.kafka.connectionCount === 1);
  clearInterval(keepAlive);
  expect(door.kafka.requestBytes).toBe(0);
  neighbour.close();
});

test("unfinished requests of all connections together are bounded", async () => {
  door = await KafkaDoor.open({ "queued.max.request.bytes": 2 * mebibyte });
  const neighbour = await RawClient.open(door.port);
  await neighbour.createTopic("healthy");
  const half = Buffer.alloc(mebibyte);
  half.writeInt32BE(10 * mebibyte);
  const sockets = await Promise.all(Array.from({ length: 8 }, openSocket));
  for (const socket of sockets) socket.write(half);
  await waitUntil("some are closed", () => door.kafka.connectionCount <= 3);
  expect(door.kafka.requestBytes).toBeLessThanOrEqual(2 * mebibyte);
  await useNeighbour(neighbour, "unharmed");
  for (const socket of sockets) socket.destroy();
  neighbour.close();
});
