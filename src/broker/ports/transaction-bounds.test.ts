import { expect, test } from "vitest";
import { checkTransaction, transactionBytesMax } from "./transaction-bounds.ts";

const keys = (count: number): string[] => Array.from({ length: count }, (_, at) => `k${at}`);

test("64 keys are taken, a key compared and written counts once, and one more is a fault", () => {
  const compares = keys(64).map((key) => ({ key, revision: 0 }));
  const writes = keys(64).map((key) => ({ key, value: "1" }));
  checkTransaction(compares, writes);
  expect(() => checkTransaction(compares, [{ key: "other", value: null }])).toThrow(/65 keys/);
});

test("a key stands once in what is written", () => {
  const write = { key: "a", value: "1" };
  expect(() => checkTransaction([], [write, { ...write, value: null }])).toThrow(/once/);
});

test("keys and values are bounded together, in bytes of UTF-8", () => {
  const half = "é".repeat(transactionBytesMax / 4 - 1);
  const writes = ["a", "b"].map((key) => ({ key, value: half }));
  checkTransaction([], writes);
  const tooMany = [...writes, { key: "cccc", value: "" }];
  expect(() => checkTransaction([], tooMany)).toThrowError(
    expect.objectContaining({ code: "MESSAGE_TOO_LARGE" }),
  );
});
