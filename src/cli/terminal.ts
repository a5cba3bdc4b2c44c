/** A row of a table: text per column, by the column's title. */
export type TableRow = Readonly<Record<string, string | number | bigint | boolean | null>>;

/** Writes a line for people or programs to standard output. */
export function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** One JSON document on one line; bigints as numbers where they are exact, else as text. */
export function formatJson(value: unknown): string {
  return JSON.stringify(value, (_key, field: unknown) => {
    if (typeof field !== "bigint") return field;
    return Number.isSafeInteger(Number(field)) ? Number(field) : field.toString();
  });
}

/** Columns as wide as their longest cell; numbers to the right. Empty: one line that says so. */
export function formatTable(rows: readonly TableRow[], whenEmpty: string): string {
  const first = rows[0];
  if (first === undefined) return whenEmpty;
  const titles = Object.keys(first);
  const widths = titles.map((title) =>
    Math.max(title.length, ...rows.map((row) => cellText(row[title]).length)),
  );
  const lines = [titles.map((title, column) => title.padEnd(widths[column] ?? 0))];
  for (const row of rows) {
    lines.push(titles.map((title, column) => padCell(row[title], widths[column] ?? 0)));
  }
  return lines.map((cells) => cells.join("  ").trimEnd()).join("\n");
}

/**
 * A line on standard error that says how far long work is, while it is a terminal; `end` takes it
 * away again.
 */
export class Progress {
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(describe: () => string) {
    if (!process.stderr.isTTY) return;
    this.#timer = setInterval(() => replaceLine(describe()), progressMs);
  }

  end(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    replaceLine("");
  }
}

const progressMs = 500;

/** Goes to the start of the line and clears what stood there. */
function replaceLine(text: string): void {
  process.stderr.write(`\r\x1b[K${text}`);
}

/** Prints rows as a table, or as one JSON array for programs. */
export function printRows(
  rows: readonly TableRow[],
  options: { json?: boolean | undefined; whenEmpty: string },
): void {
  printLine(options.json ? formatJson(rows) : formatTable(rows, options.whenEmpty));
}

/** Prints what a command has done: a sentence for people, one JSON document for programs. */
export function printOutcome(
  outcome: object,
  options: { readonly json?: boolean | undefined },
  sentence: string,
): void {
  printLine(options.json ? formatJson(outcome) : sentence);
}

function cellText(cell: TableRow[string] | undefined): string {
  return cell === null || cell === undefined ? "-" : String(cell);
}

function padCell(cell: TableRow[string] | undefined, width: number): string {
  const text = cellText(cell);
  return typeof cell === "number" || typeof cell === "bigint"
    ? text.padStart(width)
    : text.padEnd(width);
}
