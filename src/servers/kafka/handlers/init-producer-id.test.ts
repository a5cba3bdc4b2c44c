import { describe, expect, test } from "vitest";
import { callKafka, rigContext } from "../../../../test/support/kafka-call.ts";
import { openTopicRig, type TopicRig } from "../../../../test/support/topic-rig.ts";
import type { SentRequestOf } from "../../../protocol/api-table.ts";
import { initProducerId } from "./init-producer-id.ts";

const plain: SentRequestOf<"InitProducerId"> = { transactionalId: null, transactionTimeoutMs: 0 };
const ask = (rig: TopicRig, version: number, request = plain) =>
  callKafka("InitProducerId", initProducerId, request, { rig, version });

describe("InitProducerId", () => {
  test.each([0, 1, 2, 3, 4, 5])("version %i hands out an id at epoch 0", async (version) => {
    const answer = await ask(await openTopicRig(), version);
    expect(answer).toMatchObject({ errorCode: 0, producerId: 0, producerEpoch: 0 });
  });

  test("an id and epoch from before change nothing: a new id is handed out", async () => {
    const rig = await openTopicRig();
    const answer = await ask(rig, 5, { ...plain, producerId: 77, producerEpoch: 3 });
    expect(answer).toMatchObject({ errorCode: 0, producerId: 0, producerEpoch: 0 });
  });

  const request = { ...plain, producerId: -1, producerEpoch: -1 };
  test.each([
    ["an id without an epoch", { producerId: 5 }, "INVALID_REQUEST"],
    ["an epoch without an id", { producerEpoch: 5 }, "INVALID_REQUEST"],
    ["an empty transactional id", { transactionalId: "" }, "INVALID_REQUEST"],
    [
      "a transaction timeout of 0",
      { transactionalId: "t", transactionTimeoutMs: 0 },
      "INVALID_TRANSACTION_TIMEOUT",
    ],
    [
      "a transaction timeout above the node's bound",
      { transactionalId: "t", transactionTimeoutMs: 900_001 },
      "INVALID_TRANSACTION_TIMEOUT",
    ],
    [
      "a transactional id, which has no coordinator here",
      { transactionalId: "t", transactionTimeoutMs: 1 },
      "NOT_COORDINATOR",
    ],
  ])("%s is refused", async (_, more, code) => {
    const context = rigContext(await openTopicRig(), 5);
    const full = { ...request, enable2Pc: false, keepPreparedTxn: false, ...more };
    await expect(initProducerId(full, context)).rejects.toMatchObject({ code });
  });
});
