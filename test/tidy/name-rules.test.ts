import { expect, test } from "vitest";
import { badFileName, badIdentifiers, sharedNames } from "./name-rules.ts";
import { isProduct, readTree, type SourceFile } from "./source-tree.ts";

const tree = readTree();

function sample(path: string, text = ""): SourceFile {
  return { path, text };
}

test("file names are kebab-case and say something", () => {
  expect(tree.flatMap(badFileName)).toEqual([]);
});

test.each([
  "src/log/chainReplica.ts",
  "src/log/Segment.ts",
  "src/log/offset_index.ts",
  "src/log/utils.ts",
  "src/common/offset.ts",
  "src/log/segment-manager.ts",
])("a bad file name is found: %s", (path) => {
  expect(badFileName(sample(path))).toHaveLength(1);
});

test("names in code say what a thing is", () => {
  expect(tree.flatMap(badIdentifiers)).toEqual([]);
});

test.each(["class LogManager {}", "interface DiskImpl {}", "function offsetUtils() {}"])(
  "a bad identifier is found: %s",
  (text) => {
    expect(badIdentifiers(sample("src/log/a.ts", text))).toHaveLength(1);
  },
);

test("no two files of the product share a name", () => {
  expect(sharedNames(tree.filter(isProduct))).toEqual([]);
});

test("a shared name is found, except where the folder says what it names", () => {
  const files = [
    sample("src/log/segment.ts"),
    sample("src/storage/segment.ts"),
    sample("src/index.ts"),
    sample("src/client/index.ts"),
    sample("src/servers/kafka/errors.ts"),
    sample("src/servers/http/errors.ts"),
    sample("src/protocol/messages/fetch.ts"),
    sample("src/broker/fetch.ts"),
  ];
  expect(sharedNames(files)).toEqual(["src/log/segment.ts and src/storage/segment.ts"]);
});
