import type { Command } from "commander";
import { makeProgram } from "../src/cli/program.ts";

/** A page is read at this width, whatever terminal made it. */
const widthColumns = 98;

/** Every command with what its `--help` prints, as Markdown sections. */
export function commandSections(): string[] {
  const program = makeProgram("");
  return [fence(helpOf(program)), ...program.commands.flatMap((each) => sectionsOf(each, 2))];
}

function sectionsOf(command: Command, depth: number, above = "xylem"): string[] {
  const path = `${above} ${command.name()}`;
  const heading = `${"#".repeat(depth)} ${path}`;
  const below = command.commands.flatMap((each) => sectionsOf(each, depth + 1, path));
  return [heading, fence(helpOf(command)), ...below];
}

function helpOf(command: Command): string {
  let text = "";
  const writeOut = (part: string): void => void (text += part);
  command.configureOutput({ writeOut, getOutHelpWidth: () => widthColumns });
  command.outputHelp();
  return text.trim();
}

const fence = (text: string): string => `\`\`\`text\n${text}\n\`\`\``;
