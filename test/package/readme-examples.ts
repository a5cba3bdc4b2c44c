/** A fenced block of a document that is marked to be run: ```` ```sh run needs=kcat ````. */
export interface Example {
  readonly language: string;
  /** A program that it needs besides Xylem. */
  readonly needs: string | undefined;
  readonly line: number;
  readonly text: string;
}

const block = /^```(\w+) run(?: needs=(\w+))?\n([\s\S]*?)^```$/gm;

/** The examples of a document, in its order. */
export function readExamples(markdown: string): Example[] {
  return [...markdown.matchAll(block)].map((match) => ({
    language: match[1] ?? "",
    needs: match[2],
    line: markdown.slice(0, match.index).split("\n").length,
    text: match[3] ?? "",
  }));
}
