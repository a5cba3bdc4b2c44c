import { Kafka, logLevel } from "kafkajs";
import { expect, test } from "vitest";
import { KafkaContainer } from "../../src/harness/index.ts";
import { findFreePort } from "../support/free-port.ts";

/** As suites for testcontainers do it. */
async function roundTrip(brokers: string[]): Promise<string> {
  const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING });
  const producer = kafka.producer();
  await producer.connect();
  const consumer = kafka.consumer({ groupId: "test-group" });
  await consumer.connect();
  await producer.send({ topic: "test-topic", messages: [{ value: "test message" }] });
  await consumer.subscribe({ topic: "test-topic", fromBeginning: true });
  const value = await new Promise<string>((resolve) => {
    void consumer.run({ eachMessage: async ({ message }) => resolve(String(message.value)) });
  });
  await Promise.all([consumer.disconnect(), producer.disconnect()]);
  return value;
}

test("a suite for Kafka's container runs without one", async () => {
  const container = await new KafkaContainer("confluentinc/cp-kafka:7.9.1")
    .withKraft()
    .withExposedPorts(9093)
    .withStartupTimeout(120_000)
    .start();
  const host = container.getHost();
  const [mapped, first] = [container.getMappedPort(9093), container.getFirstMappedPort()];
  expect([first, container.getBootstrapServers()]).toEqual([mapped, `${host}:${mapped}`]);
  expect(await roundTrip([`${host}:${mapped}`])).toBe("test message");
  await container.restart();
  expect(container.getMappedPort(9093)).toBe(mapped);
  expect(container.broker.topics()).toEqual(["test-topic"]);
  await container.stop();
  await container.stop();
});

test("Kafka's variables are settings, and a port of the host is taken", async () => {
  const host = await findFreePort();
  await using container = await new KafkaContainer()
    .withEnvironment({ KAFKA_NUM_PARTITIONS: "4", KAFKA_BROKER_ID: "7", OTHER: "x" })
    .withExposedPorts({ container: 9094, host })
    .start();
  expect(container.getMappedPort(9094)).toBe(host);
  expect((await container.broker.topic("t")).partitionCount).toBe(4);
  expect(() => container.getMappedPort(1)).toThrow("port 1 is not exposed; 9092, 9093, 9094 are");
});
