import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Producer } from "@platformatic/kafka";
import { expect, test } from "vitest";
import { Xylem } from "../../src/index.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { startNode, xylem } from "../support/xylem-command.ts";

const valuesPerRequest = 10;

test("a stop under load: what was acknowledged is there, the rest is refused, exit 0", async () => {
  const data = makeTemporaryFolder("graceful");
  const node = await startNode(["--port=0", "--data", data]);
  const producer = new Producer({
    clientId: "loader",
    bootstrapBrokers: [node.bootstrap],
    retries: 0,
  });
  await xylem(["topic", "create", "load", "-b", node.bootstrap]);
  const acknowledged: string[] = [];
  const load = (async () => {
    for (let request = 0; ; request += 1) {
      const values = Array.from({ length: valuesPerRequest }, (_, at) => `${request}.${at}`);
      const messages = values.map((value) => ({ topic: "load", value: Buffer.from(value) }));
      try {
        await producer.send({ messages, acks: -1 });
      } catch {
        return request;
      }
      acknowledged.push(...values);
    }
  })();
  while (acknowledged.length < 200) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(await node.child.end("SIGTERM")).toBe(0);
  await load;
  await producer.close(true);
  // The marker says that nothing has to be recovered.
  expect(readFileSync(join(data, ".kafka_cleanshutdown"))).toBeDefined();
  await using broker = await Xylem.start({ data });
  const stored: string[] = [];
  for await (const record of (await broker.topic("load")).read()) stored.push(record.text());
  expect(stored.slice(0, acknowledged.length)).toEqual(acknowledged);
  expect(stored.length - acknowledged.length).toBeLessThanOrEqual(valuesPerRequest);
  await broker.close();
  removeFolder(data);
});
