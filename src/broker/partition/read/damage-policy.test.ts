import { expect, test } from "vitest";
import { append, fromDisk, openWorld } from "../../../../test/support/log-directory.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";

const segment = "orders-0/00000000000000000000";

test("with log.damage.policy=stop, damage found while an index is made anew stops it", async () => {
  const disk = new SimulatedDisk();
  const small = { "segment.records": 5 };
  const world = await openWorld(disk);
  const written = await world.open("orders", small);
  for (let count = 0; count < 8; count += 1) await append(written, ["some"]);
  await world.directory.close();

  const spoiled = Uint8Array.from(disk.peek(`${segment}.log`));
  spoiled[70] = (spoiled[70] ?? 0) ^ 1;
  disk.poke(`${segment}.log`, spoiled);
  await disk.remove(`${segment}.index`);
  const settings = { ...fromDisk, "log.damage.policy": "stop" } as const;
  const again = await openWorld(disk, { settings });
  const partition = await again.open("orders", small);
  expect(partition.stopped).toBeUndefined();
  const reading = async () => partition.read(4, { sizeBytesMax: 1e6, wholeFirst: true, upTo: 8 });
  await reading().catch(() => undefined);
  expect(partition.stopped?.code).toBe("KAFKA_STORAGE_ERROR");
  await expect(append(partition, ["more"])).rejects.toMatchObject({ code: "KAFKA_STORAGE_ERROR" });
});
