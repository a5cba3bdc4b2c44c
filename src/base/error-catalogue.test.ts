import { expect, test } from "vitest";
import { catalogue, type ErrorRow } from "./error-catalogue.ts";
import { kafkaCode, XylemError } from "./errors.ts";

const rows = Object.entries(catalogue as Readonly<Record<string, ErrorRow>>);

test("Kafka's codes from -1 to 136 are all there, each once, before those of our own", () => {
  const codes = rows.slice(0, 137).map(([, row]) => row.kafka);
  const expected = Array.from({ length: 138 }, (_, at) => at - 1).filter((code) => code !== 0);
  expect(codes.sort((a, b) => a - b)).toEqual(expected);
  const own = rows.slice(137).map(([, row]) => row.kafka);
  expect(new Set(own)).toEqual(new Set([56, 42]));
  expect(kafkaCode("DISK_FULL")).toBe(kafkaCode("KAFKA_STORAGE_ERROR"));
});

test("an HTTP status is a client's fault or the server's, never a success", () => {
  const wrong = rows.filter(([, { http }]) => http < 400 || http > 599);
  expect(wrong).toEqual([]);
});

test("what gRPC calls not found, forbidden or existing, HTTP calls the same", () => {
  const pairs = { NOT_FOUND: 404, PERMISSION_DENIED: 403, UNAUTHENTICATED: 401 };
  for (const [grpc, http] of Object.entries(pairs)) {
    const statuses = rows.filter(([, row]) => row.grpc === grpc).map(([, row]) => row.http);
    expect(new Set(statuses), grpc).toEqual(new Set([http]));
  }
});

test("an error carries its code, its detail and its cause", () => {
  const cause = new Error("no space");
  const error = new XylemError("DISK_FULL", "orders-3 could not be written", { cause });
  expect(error).toMatchObject({ kafka: 56, message: "orders-3 could not be written", cause });
  expect(error.row.http).toBe(507);
});
