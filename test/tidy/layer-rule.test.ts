import { expect, test } from "vitest";
import { findCycles, findOrphans } from "./import-graph.ts";
import { brokenLayers } from "./layer-rule.ts";
import { isProduct, readTree, type SourceFile } from "./source-tree.ts";

const product = readTree().filter(isProduct);
// A message is declared with its vectors before a handler serves it.
const messages = product.filter(({ path }) => path.startsWith("src/protocol/messages/"));
const entries = [
  "src/index.ts",
  "src/client/index.ts",
  "src/harness/index.ts",
  "src/harness/fixtures/jest.ts",
  "src/harness/fixtures/node-test.ts",
  "src/harness/fixtures/vitest.ts",
  "src/cli/main.ts",
  "src/harness/simulation/capacity/simulate-capacity.ts",
  "src/harness/simulation/crash-everywhere.ts",
  "src/harness/simulation/simulate.ts",
  // A thread begins there: nobody imports it.
  "src/node/compaction/compaction-worker.ts",
  ...messages.map(({ path }) => path),
  // The cluster is composed of these.
  ...product.map(({ path }) => path).filter((path) => path.startsWith("src/replication/")),
  ...product.map(({ path }) => path).filter((path) => path.startsWith("src/peers/")),
  "src/simulation/simulated-network.ts",
  "src/node/open-peers.ts",
  "src/simulation/simulated-coordinator.ts",
  "src/simulation/drifting-clock.ts",
  "src/coordination/etcd/etcd-coordinator.ts",
];

function sample(path: string, text: string): SourceFile {
  return { path, text };
}

test("a layer imports smaller numbers only", () => {
  expect(product.flatMap(brokenLayers)).toEqual([]);
});

test.each([
  ["upward", "src/log/a.ts", 'import { b } from "../broker/b.ts";'],
  ["upward as a type", "src/log/a.ts", 'import type { b } from "../broker/b.ts";'],
  ["upward over several lines", "src/log/a.ts", 'import {\n  b,\n} from "../broker/b.ts";'],
  ["upward as a re-export", "src/log/a.ts", 'export * from "../broker/b.ts";'],
  ["upward at run time", "src/node/a.ts", 'const b = await import("../cli/b.ts");'],
  ["an equal number", "src/storage/a.ts", 'import { b } from "../codecs/b.ts";'],
  ["from door to door", "src/servers/kafka/a.ts", 'import { b } from "../http/b.ts";'],
  ["Node in a pure layer", "src/log/a.ts", 'import { open } from "node:fs/promises";'],
  ["a package in a pure layer", "src/broker/a.ts", 'import pino from "pino";'],
  ["the client, not alone", "src/client/a.ts", 'import { b } from "../base/b.ts";'],
  ["outside the product", "src/node/a.ts", 'import { b } from "../../test/b.ts";'],
  ["an unknown layer", "src/misc/a.ts", 'import { b } from "../base/b.ts";'],
])("an import is refused: %s", (_case, path, text) => {
  expect(brokenLayers(sample(path, text))).toHaveLength(1);
});

test("an import downward, or beside in the same layer, is fine", () => {
  const text = 'import { b } from "../base/b.ts";\nimport { c } from "./c.ts";';
  expect(brokenLayers(sample("src/log/a.ts", text))).toEqual([]);
  expect(brokenLayers(sample("src/servers/http/a.ts", 'import "../http-date.ts";'))).toEqual([]);
});

test("no files import each other in a ring", () => {
  expect(findCycles(product)).toEqual([]);
});

test("a ring is found, unless a type closes it", () => {
  const forth = sample("src/log/a.ts", 'import { b } from "./b.ts";');
  const back = sample("src/log/b.ts", 'import { a } from "./a.ts";');
  expect(findCycles([forth, back])).toEqual(["src/log/a.ts -> src/log/b.ts -> src/log/a.ts"]);
  const typeBack = sample("src/log/b.ts", 'import type { A } from "./a.ts";');
  expect(findCycles([forth, typeBack])).toEqual([]);
});

test("every file of the product is reached from an entry point", () => {
  expect(findOrphans(product, entries)).toEqual([]);
});

test("a file that nobody imports is found", () => {
  const files = [
    sample("src/index.ts", 'export { a } from "./node/a.ts";'),
    sample("src/node/a.ts", 'const late = () => import("./late.ts");'),
    sample("src/node/late.ts", ""),
    sample("src/node/lost.ts", 'import "./a.ts";'),
  ];
  expect(findOrphans(files, ["src/index.ts"])).toEqual(["src/node/lost.ts"]);
});
