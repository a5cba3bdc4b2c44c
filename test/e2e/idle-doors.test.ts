import { expect, test } from "vitest";
import { run } from "../support/child-process.ts";
import { repositoryRoot } from "../support/repository.ts";

const program = `
  import { Xylem } from "${repositoryRoot}/dist/bundle/index.js";
  const loaded = () => process.moduleLoadList.includes("NativeModule http2");
  const xylem = await Xylem.start();
  await (await xylem.topic("t")).append({ value: "x" });
  await new Promise((resolve) => setTimeout(resolve, 300));
  const before = loaded();
  const { connect } = await import("node:http2");
  console.log(JSON.stringify({ before, after: loaded() }));
  await xylem.close();
`;

test("a node that nobody speaks HTTP/2 or gRPC to loads neither", async () => {
  const { stdout, stderr } = await run(process.execPath, ["--input-type=module", "-e", program]);
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toEqual({ before: false, after: true });
});
