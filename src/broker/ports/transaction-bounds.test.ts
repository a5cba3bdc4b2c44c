import { expect, test } from "vitest";
import { checkTransaction, transactionBytesMax } from "./transaction-bounds.ts";

const keys = (count: number): string[] => Array.from({ length: count }, (_, at) => `k${at}`);

test("63 keys are taken, a key compared and written counts once, and one more is a fault", () => {
  const compares = keys(63).map((key) => ({ key, revision: 0 }));
  const writes = keys(63).map((key) => ({ key, value: "1" }));
  checkTransaction(compares, writes);
  expect(() => checkTransaction(compares, [{ key: "other", value: null }])).toThrow(/64 keys/);
});

test("a key compared and deleted counts twice", () => {
  const compares = keys(32).map((key) => ({ key, revision: 7 }));
  const deletes = keys(32).map((key) => ({ key, value: null }));
  checkTransaction(compares.slice(1), deletes.slice(1));
  expect(() => checkTransaction(compares, deletes)).toThrow(/64 keys/);
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
