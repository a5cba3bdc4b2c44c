import { expect, test } from "vitest";
import { formatTextLine, openLog, type NodeLogOptions } from "./node-log.ts";

async function logged(options: Partial<NodeLogOptions>): Promise<string[]> {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  const log = await openLog({ level: "info", format: "text", ...options, write });
  log.debug("a detail");
  log.info("a client came", { client: "kcat", port: 9 });
  log.error("it broke");
  return lines;
}

test("level info hides debug, level error hides info, silent hides all", async () => {
  expect(await logged({})).toHaveLength(2);
  expect((await logged({ level: "error" })).join()).toContain("it broke");
  expect(await logged({ level: "error" })).toHaveLength(1);
  expect(await logged({ level: "silent" })).toEqual([]);
});

test("a JSON line holds the message and the fields", async () => {
  const [line] = await logged({ format: "json" });
  expect(JSON.parse(line ?? "")).toMatchObject({ msg: "a client came", client: "kcat", port: 9 });
});

test("a line of text stays one line whatever a client sends", () => {
  const time = new Date(0);
  const fields = { client: "a b\nc=1", count: 2, none: undefined };
  expect(formatTextLine(time, "warn", { message: "refused\nx", fields })).toBe(
    '1970-01-01T00:00:00.000Z WARN  refused\\nx client="a b\\nc=1" count=2\n',
  );
});
