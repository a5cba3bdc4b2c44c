import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Takes a core longer than any other file: begun last it would keep the run from ending. */
const longest = "cluster-seeds.test.ts";

/**
 * Within a group the kinds are spread over each other, so that files that keep the cores busy run
 * beside those that wait. Nothing is known of how long they take: a fresh clone has no cache.
 */
export class TestOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const ofKind = Map.groupBy(sorted, ({ project }) => project.name);
    const placed = [...ofKind.values()].flatMap((kind) => {
      const ordered = kind.toSorted(
        (one, other) => Number(isLongest(other)) - Number(isLongest(one)),
      );
      return ordered.map((file, at) => ({ file, place: at / kind.length }));
    });
    const groupOf = ({ project }: TestSpecification) => project.config.sequence.groupOrder;
    return placed
      .toSorted((a, b) => groupOf(a.file) - groupOf(b.file) || a.place - b.place)
      .map(({ file }) => file);
  }
}

function isLongest({ moduleId }: TestSpecification): boolean {
  return moduleId.endsWith(longest);
}
