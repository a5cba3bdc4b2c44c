import { expect, test } from "vitest";
import { openWorld } from "../../../../test/support/log-directory.ts";
import { encodeUtf8 } from "../../../base/text.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";

const name = "meta.properties";

const damaged: readonly [string, (whole: Uint8Array) => Uint8Array][] = [
  ["empty", () => new Uint8Array()],
  ["zeros", (whole) => new Uint8Array(whole.length)],
  ["no text", (whole) => whole.map((byte) => byte ^ 0xff)],
  ["of no version", () => encodeUtf8("node.id=1\ncluster.id=abc\n")],
  ["cut short", (whole) => whole.subarray(0, 20)],
];

test.each(damaged)("meta.properties that is %s refuses the start and stays", async (_, spoil) => {
  const disk = new SimulatedDisk();
  await (await openWorld(disk)).directory.close();
  const spoiled = spoil(Uint8Array.from(disk.peek(name)));
  disk.poke(name, spoiled);
  await expect(openWorld(disk)).rejects.toMatchObject({
    code: "KAFKA_STORAGE_ERROR",
    message: expect.stringContaining(name),
  });
  expect(disk.peek(name)).toEqual(spoiled);
});
