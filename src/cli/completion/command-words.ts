import type { Command, Option } from "commander";
import { quote } from "./quote.ts";

/** What may follow one command on the command line. */
export interface CommandWords {
  /** The words that lead to it, without the program's own name: `topic create`. */
  readonly path: string;
  readonly commands: readonly Word[];
  readonly options: readonly OptionWord[];
}

/** A word to offer, and what it means. */
export interface Word {
  readonly name: string;
  readonly help: string;
}

export interface OptionWord extends Word {
  readonly short: string | undefined;
  /** The option is followed by a value. */
  readonly takesValue: boolean;
  /** The values there are; empty: any. */
  readonly values: readonly string[];
}

/** The commands of a program, from the tree that runs them: nothing is listed twice. */
export function wordsOf(program: Command, above: readonly string[] = []): CommandWords[] {
  const commands = program.commands.map((command) => ({
    name: command.name(),
    help: command.description(),
  }));
  const options = [...program.options.map(toOptionWord), helpOption];
  const below = program.commands.flatMap((command) => wordsOf(command, [...above, command.name()]));
  return [{ path: above.join(" "), commands, options }, ...below];
}

/** A pattern of bash and zsh for the paths of all commands. */
export function pathPattern(commands: readonly CommandWords[]): string {
  const paths = commands.map(({ path }) => path).filter((path) => path !== "");
  return paths.map(quote).join(" | ");
}

const helpOption: OptionWord = {
  name: "--help",
  help: "tell what the command does",
  short: "-h",
  takesValue: false,
  values: [],
};

function toOptionWord(option: Option): OptionWord {
  return {
    name: option.long ?? option.flags,
    help: option.description,
    short: option.short,
    takesValue: option.required,
    values: option.argChoices ?? [],
  };
}
