/**
 * `spooler completions SHELL`: a script for the shell, which asks the program (`spooler complete WORD…`)
 * for what may follow.
 */

import {
  type Completion,
  completions as completionsOf,
  type CompletionShell,
  SHELLS,
} from "./completion_words.ts";
import { functionNames, jobNames, taskNames } from "./completion_names.ts";
import { UsageError } from "./error.ts";
import { safeText } from "../report/safe_text.ts";

/** An answer that begins with a colon stands for what the shell itself knows to complete. */
const SCRIPTS: Readonly<Record<CompletionShell, string>> = {
  bash: `# spooler completions bash > /usr/share/bash-completion/completions/spooler
_spooler() {
  local line=\${COMP_LINE:0:COMP_POINT} current=\${COMP_WORDS[COMP_CWORD]} words prefix answer
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  # bash also splits words at = and :, and replaces what is behind them.
  case $current in [=:]) current= ;; esac
  prefix=\${words[-1]%"$current"}
  COMPREPLY=()
  while IFS= read -r answer; do
    case $answer in
    :files) compopt -o filenames; mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current") ;;
    :directories) compopt -o filenames; mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$current") ;;
    *) COMPREPLY+=("\${answer#"$prefix"}") ;;
    esac
  done < <("\${words[0]}" complete -- "\${words[@]:1}" 2>/dev/null)
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *= ]] && compopt -o nospace
  return 0
}
complete -F _spooler spooler`,
  zsh: `#compdef spooler
# spooler completions zsh > "\${fpath[1]}/_spooler"
_spooler() {
  local -a answers plain open
  local answer
  answers=("\${(@f)$("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for answer in $answers; do
    case $answer in
    :files) _files ;;
    :directories) _files -/ ;;
    *=) open+=("$answer") ;;
    ?*) plain+=("$answer") ;;
    esac
  done
  (( $#open )) && compadd -S '' -- $open
  (( $#plain )) && compadd -- $plain
}
if [[ $funcstack[1] == _spooler ]]; then _spooler "$@"; else compdef _spooler spooler; fi`,
  fish: `# spooler completions fish > ~/.config/fish/completions/spooler.fish
function __spooler_complete
    set -l words (commandline -opc) (commandline -ct)
    for answer in ($words[1] complete -- $words[2..-1] 2>/dev/null)
        switch $answer
            case :files
                __fish_complete_path (commandline -ct)
            case :directories
                __fish_complete_directories (commandline -ct)
            case '*'
                echo $answer
        end
    end
end
complete -c spooler -f -a '(__spooler_complete)'`,
};

export function completions(args: readonly string[]): Promise<number> {
  const [shell = "", more] = args;
  const known = SHELLS.find((name) => name === shell);
  if (known === undefined || more !== undefined) {
    throw new UsageError(`completions needs one of ${SHELLS.join(", ")}: "${args.join(" ")}"`);
  }
  console.log(SCRIPTS[known]);
  return Promise.resolve(0);
}

/** `spooler complete -- WORD…`: what the last word may become, a line each. It says nothing else. */
export async function complete(args: readonly string[]): Promise<number> {
  const found = completionsOf(args[0] === "--" ? args.slice(1) : args);
  try {
    const words = found.kind === "words" ? found.words : await namesOf(found);
    // A word that acts on the terminal, or is of two lines, is none to complete.
    const fits = (word: string) =>
      word.startsWith(":") || word.startsWith(found.typed) && safeText(word) === word;
    for (const word of words) if (fits(word)) console.log(word);
  } catch {
    // Whatever is wrong with the ini or the spool, a key on the keyboard is no place to say it.
  }
  return 0;
}

async function namesOf(found: Exclude<Completion, { kind: "words" }>): Promise<readonly string[]> {
  switch (found.kind) {
    case "files":
      return [":files"];
    case "directories":
      return [":directories"];
    case "tasks":
      return await taskNames(found);
    case "functions":
      return (await functionNames(found)).map((name) => found.prefix + name);
    case "jobs":
      return await jobNames(found);
    default:
      return found satisfies never;
  }
}
