import { expect, test } from "vitest";
import { memoryDisk } from "../../../test/support/log-directory.ts";
import { openTopicRig } from "../../../test/support/topic-rig.ts";
import { silentLog } from "../../base/log.ts";
import { encodeUtf8 } from "../../base/text.ts";
import { formatPartitionMetadata } from "../../log/partition-metadata.ts";
import { returnStrays } from "./return-strays.ts";

const unique = "0123456789abcdef0123456789abcdef";

test("a folder that Kafka put aside is taken back by the topic whose id it has", async () => {
  const { topics, coordinator } = await openTopicRig();
  const asked = { name: "orders", partitions: 3, replicas: 1, configs: new Map() };
  const { id } = await topics.create(asked);
  const disk = memoryDisk();
  const make = async (folder: string, topicId: Uint8Array): Promise<void> => {
    await disk.makeDirectory(folder);
    const file = await disk.open(`${folder}/partition.metadata`, { create: true });
    await file.append([encodeUtf8(formatPartitionMetadata(topicId))]);
    await file.close();
  };
  await make(`orders-0.${unique}-stray`, id);
  // Of an older topic of that name.
  await make(
    `orders-1.${unique}-stray`,
    id.map((byte) => byte ^ 1),
  );
  // A folder of that name is there.
  await make(`orders-2.${unique}-stray`, id);
  await make("orders-2", id);
  const names = async () => (await disk.list("")).map(({ name }) => name).toSorted();
  const before = await names();
  await returnStrays({ disk, coordinator, log: silentLog });
  expect(await names()).toEqual(before);
  await make("__cluster_metadata-0", id);
  await returnStrays({ disk, coordinator, log: silentLog });
  expect(await names()).toEqual([
    "__cluster_metadata-0",
    "orders-0",
    `orders-1.${unique}-stray`,
    "orders-2",
    `orders-2.${unique}-stray`,
  ]);
});
