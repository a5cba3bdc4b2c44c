import { expect, test } from "vitest";
import { tools } from "../../../test/support/log-directory.ts";
import { encodeUtf8 } from "../../base/text.ts";
import { buildBatch, buildMarker } from "../../protocol/build-batch.ts";
import { RecordBatch } from "../../protocol/record-batch.ts";
import { decodeRecords } from "../../protocol/record.ts";
import { OpenTransactions } from "./open-transactions.ts";

const producer = { producerEpoch: 0, baseSequence: 0 };
const marker = { producerEpoch: 0, coordinatorEpoch: 0, timestampMs: 1 };

function batch(key: string, producerId?: number): Uint8Array {
  const records = [{ key: encodeUtf8(key), value: null, timestampMs: 1 }];
  const transaction = { ...producer, producerId: producerId ?? -1, isTransactional: true };
  return buildBatch(records, producerId === undefined ? {} : transaction, tools);
}

function end(type: "commit" | "abort", producerId: number): Uint8Array {
  return buildMarker({ ...marker, type, producerId }, tools);
}

function visited(...batches: readonly Uint8Array[]): string[] {
  const keys: string[] = [];
  const transactions = new OpenTransactions(({ key }) => keys.push(new TextDecoder().decode(key)));
  const limits = { compression: tools.compression, sizeBytesMax: 1_000 };
  for (const bytes of batches) {
    const one = new RecordBatch(bytes);
    for (const { key, value } of decodeRecords(one, limits)) {
      if (key !== null) transactions.take(one, { key, value });
    }
  }
  return keys;
}

test("records outside of transactions pass at once", () => {
  expect(visited(batch("a"), batch("b"))).toEqual(["a", "b"]);
});

test("records of a transaction come with its commit, in order", () => {
  const all = [batch("a", 7), batch("b"), batch("c", 7), end("commit", 7), batch("d")];
  expect(visited(...all)).toEqual(["b", "a", "c", "d"]);
});

test("records of aborted and of open transactions never come", () => {
  const all = [batch("a", 7), batch("b", 8), end("abort", 7), batch("c", 7), end("commit", 9)];
  expect(visited(...all)).toEqual([]);
});

test("an aborted transaction leaves nothing for the next of its producer", () => {
  const all = [batch("a", 7), end("abort", 7), batch("b", 7), end("commit", 7)];
  expect(visited(...all)).toEqual(["b"]);
});
