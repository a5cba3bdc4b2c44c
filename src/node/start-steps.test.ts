import { expect, test } from "vitest";
import { silentLog } from "../base/log.ts";
import { StartSteps } from "./start-steps.ts";

test("stops run in reverse, once, however often they are asked for", async () => {
  const events: string[] = [];
  const steps = new StartSteps(silentLog);
  for (const name of ["a", "b", "c"])
    await steps.run(
      name,
      () => name,
      (n) => void events.push(n),
    );
  await Promise.all([steps.stop(), steps.stop()]);
  await steps.stop();
  expect(events).toEqual(["c", "b", "a"]);
});

test("a failing step names itself and stops what had started", async () => {
  const events: string[] = [];
  const steps = new StartSteps(silentLog);
  await steps.run(
    "lock the directory",
    () => 1,
    () => void events.push("unlocked"),
  );
  const failing = steps.run("open the port", () => Promise.reject(new Error("in use")));
  await expect(failing).rejects.toThrow("Could not open the port: in use");
  expect(events).toEqual(["unlocked"]);
});

test("one failing stop keeps no other from running and is told", async () => {
  const events: string[] = [];
  const steps = new StartSteps(silentLog);
  await steps.run(
    "a",
    () => 1,
    () => void events.push("a"),
  );
  await steps.run(
    "b",
    () => 1,
    () => Promise.reject(new Error("b does not stop")),
  );
  await expect(steps.stop()).rejects.toThrow("b does not stop");
  expect(events).toEqual(["a"]);
});
