import { expect, test } from "vitest";
import { MemoryBroker } from "../../../test/support/memory-broker.ts";
import { tools } from "../../../test/support/log-directory.ts";
import {
  allCommitted,
  TransactionalProducer,
} from "../../../test/support/transactional-producer.ts";
import type { PartitionLog } from "../../broker/partition/partition-log.ts";
import { FairTurn } from "./fair-turn.ts";
import { readTopic } from "./read-topic.ts";

test("a read gives the records of committed transactions and none of others", async () => {
  const memory = await MemoryBroker.open();
  const topic = await memory.createTopic("orders");
  const log = topic.partitions[0] as PartitionLog;
  const [one, other] = [new TransactionalProducer(1), new TransactionalProducer(2)];
  one.send(log, ["aborted"]);
  other.send(log, ["committed"]);
  one.send(log, ["aborted too"]);
  one.end(log, "abort");
  one.send(log, ["later"]);
  one.end(log, "commit");
  other.end(log, "commit");
  other.send(log, ["open"]);
  await allCommitted(log);
  const { broker } = memory;
  const values: string[] = [];
  const scope = { broker, tools, closing: new AbortController().signal, turn: new FairTurn() };
  for await (const record of readTopic(scope, topic, {})) values.push(record.text());
  expect(values).toEqual(["committed", "later"]);
  await memory.close();
});
