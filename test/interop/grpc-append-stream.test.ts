import { afterAll, beforeAll, expect, test } from "vitest";
import { Xylem } from "../../src/index.ts";
import { GrpcClient, type Message } from "../support/grpc-client.ts";

let broker: Xylem;
let log: GrpcClient;

beforeAll(async () => {
  broker = await Xylem.start({ settings: { "num.partitions": 1 } });
  log = new GrpcClient(broker.bootstrap, "xylem.v1.LogService");
});

afterAll(async () => {
  log.close();
  await broker.close();
});

interface Append {
  readonly topic: string;
  readonly records: readonly object[];
  readonly expectedOffset?: number;
}

/** Sends all at once on one stream; the answers in the order in which they came. */
function appendAll(requests: Iterable<Append>): Promise<Message[]> {
  const stream = log.duplex("appendStream");
  const answers: Message[] = [];
  stream.on("data", (answer: Message) => answers.push(answer));
  for (const append of requests) stream.write({ append });
  stream.end();
  return new Promise((resolve, reject) => {
    stream.on("error", reject);
    stream.on("end", () => resolve(answers));
  });
}

const one = (topic: string, value: string, more: object = {}): Append => ({
  topic,
  records: [{ value: Buffer.from(value), ...more }],
});

async function valuesOf(topic: string): Promise<string[]> {
  const values: string[] = [];
  for (let offset = 0; ;) {
    const page = await log.call("read", { topic, position: { offset }, limit: 10_000 });
    const { records, nextOffset } = page as unknown as {
      records: { value: Buffer }[];
      nextOffset: number;
    };
    if (records.length === 0) return values;
    values.push(...records.map(({ value }) => value.toString()));
    offset = nextOffset;
  }
}

test("a stream of requests is stored in its order, each is answered with its offset", async () => {
  const values = Array.from({ length: 2_000 }, (_, index) => `v${index}`);
  const answers = await appendAll(values.map((value) => one("many", value)));
  expect(answers).toHaveLength(values.length);
  const ranges = answers.map(
    ({ appended }) => (appended as { ranges: { offset: number; count: number }[] }).ranges,
  );
  expect(ranges.map(([range]) => range?.offset)).toEqual(values.map((_, index) => index));
  expect(await valuesOf("many")).toEqual(values);
});

test("requests that are refused leave their neighbours and the stream alone", async () => {
  const answers = await appendAll([
    one("mixed", "a"),
    one("mixed", "b", { partition: 9 }),
    { topic: "mixed", records: [] },
    one("a b", "nowhere"),
    one("mixed", "c"),
    one("mixed", "x".repeat(2_000_000)),
    one("mixed", "d"),
  ]);
  const told = answers.map(({ appended, error }) => {
    const [range] = (
      appended as { ranges: { offset: number; error?: { code: string } }[] } | undefined
    )?.ranges ?? [undefined];
    return (error as { code: string } | undefined)?.code ?? range?.error?.code ?? range?.offset;
  });
  expect(told).toEqual([
    0,
    "UNKNOWN_TOPIC_OR_PARTITION",
    "INVALID_REQUEST",
    "INVALID_TOPIC_EXCEPTION",
    1,
    "MESSAGE_TOO_LARGE",
    2,
  ]);
  expect(await valuesOf("mixed")).toEqual(["a", "c", "d"]);
});

test("a refused record does not take those with it that were gathered with it", async () => {
  const keyed = (value: string) => one("compacted", value, { key: Buffer.from(value) });
  const admin = new GrpcClient(broker.bootstrap, "xylem.v1.AdminService");
  await admin.call("ensureTopic", { name: "compacted", configs: { "cleanup.policy": "compact" } });
  admin.close();
  const requests = Array.from({ length: 500 }, (_, index) =>
    index % 50 === 7 ? one("compacted", "no key") : keyed(`k${index}`),
  );
  const answers = await appendAll(requests);
  const codes = answers.map(
    ({ appended }) =>
      (appended as { ranges: { error?: { code: string } | null }[] }).ranges[0]?.error?.code,
  );
  expect(codes).toEqual(
    requests.map((_, index) => (index % 50 === 7 ? "INVALID_RECORD" : undefined)),
  );
  const kept = requests.flatMap((_, index) => (index % 50 === 7 ? [] : [`k${index}`]));
  expect(await valuesOf("compacted")).toEqual(kept);
});

test("an expected offset is compared after all requests before it", async () => {
  const expecting = (value: string, expectedOffset: number): Append => ({
    ...one("expecting", value, { partition: 0 }),
    expectedOffset,
  });
  const answers = await appendAll([
    one("expecting", "a"),
    expecting("b", 1),
    expecting("c", 1),
    one("expecting", "d"),
  ]);
  expect(answers.map(({ appended }) => appended)).toMatchObject([
    { ranges: [{ offset: 0 }] },
    { ranges: [{ offset: 1 }] },
    { ranges: [{ error: { code: "OFFSET_MISMATCH" } }] },
    { ranges: [{ offset: 2 }] },
  ]);
});

test("a stream that is cut off in the middle stores a beginning of it", async () => {
  const stream = log.duplex("appendStream");
  stream.on("error", () => {});
  stream.on("data", () => {});
  for (let index = 0; index < 5_000; index += 1) {
    stream.write({ append: one("cut", `v${index}`) });
  }
  await new Promise((resolve) => stream.once("data", resolve));
  stream.cancel();
  await new Promise((resolve) => setTimeout(resolve, 200));
  const values = await valuesOf("cut");
  expect(values).toEqual(values.map((_, index) => `v${index}`));
});
