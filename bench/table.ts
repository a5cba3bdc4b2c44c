import { median } from "./median.ts";
import type { Figures, Scenario } from "./scenario.ts";

/** Figures of every counted run, by product. */
export type Runs = ReadonlyMap<string, readonly Figures[]>;

export interface Outcome {
  readonly scenario: Scenario;
  readonly runs: Runs;
}

const peerTitles = { kafka: "Kafka", "xylem-before": "before" } as const;

/** Markdown: one row a figure, medians side by side, and how they relate. */
export function formatTable(outcomes: readonly Outcome[], peer: keyof typeof peerTitles): string {
  const rows = outcomes.flatMap(({ scenario, runs }) =>
    scenario.figures.map((figure) => formatRow({ name: scenario.name, figure, peer }, runs)),
  );
  const title = peerTitles[peer];
  const head = [
    `| scenario | figure | Xylem | ${title} | Xylem / ${title} | runs |`,
    "|---|---|---|---|---|---|",
  ];
  return [...head, ...rows].join("\n");
}

interface Row {
  readonly name: string;
  readonly figure: string;
  readonly peer: string;
}

function formatRow({ name, figure, peer }: Row, runs: Runs): string {
  const [mine, theirs] = ["xylem", peer].map((product) => medianOf(runs.get(product), figure));
  const ratio = (mine ?? Number.NaN) / (theirs ?? Number.NaN);
  const count = runs.get("xylem")?.length ?? 0;
  const cells = [name, figure, ...[mine, theirs, ratio].map(formatNumber), count];
  return `| ${cells.join(" | ")} |`;
}

function medianOf(runs: readonly Figures[] | undefined, figure: string): number {
  return median((runs ?? []).flatMap((figures) => figures[figure] ?? []));
}

function formatNumber(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return "-";
  if (value >= 100) return String(Math.round(value));
  return value.toPrecision(3);
}
