import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SeededRandom } from "../../src/base/seeded-random.ts";
import { formatSeat, seatKey } from "../../src/broker/cluster/membership/seat-entry.ts";
import { systemClock } from "../../src/node/system-clock.ts";
import type { OpenApi } from "../../src/servers/http/reference/openapi.ts";
import { SimulatedCoordinator } from "../../src/simulation/simulated-coordinator.ts";
import { SimulatedNetwork } from "../../src/simulation/simulated-network.ts";
import { SimulatedStore } from "../../src/simulation/simulated-store.ts";
import { type AskOptions, HttpDoor, type Told } from "../support/http-door.ts";
import { complain, type Described, operationsOf } from "../support/openapi-answers.ts";
import { cases, type Case } from "../support/openapi-cases.ts";

let door: HttpDoor;
/** Of a cluster: its only node, and the seat of one that is not up. */
let clustered: HttpDoor;
let openapi: OpenApi;

beforeAll(async () => {
  door = await HttpDoor.open({
    "http.request.max.bytes": 60_000,
    "http.requests.memory.max.bytes": 40_000,
  });
  clustered = await openClustered();
  openapi = (await door.ask("GET", "/openapi.json")).json as OpenApi;
});
afterAll(async () => {
  await door.close();
  await clustered.close();
});

const operations = (): readonly Described[] => operationsOf(openapi);

/** What every operation refuses alike, tried with a request that is well but for one thing. */
const shared: Readonly<Record<string, (well: Case) => Case>> = {
  400: (well) => ({ ...well, path: `${well.path}${well.path.includes("?") ? "&" : "?"}no-such=1` }),
  403: (well) => ({ ...well, headers: { ...well.headers, host: "rebound.example" } }),
  413: (well) => ({ ...well, body: "x".repeat(60_001) }),
  415: (well) => ({ ...well, headers: { "content-type": "text/plain" }, body: "{}" }),
  503: (well) => ({ ...well, body: "x".repeat(50_000) }),
};

async function openClustered(): Promise<HttpDoor> {
  const random = new SeededRandom(1);
  const store = new SimulatedStore(systemClock);
  const coordinator = new SimulatedCoordinator({ store, clock: systemClock, random });
  const empty = formatSeat({ id: 2, rack: "", weight: 1, state: "valid" });
  await coordinator.transact([], [{ key: seatKey(2), value: empty }]);
  const transport = new SimulatedNetwork(systemClock, random).join(
    1,
    { host: "node1.test", port: 9_092 },
    (socket) => socket.destroy(),
  );
  const bounds = { "http.request.max.bytes": 60_000, "http.requests.memory.max.bytes": 40_000 };
  const network = { transport, key: new Uint8Array(32) };
  const settings = { ...bounds, "node.id": 1, "cluster.expect": 2 };
  return await HttpDoor.open(settings, {}, { coordinator, network });
}

async function run(method: string, wanted: Case): Promise<Told> {
  const isClusters = wanted.path.startsWith("/v1/cluster/");
  return await runAt(isClusters ? clustered : door, method, wanted);
}

async function runAt(door: HttpDoor, method: string, wanted: Case): Promise<Told> {
  await wanted.before?.(door);
  const { headers = {}, body } = wanted;
  const options: AskOptions = { headers, ...(body !== undefined && { body }) };
  const answer =
    headers["host"] === undefined
      ? await door.ask(method, wanted.path, options)
      : await door.askRaw(method, wanted.path, options);
  await wanted.after?.(door);
  return answer;
}

test("every operation has cases, and every case an operation", () => {
  expect(Object.keys(cases).toSorted()).toEqual(
    operations()
      .map(({ name }) => name)
      .toSorted(),
  );
});

test("every status that is described can be met, with the body that is described", async () => {
  const failures: string[] = [];
  for (const { name, method, operation } of operations()) {
    const own = cases[name] ?? {};
    const [well] = Object.values(own);
    for (const status of Object.keys(operation.responses)) {
      const special = own[status as never] as Case | undefined;
      const tried = special ?? (well && shared[status]?.(well));
      if (tried === undefined) {
        failures.push(`${name} ${status}: there is no case`);
        continue;
      }
      const answer = await run(method, tried);
      if (answer.status !== Number(status)) {
        failures.push(`${name} ${status}: got ${answer.status} ${answer.text.slice(0, 200)}`);
      }
      const complaint = complain(operation, answer);
      if (complaint !== undefined) failures.push(`${name} ${status}: ${complaint}`);
    }
  }
  expect(failures).toEqual([]);
});

test("a case for a status that is not described is found", () => {
  const undescribed = operations().flatMap(({ name, operation }) =>
    Object.keys(cases[name] ?? {})
      .filter((status) => operation.responses[status] === undefined)
      .map((status) => `${name} ${status}`),
  );
  expect(undescribed).toEqual([]);
});

describe("the description", () => {
  test("names each operation once and every parameter of its path", () => {
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, operation } of operations()) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      const described = operation.parameters.filter((parameter) => parameter.in === "path");
      expect(described.map(({ name }) => name)).toEqual(inPath);
    }
  });

  test("is shown to people on a page that runs and loads nothing", async () => {
    const { headers, text } = await door.ask("GET", "/docs/api");
    expect(headers.get("content-security-policy")).toMatch(
      /^default-src 'none'; style-src 'sha256-/,
    );
    expect(text).not.toMatch(/<script|<link|<img|@import|https?:\/\//);
    for (const { path } of operations()) expect(text).toContain(path);
  });
});
