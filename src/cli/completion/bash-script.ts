import { type CommandWords, pathPattern, type OptionWord } from "./command-words.ts";
import { quote } from "./quote.ts";

/** A completion script for bash: `source <(xylem completion bash)`. */
export function bashScript(commands: readonly CommandWords[]): string {
  return `# bash completion for xylem
_xylem() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} path="" next words="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    next="\${path:+$path }\${COMP_WORDS[i]}"
    case "$next" in
      ${pathPattern(commands)}) path=$next ;;
    esac
  done
  COMPREPLY=()
  case "$path $prev" in
${commands.flatMap(valueCases).join("\n")}
  esac
  case "$path" in
${commands.map(wordCase).join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _xylem xylem
`;
}

/** After an option that takes a value: its values, or what the shell offers, such as files. */
function valueCases({ path, options }: CommandWords): string[] {
  return options
    .filter((option) => option.takesValue)
    .map((option) => {
      const patterns = spellingsOf(option).map((spelling) => quote(`${path} ${spelling}`));
      return `    ${patterns.join(" | ")}) ${offer(option)}return ;;`;
    });
}

function offer({ values }: OptionWord): string {
  if (values.length === 0) return "";
  return `COMPREPLY=($(compgen -W ${quote(values.join(" "))} -- "$cur")); `;
}

function wordCase({ path, commands, options }: CommandWords): string {
  const words = [...commands, ...options].map(({ name }) => name);
  return `    ${quote(path)}) words=${quote(words.join(" "))} ;;`;
}

const spellingsOf = ({ name, short }: OptionWord): string[] =>
  short === undefined ? [name] : [name, short];
