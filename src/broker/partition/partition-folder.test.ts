import { expect, test } from "vitest";
import { decodeUtf8 } from "../../base/text.ts";
import { parseUuid } from "../../base/uuid.ts";
import { LeaderEpochs } from "../../log/leader-epochs.ts";
import { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import { epochsFileName, PartitionFolder } from "./partition-folder.ts";

test("epochs that two write at once are those of the later one, and whole", async () => {
  const disk = new SimulatedDisk();
  const topicId = parseUuid("R6eIPSRtSiKwszCuiyujVA");
  const folder = new PartitionFolder(disk, "t-0", topicId, false);
  await folder.make();
  disk.fault = () => Promise.resolve();
  const epochs = new LeaderEpochs([{ epoch: 1, startOffset: 0 }]);
  const first = folder.writeEpochs(epochs);
  epochs.assign(2, 10);
  await Promise.all([first, folder.writeEpochs(epochs)]);
  const text = decodeUtf8((await disk.readFile(`t-0/${epochsFileName}`)) as Uint8Array);
  expect(LeaderEpochs.parse(text).entries).toEqual(epochs.entries);
});

test("epochs are written after a write of them has failed", async () => {
  const disk = new SimulatedDisk();
  const topicId = parseUuid("R6eIPSRtSiKwszCuiyujVA");
  const folder = new PartitionFolder(disk, "t-0", topicId, false);
  await folder.make();
  disk.fault = (operation) => {
    if (operation === "rename") throw new Error("EIO");
  };
  const epochs = new LeaderEpochs([{ epoch: 1, startOffset: 0 }]);
  const failing = folder.writeEpochs(epochs);
  await expect(failing).rejects.toThrow("EIO");
  expect(folder.areEpochsDirty).toBe(true);
  disk.fault = () => undefined;
  await folder.writeEpochs(epochs);
  expect(folder.areEpochsDirty).toBe(false);
});
