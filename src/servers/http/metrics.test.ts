import { expect, test } from "vitest";
import { MetricsPage } from "./metrics.ts";

const usedSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

test("processor time counts from the start of the process, not from the first scrape", async () => {
  const page = new MetricsPage(() => []);
  for (const scrape of [1, 2]) {
    const before = usedSeconds();
    const { text } = await page.render();
    const after = usedSeconds();
    const told = (name: string): number =>
      Number(new RegExp(`^process_cpu_${name}seconds_total (.+)$`, "m").exec(text)?.[1]);
    // What is used between two looks of the first scrape is lost.
    expect(told(""), `scrape ${scrape}`).toBeGreaterThan(before * 0.95);
    expect(told(""), `scrape ${scrape}`).toBeLessThanOrEqual(after);
    expect(told("user_") + told("system_")).toBeCloseTo(told(""), 3);
  }
});
