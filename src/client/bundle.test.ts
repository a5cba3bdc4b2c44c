import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { expect, test } from "vitest";

const gzippedBytesMax = 8_000;

test("a page loads the client as one small module that imports nothing", async () => {
  const input = join(import.meta.dirname, "index.ts");
  const bundle = await rolldown({ input, platform: "browser", logLevel: "silent" });
  const { output } = await bundle.generate({ format: "esm", minify: true });
  await bundle.close();
  const [{ code, imports, dynamicImports }] = output;
  expect([output.length, imports, dynamicImports]).toEqual([1, [], []]);
  expect(code).not.toMatch(/node:|\bprocess\b|\bBuffer\b|\brequire\(/);
  expect(gzipSync(code).length).toBeLessThan(gzippedBytesMax);
});
