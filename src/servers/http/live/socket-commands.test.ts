import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repositoryRoot } from "../../../../test/support/repository.ts";
import { socketCommands } from "./socket-commands.ts";

test("docs/live.md lists every command with its fields", () => {
  const text = readFileSync(join(repositoryRoot, "docs/live.md"), "utf8");
  const listed = [...text.matchAll(/^\| `(\w+)` +\| ([^|]*)\|/gm)].map(
    ([, type = "", fields = ""]) => [type, [...fields.matchAll(/`(\w+)`/g)].map((one) => one[1])],
  );
  for (const [type, { properties = {} }] of Object.entries(socketCommands)) {
    const own = Object.keys(properties).filter((name) => name !== "type" && name !== "id");
    expect(listed.find(([name]) => name === type)?.[1]).toEqual(own);
  }
});
