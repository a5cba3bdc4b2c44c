import { expect, onTestFinished, test } from "vitest";
import { Xylem } from "../../src/index.ts";
import { SocketClient } from "../support/socket-client.ts";

test("a scrape shows who reads live, and forgets who is gone", async () => {
  const broker = await Xylem.start();
  onTestFinished(() => broker.close());
  await broker.topic("orders");
  const told = async (): Promise<(string | undefined)[]> => {
    const page = await (await fetch(`${broker.url}/metrics`)).text();
    const valueOf = (name: string) => page.split("\n").find((line) => line.startsWith(name));
    return ['xylem_live_readers{kind="events"', 'xylem_live_readers{kind="websocket"'].map(
      (name) => valueOf(name)?.split(" ")[1],
    );
  };
  expect(await told()).toEqual(["0", "0"]);
  const stop = new AbortController();
  const follow = { headers: { accept: "text/event-stream" }, signal: stop.signal };
  await fetch(`${broker.url}/v1/records?topic=orders`, follow);
  await fetch(`${broker.url}/v1/records?topic=orders`, follow);
  const socket = await SocketClient.open(`${broker.url.replace("http", "ws")}/v1/socket`);
  expect(await told()).toEqual(["2", "1"]);
  stop.abort();
  socket.close();
  await expect.poll(told).toEqual(["0", "0"]);
});
