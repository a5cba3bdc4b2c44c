import { expect, test } from "vitest";
import { garbageBatch } from "../../../../test/support/log-directory.ts";
import { PullGroup } from "../../../../test/support/pull-group.ts";
import { allCommitted } from "../../../../test/support/transactional-producer.ts";

/** Behind the values of partition 0 lies a batch that does not open. */
async function open(partitions: number, ...values: string[]): Promise<PullGroup> {
  const group = await PullGroup.open();
  const topic = await group.node.createTopic("orders", partitions);
  const log = topic.partitions[0]!;
  await group.append("orders", 0, ...values);
  log.append(garbageBatch(4), { origin: "client" });
  await allCommitted(log);
  return group;
}

const unreadable = { code: "CORRUPT_MESSAGE", message: expect.stringContaining("orders-0 at 2") };

test("what lies before a batch that does not open is handed out, then the error", async () => {
  const group = await open(1, "a", "b");
  const { values, cursor } = await group.fetch("m");
  expect(values).toEqual(["a", "b"]);
  await expect(group.fetch("m", { cursor })).rejects.toMatchObject(unreadable);
});

test("a partition that can not be read keeps no record of the others back", async () => {
  const group = await open(3, "a", "b");
  const seen: string[] = [];
  let { cursor } = await group.fetch("m");
  for (const value of ["x", "y", "z"]) {
    for (const partition of [1, 2]) await group.append("orders", partition, value);
    const fetched = await group.fetch("m", { cursor });
    seen.push(...fetched.values);
    ({ cursor } = fetched);
  }
  expect(seen.toSorted()).toEqual(["x", "x", "y", "y", "z", "z"]);
  await expect(group.fetch("m", { cursor })).rejects.toMatchObject(unreadable);
});
