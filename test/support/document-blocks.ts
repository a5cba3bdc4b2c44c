import type { Tool } from "./tools.ts";

/** A fenced block of a document. */
export interface Block {
  readonly language: string;
  /** Of its opening fence, from 1. */
  readonly line: number;
  readonly text: string;
  /** The `text` block that follows at once: what this one prints; "…" stands for anything. */
  readonly printed: string | undefined;
}

const fence = /^```([^\n]*)\n([\s\S]*?)^```$/gm;

/** The blocks of a document, in its order. */
export function readBlocks(markdown: string): Block[] {
  const matches = [...markdown.matchAll(fence)];
  return matches.map((match, index) => {
    const [whole, language = "", text = ""] = match;
    const after = match.index + whole.length;
    const next = matches[index + 1];
    const isNextAtOnce = next !== undefined && markdown.slice(after, next.index).trim() === "";
    const printed = isNextAtOnce && next[1] === "text" ? next[2] : undefined;
    return { language, text, printed, line: markdown.slice(0, match.index).split("\n").length };
  });
}

/** Commands and programs: each runs as it stands. */
export function isRunnable({ language }: Block): boolean {
  return ["sh", "js", "ts"].includes(language);
}

/** What a reader looks at and does not run. */
const shownLanguages = ["text", "json", "yaml", "html", "proto"];
const command = /^(\$ |curl |npx |npm |xylem (?!ready)|kcat )/m;

/** Why a block escapes the runner though it looks like something to run; undefined: it is fine. */
export function escapeOf(block: Block): string | undefined {
  const { language, text, line } = block;
  if (isRunnable(block)) return undefined;
  if (!shownLanguages.includes(language)) return `line ${line}: what is "${language}"?`;
  return command.test(text) ? `line ${line}: a command in a block of ${language}` : undefined;
}

const programs: readonly Tool[] = ["kcat", "curl"];

/** The programs beside Xylem that a block calls. */
export function toolsOf({ language, text }: Block): Tool[] {
  if (language !== "sh") return [];
  return programs.filter((program) => new RegExp(`\\b${program} `).test(text));
}

/** Whether an output is what a document says is printed: "…" is anything, alone it is any lines. */
export function isPrinted(output: string, printed: string): boolean {
  const lines = printed.trimEnd().split("\n");
  const patterns = lines.map((line) => (line === "…" ? "[^]*" : patternOf(line)));
  return new RegExp(`^${patterns.join("\n")}\n*$`).test(output.replaceAll("\r\n", "\n"));
}

function patternOf(line: string): string {
  const parts = line.split("…").map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return parts.join(".*");
}
