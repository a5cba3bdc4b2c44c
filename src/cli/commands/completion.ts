import { Argument, type Command } from "commander";
import { bashScript } from "../completion/bash-script.ts";
import { wordsOf } from "../completion/command-words.ts";
import { fishScript } from "../completion/fish-script.ts";
import { zshScript } from "../completion/zsh-script.ts";

const shells = ["bash", "zsh", "fish"] as const;

/** `xylem completion`: prints a script by which a shell completes commands and options. */
export function addCompletionCommand(program: Command): void {
  program
    .command("completion")
    .addArgument(new Argument("<shell>").choices(shells))
    .description("print a script that completes commands and options in your shell")
    .addHelpText(
      "after",
      `
Examples:
  $ source <(xylem completion bash)
  $ source <(xylem completion zsh)
  $ xylem completion fish | source`,
    )
    .action((shell: (typeof shells)[number]) => printScript(program, shell));
}

function printScript(program: Command, shell: (typeof shells)[number]): void {
  const words = wordsOf(program);
  const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };
  process.stdout.write(scripts[shell](words));
}
