import { expect, test } from "vitest";
import { apiNames, apiTable, isServed } from "./api-table.ts";
import { requestHeaderVersion, responseHeaderVersion } from "./messages/headers.ts";

test("every API is under its key, once", () => {
  const keys = apiNames.map((name) => apiTable[name].key);
  expect(new Set(keys).size).toBe(keys.length);
  for (const name of apiNames) {
    const { request, response } = apiTable[name];
    expect([request.name, response.name]).toEqual([`${name}Request`, `${name}Response`]);
  }
  expect(keys).not.toContain(4);
});

test("no version is served that the codecs do not have", () => {
  for (const name of apiNames) {
    const { served, request, response } = apiTable[name];
    for (const { validVersions } of [request, response]) {
      expect(served.min).toBeGreaterThanOrEqual(validVersions.min);
      expect(served.max).toBeLessThanOrEqual(validVersions.max);
    }
  }
});

test("Produce is listed from 0 and served from 3, all others are listed as served", () => {
  expect(apiTable.Produce.listed).toEqual({ min: 0, max: 13 });
  expect([isServed("Produce", 2), isServed("Produce", 3)]).toEqual([false, true]);
  const others = apiNames.filter((name) => name !== "Produce");
  for (const name of others) expect(apiTable[name].listed).toEqual(apiTable[name].served);
});

test("the unstable version 6 of InitProducerId is not offered", () => {
  expect(apiTable.InitProducerId.served).toEqual({ min: 0, max: 5 });
});

test("headers follow the body's version, but ApiVersions always answers with header 0", () => {
  const { Fetch, ApiVersions } = apiTable;
  expect(requestHeaderVersion(Fetch.request, 11)).toBe(1);
  expect(requestHeaderVersion(Fetch.request, 12)).toBe(2);
  expect(responseHeaderVersion(Fetch.response, 12)).toBe(1);
  expect(requestHeaderVersion(ApiVersions.request, 3)).toBe(2);
  expect(responseHeaderVersion(ApiVersions.response, 3)).toBe(0);
});
