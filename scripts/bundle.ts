import { rmSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";

/**
 * Joins the compiled modules of dist/ into few files in dist/bundle/, which is what the package's
 * exports and its command load: each module file costs a start about 0.3 ms (decision 006).
 * Packages stay imports.
 */
const root = join(import.meta.dirname, "..");
const folder = join(root, "dist", "bundle");

const bundle = await rolldown({
  input: {
    index: join(root, "dist", "index.js"),
    cli: join(root, "dist", "cli", "main.js"),
    client: join(root, "dist", "client", "index.js"),
    "compaction-worker": join(root, "dist", "node", "compaction", "compaction-worker.js"),
    testing: join(root, "dist", "harness", "index.js"),
    "testing-vitest": join(root, "dist", "harness", "fixtures", "vitest.js"),
    "testing-jest": join(root, "dist", "harness", "fixtures", "jest.js"),
    "testing-node": join(root, "dist", "harness", "fixtures", "node-test.js"),
  },
  platform: "node",
  external: (id) => !id.startsWith(".") && !id.startsWith("/"),
});
rmSync(folder, { recursive: true, force: true });
await bundle.write({ dir: folder, chunkFileNames: "[name]-[hash].js" });
await bundle.close();
