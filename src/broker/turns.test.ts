import { expect, test } from "vitest";
import { Turns } from "./turns.ts";

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test("work of one key runs in order, work of another runs beside it", async () => {
  const turns = new Turns();
  const told: string[] = [];
  const work = (name: string, ms: number) => async (): Promise<void> => {
    await pause(ms);
    told.push(name);
  };
  await Promise.all([
    turns.take("a", work("a1", 30)),
    turns.take("a", work("a2", 0)),
    turns.take("b", work("b1", 5)),
  ]);
  expect(told).toEqual(["b1", "a1", "a2"]);
});

test("work that fails fails its caller alone; the next one has its turn", async () => {
  const turns = new Turns();
  const failing = turns.take("a", async () => {
    throw new Error("no");
  });
  const next = turns.take("a", async () => "yes");
  await expect(failing).rejects.toThrow("no");
  expect(await next).toBe("yes");
});

test("settled waits for all that was taken, failures included", async () => {
  const turns = new Turns();
  let done = 0;
  const failing = turns.take("a", async () => {
    await pause(5);
    done++;
    throw new Error("no");
  });
  const other = turns.take("b", async () => {
    await pause(10);
    done++;
  });
  await Promise.all([turns.settled(), expect(failing).rejects.toThrow("no")]);
  expect(done).toBe(2);
  await other;
});
