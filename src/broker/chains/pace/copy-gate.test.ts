import { expect, test } from "vitest";
import { defaultNodeSettings } from "../../../base/settings/node-settings.ts";
import { topicDefaults } from "../../configs/topic-defaults.ts";
import { CopyGate } from "./copy-gate.ts";
import { CopyPace } from "./copy-pace.ts";

const settings = topicDefaults(defaultNodeSettings);
const pieceBytes = 16_384;

function openGate() {
  const limits = [{ key: "node", bytesPerSecond: 1_000 }];
  const pace = new CopyPace({ limitsOf: () => limits, nowMs: () => 0 });
  const gate = new CopyGate(pace, { roomOpened: () => {} }, 0);
  return { gate, take: () => gate.take(2, 1_000_000, settings) };
}

test("what a read that failed was given another one may read at once", () => {
  const { gate, take } = openGate();
  expect(take()).toBe(pieceBytes);
  gate.done(0);
  expect(take()).toBe(pieceBytes);
  // Once is enough.
  gate.done(pieceBytes);
  gate.done(0);
  expect(take()).toBe(0);
  expect(gate.isHeldBack).toBe(true);
});
