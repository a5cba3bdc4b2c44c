import { describe, expect, test } from "vitest";
import { hostnameOf, refuseForeign, type GuardedRequest } from "./browser-guard.ts";

const rules = {
  listenerAddresses: ["10.1.2.3"],
  hosts: ["log.example"],
  origins: ["https://ui.example"],
};
const request: GuardedRequest = {
  method: "GET",
  host: "127.0.0.1:9092",
  origin: undefined,
  isData: false,
  isUpgrade: false,
};
const refuse = (change: Partial<GuardedRequest>): string | undefined =>
  refuseForeign({ ...request, ...change }, rules);

describe("the Host header", () => {
  test.each([
    "127.0.0.1",
    "localhost:9092",
    "[::1]:9092",
    "a.localhost",
    "10.1.2.3:9092",
    "LOG.example",
  ])("%s names this node", (host) => expect(refuse({ host })).toBeUndefined());

  test.each(["evil.example", "127.0.0.1.evil.example:9092", "10.1.2.4", "localhost.evil", "[::2]"])(
    "a rebound name %s is refused",
    (host) => expect(refuse({ host })).toContain("http.hosts"),
  );

  test.each([undefined, "", "a b", "host:", "[::1", "host:123456", "user@host"])(
    "%s is no Host header",
    (host) => expect(refuse({ host })).toContain("Host"),
  );

  test("a name is read without port, brackets and case", () => {
    expect(hostnameOf("[FE80::1]:80")).toBe("fe80::1");
  });
});

describe("the Origin header", () => {
  test("a page of the node itself may write", () => {
    expect(refuse({ method: "POST", origin: "http://127.0.0.1:9092" })).toBeUndefined();
  });

  test.each(["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])(
    "a foreign page may not %s",
    (method) => {
      expect(refuse({ method, origin: "https://evil.example" })).toContain("http.cors.origins");
    },
  );

  test("a page of another port of this host is foreign", () => {
    expect(refuse({ method: "POST", origin: "http://127.0.0.1:3000" })).toBeDefined();
  });

  test("a sandboxed page (origin null) is foreign", () => {
    expect(refuse({ method: "POST", origin: "null" })).toBeDefined();
  });

  test("a foreign page may ask for health, not for data, nor open a socket", () => {
    const origin = "https://evil.example";
    expect(refuse({ origin })).toBeUndefined();
    expect(refuse({ origin, isData: true })).toBeDefined();
    expect(refuse({ origin, isUpgrade: true })).toBeDefined();
  });

  test("a listed origin may do everything", () => {
    const origin = "https://ui.example";
    expect(refuse({ method: "POST", origin, isData: true })).toBeUndefined();
  });
});
