import { BaseSequencer, type TestSpecification } from "vitest/node";

/** They take a core longer than any other file: begun last they would keep the run from ending. */
const longest = ["cluster-seeds.test.ts", "cluster-planted-bugs.test.ts"];

/**
 * Within a group the kinds are spread over each other, so that files that keep the cores busy run
 * beside those that wait. Nothing is known of how long they take: a fresh clone has no cache.
 */
export class TestOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = (await super.sort(files)).toSorted((a, b) => turnOf(a) - turnOf(b));
    const kinds = Map.groupBy(sorted, ({ project }) => project.name).values();
    const placed = [...kinds].flatMap((kind) =>
      kind.map((file, at) => ({ file, place: at / kind.length })),
    );
    return placed
      .toSorted((a, b) => groupOf(a.file) - groupOf(b.file) || a.place - b.place)
      .map(({ file }) => file);
  }
}

function turnOf({ moduleId }: TestSpecification): number {
  const turn = longest.findIndex((name) => moduleId.endsWith(`/${name}`));
  return turn < 0 ? longest.length : turn;
}

function groupOf({ project }: TestSpecification): number {
  return project.config.sequence.groupOrder;
}
