import type { CommandWords, OptionWord, Word } from "./command-words.ts";

/** A completion script for fish: `xylem completion fish | source`. */
export function fishScript(commands: readonly CommandWords[]): string {
  const paths = commands.map(({ path }) => path).filter((path) => path !== "");
  return `# fish completion for xylem
function __xylem_at --description 'Whether the command line has come to this command'
    set -l at ""
    for word in (commandline -opc)[2..-1]
        set -l next (string trim -- "$at $word")
        if contains -- $next ${paths.map(quote).join(" ")}
            set at $next
        end
    end
    test "$at" = "$argv[1]"
end
${commands.flatMap(linesOf).join("\n")}
`;
}

function linesOf({ path, commands, options }: CommandWords): string[] {
  const at = `complete -c xylem -n ${quote(`__xylem_at ${quote(path)}`)}`;
  return [
    ...commands.map((command) => `${at} -f -a ${quote(command.name)} ${meaning(command)}`),
    ...options.map((option) => `${at} ${spellings(option)} ${meaning(option)}`),
  ];
}

function spellings({ name, short, takesValue, values }: OptionWord): string {
  const words = [`-l ${name.replace(/^--/, "")}`];
  if (short !== undefined) words.unshift(`-s ${short.replace(/^-/, "")}`);
  if (values.length > 0) words.push(`-x -a ${quote(values.join(" "))}`);
  else if (takesValue) words.push("-r");
  return words.join(" ");
}

const meaning = ({ help }: Word): string => `-d ${quote(help)}`;

/** In fish a backslash escapes within single quotes too. */
function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
