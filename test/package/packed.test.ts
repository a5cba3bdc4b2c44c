import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "..", "..");
const packedBytesMax = 2 * 1024 * 1024;
const unpackedBytesMax = 10 * 1024 * 1024;

interface Manifest {
  readonly bin: Record<string, string>;
  readonly exports: Record<string, string | { types: string; default: string }>;
  readonly engines: { node: string };
  readonly scripts: Record<string, string>;
}

interface Pack {
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { path: string }[];
}

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;

let folder: string;
let pack: Pack;
let paths: readonly string[];

function run(program: string, args: readonly string[], cwd = root): string {
  const outcome = spawnSync(program, args, { cwd, encoding: "utf8" });
  expect(outcome.error).toBeUndefined();
  expect(outcome.status, outcome.stdout + outcome.stderr).toBe(0);
  return outcome.stdout;
}

function runTool(path: string, args: readonly string[]): string {
  return run(process.execPath, [join(root, "node_modules", path), ...args]);
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "xylem-pack-"));
  const args = ["pack", "--ignore-scripts", "--json", "--pack-destination", folder];
  const [packed] = JSON.parse(run("npm", args)) as Pack[];
  expect(packed).toBeDefined();
  pack = packed as Pack;
  paths = pack.files.map((file) => file.path);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function tarball(): string {
  return join(folder, pack.filename);
}

describe("the packed package", () => {
  test("holds what each export and command names", () => {
    const exported = Object.values(manifest.exports).flatMap((target) =>
      typeof target === "string" ? [target] : [target.types, target.default],
    );
    const named = [...exported, ...Object.values(manifest.bin)];
    expect(
      named.map((path) => path.replace(/^\.\//, "")).filter((path) => !paths.includes(path)),
    ).toEqual([]);
  });

  test("carries its licence, its changelog and its readme", () => {
    expect(paths).toEqual(expect.arrayContaining(["LICENSE", "CHANGELOG.md", "README.md"]));
  });

  test("carries no tests, no sources and none of the house's tools", () => {
    const places = /^(package\.json|LICENSE|(README|CHANGELOG)\.md|bin\/|dist\/|proto\/xylem\/)/;
    expect(paths.filter((path) => !places.test(path))).toEqual([]);
    const unwanted = /\.test\.|(?<!\.d)\.ts$|\.tsbuildinfo$|\.d\.ts\.map$|\/\.built$/;
    expect(paths.filter((path) => unwanted.test(path))).toEqual([]);
  });

  test("holds the bundles that the compiled product was joined into, and no other code", () => {
    const bundles = readdirSync(join(root, "dist", "bundle"));
    expect(bundles).toEqual(
      expect.arrayContaining(["index.js", "cli.js", "client.js", "compaction-worker.js"]),
    );
    const shipped = paths.filter((path) => path.endsWith(".js"));
    expect(shipped.toSorted()).toEqual(bundles.map((name) => `dist/bundle/${name}`).toSorted());
  });

  test("holds the types of each compiled file, and none whose source is gone", () => {
    const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" });
    const product = sources.filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"));
    const wanted = product.map((path) => `dist/${path.replace(/(\.d)?\.ts$/, ".d.ts")}`);
    const types = paths.filter((path) => path.endsWith(".d.ts"));
    expect(types.toSorted()).toEqual(wanted.toSorted());
  });

  test("is small", () => {
    expect(pack.size).toBeLessThan(packedBytesMax);
    expect(pack.unpackedSize).toBeLessThan(unpackedBytesMax);
  });

  test("passes publint", () => {
    runTool("publint/src/cli.js", ["run", "--strict", tarball()]);
  });

  test("has the right types for every export", () => {
    const attw = "@arethetypeswrong/cli/dist/index.js";
    const args = ["--profile", "esm-only", "--no-emoji", "--no-color", "--format", "ascii"];
    runTool(attw, [...args, tarball()]);
  });

  test("runs no script when it is installed", () => {
    const names = ["preinstall", "install", "postinstall", "prepare"];
    expect(names.filter((name) => manifest.scripts[name] !== undefined)).toEqual([]);
  });
});

test("publint refuses a package whose export is not there", () => {
  const broken = join(folder, "broken");
  mkdirSync(broken);
  const packageJson = { name: "broken", version: "1.0.0", type: "module", exports: "./lost.js" };
  writeFileSync(join(broken, "package.json"), JSON.stringify(packageJson));
  const publint = join(root, "node_modules/publint/src/cli.js");
  const args = [publint, "run", "--strict", "--pack", "false", broken];
  expect(spawnSync(process.execPath, args).status).not.toBe(0);
});
