import { expect, test } from "vitest";
import { topicSettingsWithoutEffect } from "../../scripts/docs-tables.ts";
import { nodeSettings } from "../../src/base/settings/node-settings.ts";
import { topicSettings } from "../../src/base/settings/topic-settings.ts";
import type { Setting } from "../../src/base/settings/setting.ts";
import { synonymsOf } from "../../src/broker/configs/topic-defaults.ts";
import { isProduct, readTree } from "./source-tree.ts";

const product = readTree()
  .filter(isProduct)
  .filter(({ path }) => !path.startsWith("src/base/settings/"))
  .map(({ text }) => text)
  .join("\n");

const isRead = (name: string): boolean =>
  product.includes(`"${name}"`) || (!name.includes(".") && product.includes(`settings.${name}`));

// The cluster is composed with these.
const awaited = ["replica.lag.time.max.ms"];
const isAwaited = (name: string): boolean => awaited.includes(name);

test("every node setting is read somewhere, or is the default of a topic setting", () => {
  const defaults = new Set<string>();
  for (const name of Object.keys(topicSettings)) {
    for (const synonym of synonymsOf(name)) defaults.add(synonym.name);
  }
  const settled = Object.keys(nodeSettings).filter((name) => !isAwaited(name));
  const unread = settled.filter((name) => !defaults.has(name) && !isRead(name));
  expect(unread).toEqual([]);
});

test("every topic setting is read somewhere, or the reference says that it has no effect", () => {
  const silent = new Set<string>(topicSettingsWithoutEffect);
  const unread = Object.keys(topicSettings).filter((name) => !silent.has(name) && !isRead(name));
  expect(unread).toEqual([]);
});

test("nothing goes by a topic setting that the reference says to be without effect", () => {
  const heeded = topicSettingsWithoutEffect.filter((name) => product.includes(`["${name}"]`));
  expect(heeded).toEqual([]);
});

test("every topic setting's broker name is a node setting that changes while the node runs", () => {
  const rows: Readonly<Record<string, Setting<unknown>>> = topicSettings;
  const nodeRows: Readonly<Record<string, Setting<unknown>>> = nodeSettings;
  const names = Object.values(rows).flatMap(({ brokerName }) => brokerName ?? []);
  expect(names.filter((name) => nodeRows[name]?.dynamic !== "cluster")).toEqual([]);
});
