import { once } from "node:events";
import { connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { HttpDoor } from "../../../test/support/http-door.ts";
import type { PartitionLog } from "../../broker/partition/partition-log.ts";
import { LoopTurn } from "./loop-turn.ts";

test("what waits for the end of a turn goes on in its order, before that of the next", async () => {
  const turn = new LoopTurn();
  const passed: string[] = [];
  const pass = async (name: string): Promise<void> => {
    await turn.end();
    passed.push(name);
  };
  const first = [pass("a"), pass("b")];
  await Promise.resolve();
  expect(passed).toEqual([]);
  await Promise.all(first);
  expect(passed).toEqual(["a", "b"]);
  await Promise.all([pass("c"), pass("d")]);
  expect(passed).toEqual(["a", "b", "c", "d"]);
});

test("appends that come in one turn share a write, and stay in their order", async () => {
  const door = await HttpDoor.open();
  onTestFinished(() => door.close());
  await door.ask("PUT", "/v1/topics/t", { body: { partitions: 1 } });
  const partition = door.broker.topics.find("t")?.partitions[0] as PartitionLog;
  await partition.load();
  let advances = 0;
  partition.onAdvance(() => (advances += 1));
  const socket = connect(door.port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  const post = (body: string): string =>
    `POST /v1/topics/t/records HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n${body}`;
  socket.write(["a", "b", "c", "d"].map(post).join(""));
  let answer = "";
  while ((answer.match(/201 Created/g) ?? []).length < 4) {
    const [chunk] = (await once(socket, "data")) as [Uint8Array];
    answer += new TextDecoder().decode(chunk);
  }
  expect(answer.match(/"offset":\d/g)).toEqual([0, 1, 2, 3].map((n) => `"offset":${n}`));
  expect(advances).toBe(1);
  const stored = await door.ask("GET", "/v1/topics/t/partitions/0/records?offset=0");
  const { records } = stored.json as { readonly records: readonly { readonly value: string }[] };
  expect(records.map(({ value }) => value)).toEqual(["a", "b", "c", "d"]);
});
