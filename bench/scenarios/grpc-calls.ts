import { join } from "node:path";
import { Child } from "../../test/support/child-process.ts";
import { GrpcClient } from "../../test/support/grpc-client.ts";
import { cpuSeconds } from "../process-usage.ts";
import type { Figures, Scenario } from "../scenario.ts";

const inFlight = 32;
const value = Buffer.alloc(100, "x");
const batchRecords = 100;
const liveRecordBytes = 1_000;

/** The gRPC door, with grpc-js as its client and grpc-js's own echo as the yardstick. */
export const grpcCalls: Scenario = {
  name: "gRPC: appends one by one and in a stream, live reading",
  needsJava: false,
  figures: [
    "unary appends/s",
    "streamed appends/s",
    "streamed records/s, 100 each",
    "live MB/s",
    "echo calls/s",
    "grpc-js echo calls/s",
    "broker CPU s",
  ],
  isHigherBetter: true,
  isWarmedUp: true,
  repetitionsMax: 3,
  isOursOnly: true,
  async measure({ broker, isQuick }) {
    const count = isQuick ? 2_000 : 20_000;
    const log = new GrpcClient(broker.bootstrap, "xylem.v1.LogService");
    const admin = new GrpcClient(broker.bootstrap, "xylem.v1.AdminService");
    const topic = `grpc-${broker.product}-${performance.now().toFixed(0)}`;
    await admin.call("ensureTopic", { name: topic, partitions: 1, configs: { durability: "os" } });
    const cpuBefore = cpuSeconds(broker.pid);
    const figures = {
      ...(await measureAppends(log, topic, count)),
      "live MB/s": await measureLive(log, topic, isQuick ? 20_000 : 100_000),
      ...(await measureEchoes(broker.bootstrap, count)),
      "broker CPU s": cpuSeconds(broker.pid) - cpuBefore,
    };
    await admin.call("deleteTopic", { name: topic });
    for (const client of [log, admin]) client.close();
    return figures;
  },
};

async function measureAppends(log: GrpcClient, topic: string, count: number): Promise<Figures> {
  const one = { topic, records: [{ value }] };
  const many = { topic, records: Array(batchRecords).fill({ value }) };
  return {
    "unary appends/s": await perSecond(count, () => callAll(log, "append", one, count)),
    "streamed appends/s": await perSecond(count, () => streamAll(log, one, count)),
    "streamed records/s, 100 each": await perSecond(count, () =>
      streamAll(log, many, count / batchRecords),
    ),
  };
}

async function measureEchoes(bootstrap: string, count: number): Promise<Figures> {
  const yardstick = new Child(process.execPath, [
    join(import.meta.dirname, "../grpc-echo-server.ts"),
  ]);
  const [address] = await yardstick.waitForOutput(/127\.0\.0\.1:\d+/, 30_000);
  const rates: number[] = [];
  for (const place of [bootstrap, address]) {
    const echo = new GrpcClient(place, "xylem.v1.EchoService");
    const text = value.toString();
    rates.push(await perSecond(count, () => callAll(echo, "echo", { text }, count)));
    echo.close();
  }
  yardstick.endInput();
  await yardstick.outcome(10_000);
  return { "echo calls/s": rates[0] ?? 0, "grpc-js echo calls/s": rates[1] ?? 0 };
}

async function perSecond(count: number, run: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await run();
  return (count / (performance.now() - startedMs)) * 1_000;
}

async function callAll(
  client: GrpcClient,
  method: string,
  request: object,
  count: number,
): Promise<void> {
  let left = count;
  const loop = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await client.call(method, request);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, loop));
}

function streamAll(log: GrpcClient, append: object, count: number): Promise<void> {
  const stream = log.duplex("appendStream");
  const done = new Promise<void>((resolve, reject) => {
    stream.on("data", () => {}).on("error", reject);
    stream.on("end", resolve);
  });
  let left = count;
  const push = (): void => {
    while (left > 0) {
      left -= 1;
      if (stream.write({ append })) continue;
      stream.once("drain", push);
      return;
    }
    stream.end();
  };
  push();
  return done;
}

async function measureLive(log: GrpcClient, topic: string, count: number): Promise<number> {
  const live = `${topic}-live`;
  const records = Array(batchRecords).fill({ value: Buffer.alloc(liveRecordBytes, "y") });
  await streamAll(log, { topic: live, records }, count / batchRecords);
  const position = { edge: "LOG_EDGE_EARLIEST" };
  const request = { subscriptions: [{ topic: live, position }], maxBytes: 262_144 };
  let bytes = 0;
  const startedMs = performance.now();
  const stream = log.stream("subscribe", request);
  await new Promise<void>((resolve) => {
    stream.on("error", () => {});
    stream.on("data", (answer) => {
      bytes += (answer["records"] as object[]).length * liveRecordBytes;
      if (bytes >= count * liveRecordBytes) resolve();
    });
  });
  const seconds = (performance.now() - startedMs) / 1_000;
  stream.cancel();
  return bytes / 1e6 / seconds;
}
