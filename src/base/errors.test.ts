import { expect, test } from "vitest";
import { DamageError, XylemError } from "./errors.ts";

test("an error tells at most 2,000 characters of what a client sent", () => {
  const { message } = new XylemError("INVALID_TOPIC_EXCEPTION", "x".repeat(3_000_000));
  expect(message).toBe(`${"x".repeat(2_000)}…`);
  expect(new XylemError("INVALID_TOPIC_EXCEPTION", "short").message).toBe("short");
});

test("corrupt bytes are the client's fault who sent them, the node's who stored them", () => {
  const sent = new XylemError("CORRUPT_MESSAGE", "the checksum of the batch is wrong");
  const stored = new DamageError("CORRUPT_MESSAGE", "the log is damaged");
  expect(sent.row).toMatchObject({ http: 400, grpc: "INVALID_ARGUMENT" });
  expect(stored.row).toMatchObject({ http: 500, grpc: "DATA_LOSS", retriable: false });
  expect([sent.kafka, stored.kafka, stored.row.kafka]).toEqual([2, 2, 2]);
  expect(new DamageError("KAFKA_STORAGE_ERROR", "EIO").row).toMatchObject({ retriable: true });
});
