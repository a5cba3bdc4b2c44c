import { expect, test } from "vitest";
import { XylemError } from "./errors.ts";

test("an error tells at most 2,000 characters of what a client sent", () => {
  const { message } = new XylemError("INVALID_TOPIC_EXCEPTION", "x".repeat(3_000_000));
  expect(message).toBe(`${"x".repeat(2_000)}…`);
  expect(new XylemError("INVALID_TOPIC_EXCEPTION", "short").message).toBe("short");
});
