// Starts and stops 20 brokers in one process, uses every door, and prints what is left of them.
import kafkajs from "kafkajs";
import { Xylem } from "xylem";

const count = 20;
const before = process.memoryUsage().rss;
const startedMs = performance.now();
const brokers = await Promise.all(Array.from({ length: count }, () => Xylem.start()));
const startMs = performance.now() - startedMs;
const ports = new Set();
for (const broker of brokers) {
  ports.add(broker.port);
  const topic = await broker.topic("orders", { partitions: 3 });
  await topic.append({ key: "1", value: String(broker.port) });
}
const read = await Promise.all(brokers.map(useEveryDoor));
const rss = process.memoryUsage().rss;
await Promise.all(brokers.map((broker) => broker.close()));
await Promise.all(brokers.map((broker) => broker.close()));
await new Promise((resolve) => setImmediate(resolve));
const left = process.getActiveResourcesInfo().filter((name) => !/^(Pipe|TTY)Wrap$/.test(name));
const mebibytes = (bytes) => Math.round(bytes / 2 ** 20);
console.log(
  JSON.stringify({
    ports: ports.size,
    own: read.every((value, index) => value === String(brokers[index].port)),
    left,
    startMs: Math.round(startMs),
    rssBefore: mebibytes(before),
    rss: mebibytes(rss),
  }),
);

async function useEveryDoor(broker) {
  const healthy = await fetch(`${broker.url}/healthz`, { headers: { connection: "close" } });
  if (!healthy.ok) throw new Error(`healthz: ${healthy.status}`);
  await healthy.text();
  const kafka = new kafkajs.Kafka({ brokers: [broker.bootstrap], logLevel: 0 });
  const consumer = kafka.consumer({ groupId: "readers", maxWaitTimeInMs: 50 });
  await consumer.connect();
  await consumer.subscribe({ topic: "orders", fromBeginning: true });
  const value = await new Promise((resolve) => {
    void consumer.run({ eachMessage: async ({ message }) => resolve(String(message.value)) });
  });
  await consumer.disconnect();
  return value;
}
