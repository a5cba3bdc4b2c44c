import { rmSync } from "node:fs";
import { join } from "node:path";
import { type OutputChunk, rolldown } from "rolldown";

/**
 * Joins the compiled modules of dist/ into few files in dist/bundle/, which is what the package's
 * exports and its command load: each file costs a start about 0.3 ms (decision 006). Packages stay
 * imports.
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
const { output } = await bundle.generate();
const chunks = output.filter((one) => one.type === "chunk");
const [embedded, command, worker] = ["index", "cli", "compaction-worker"].map(modulesOf);
rmSync(folder, { recursive: true, force: true });
await bundle.write({
  dir: folder,
  chunkFileNames: "[name]-[hash].js",
  comments: { jsdoc: false },
  codeSplitting: {
    // Left alone, each set of modules that some command needs has a file of its own. What an import
    // of the package reads is few files: who reads a part of it reads no more than before. A group
    // takes along what its modules import, but for what those before it took.
    groups: [
      { name: "base", test: (id) => isRead(id, [embedded, command, worker]), priority: 4 },
      { name: "command", test: (id) => isRead(id, [embedded, command]), priority: 3 },
      { name: "worker", test: (id) => isRead(id, [embedded, worker]), priority: 2 },
      { name: "node", test: (id) => isRead(id, [embedded]), priority: 1 },
    ],
  },
});
await bundle.close();

function isRead(id: string, byEach: readonly (ReadonlySet<string> | undefined)[]): boolean {
  return byEach.every((modules) => modules?.has(id) === true);
}

/** What an entry reads before its first line runs. */
function modulesOf(entry: string): ReadonlySet<string> {
  const read = new Set<OutputChunk>();
  const add = (chunk: OutputChunk | undefined): void => {
    if (chunk === undefined || read.has(chunk)) return;
    read.add(chunk);
    for (const name of chunk.imports) add(chunks.find(({ fileName }) => fileName === name));
  };
  add(chunks.find((chunk) => chunk.isEntry && chunk.name === entry));
  return new Set([...read].flatMap(({ moduleIds }) => moduleIds));
}
