import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { exitCodes } from "./exit-codes.ts";
import { makeProgram } from "./program.ts";

/** What prints no answer: a script, a ledger. */
const withoutJson = ["completion", "torture write"];

interface Runnable {
  readonly path: string;
  readonly command: Command;
}

/** The commands that do something: those without commands of their own. */
function runnable(command: Command, path: readonly string[] = []): Runnable[] {
  const below = command.commands.flatMap((each) => runnable(each, [...path, each.name()]));
  return below.length > 0 ? below : [{ path: path.join(" "), command }];
}

function helpOf(command: Command): string {
  let text = "";
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text;
}

const program = makeProgram("0.0.0");
const commands = runnable(program);

describe.each(commands)("xylem $path", ({ path, command }) => {
  test("has examples of itself in its --help", () => {
    const [, examples = ""] = helpOf(command).split("\nExamples:\n");
    expect(examples.split("\n").filter((line) => line !== "")).not.toEqual([]);
    expect(examples).toContain(`xylem ${path}`);
  });

  test("says what it does, and what each of its options means", () => {
    expect(command.description()).not.toBe("");
    expect(command.options.filter((option) => option.description === "")).toEqual([]);
  });
});

test("every command that prints an answer prints it as JSON too", () => {
  const others = commands.filter(
    ({ command }) => !command.options.some((option) => option.long === "--json"),
  );
  expect(others.map(({ path }) => path).toSorted()).toEqual(withoutJson);
});

test("the help of the program has every command and every exit code", () => {
  const help = helpOf(makeProgram("0.0.0"));
  for (const { name } of program.commands.map((command) => ({ name: command.name() }))) {
    expect(help).toMatch(new RegExp(`^ {2}${name}\\b`, "m"));
  }
  for (const code of Object.values(exitCodes)) {
    expect(help).toMatch(new RegExp(`^ {2}${code} {2}\\S`, "m"));
  }
});
