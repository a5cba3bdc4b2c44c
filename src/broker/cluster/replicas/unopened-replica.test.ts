import { afterEach, expect, test } from "vitest";
import { ClusterWorld } from "../../../../test/support/cluster-world.ts";
import { batchOf } from "../../../../test/support/log-directory.ts";
import { XylemError } from "../../../base/errors.ts";
import type { Disk } from "../../ports/disk.ts";

let world: ClusterWorld;
afterEach(() => world.close());

/** Logs of the topic can not be opened. */
function failing(disk: Disk): Disk {
  return new Proxy(disk, {
    get: (_, name) => {
      const found = Reflect.get(disk, name) as unknown;
      if (typeof found !== "function") return found;
      if (name !== "open") return found.bind(disk) as unknown;
      return async (path: string, options: { create: boolean }) => {
        if (!path.startsWith("orders-0/") || !path.endsWith(".log")) {
          return await disk.open(path, options);
        }
        throw new XylemError("KAFKA_STORAGE_ERROR", "the disk fails");
      };
    },
  });
}

test.each([
  ["os", "is not vouched for", 1],
  ["fsync", "has what it had flushed", undefined],
])("a log with durability %s that can not be opened %s", async (durability, _is, count) => {
  world = new ClusterWorld(1);
  const node = await world.start(1);
  await world.create(1, "orders", { replicas: 1, configs: new Map([["durability", durability]]) });
  await world.tick(1_000);
  await world.send(1, "orders", batchOf(["kept"]));
  node.crash();
  await world.tick(10_000);
  const back = await world.drive(world.start(1, {}, failing(node.disk)));
  expect(back.cluster.membership.entry.lineages?.lost?.length).toBe(count);
});
