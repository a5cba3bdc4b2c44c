import { type CommandWords, type OptionWord, pathPattern, type Word } from "./command-words.ts";
import { quote } from "./quote.ts";

/** A script for zsh: `source <(xylem completion zsh)`, or a file `_xylem` in `$fpath`. */
export function zshScript(commands: readonly CommandWords[]): string {
  return `#compdef xylem
_xylem() {
  local at="" next i
  local -a offered
  for ((i = 2; i < CURRENT; i++)); do
    next="\${at:+$at }\${words[i]}"
    case "$next" in
      (${pathPattern(commands)}) at=$next ;;
    esac
  done
  case "$at \${words[CURRENT - 1]}" in
${commands.flatMap(valueCases).join("\n")}
  esac
  case "$at" in
${commands.map(wordCase).join("\n")}
  esac
  _describe xylem offered || _files
}
if [[ "\${funcstack[1]}" = _xylem ]]; then _xylem "$@"; else compdef _xylem xylem; fi
`;
}

function valueCases({ path, options }: CommandWords): string[] {
  return options
    .filter((option) => option.takesValue)
    .map((option) => {
      const patterns = [option.name, option.short]
        .filter((spelling) => spelling !== undefined)
        .map((spelling) => quote(`${path} ${spelling}`));
      return `    (${patterns.join(" | ")}) ${offer(option)}; return ;;`;
    });
}

function offer({ values }: OptionWord): string {
  return values.length === 0 ? "_files" : `compadd -- ${values.map(quote).join(" ")}`;
}

function wordCase({ path, commands, options }: CommandWords): string {
  const words = [...commands, ...options].map(describe).join(" ");
  return `    (${quote(path)}) offered=(${words}) ;;`;
}

/** `name:what it means`; the first colon ends the name. */
function describe({ name, help }: Word): string {
  return quote(`${name.replaceAll(":", "\\:")}:${help}`);
}
