"""What the shells run when TAB is pressed. Words with spaces, `=` and `:` come out whole."""

import os

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

# Bash takes what follows = or : for a word of its own ($2), and a user may want that elsewhere.
BASH = """\
%(complete_func)s() {
    local type value
    COMPREPLY=()
    while IFS=, read -r type value; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain)
                [[ $value == *[=:/.] ]] && compopt -o nospace
                [[ $2 == [\\"\\']* ]] || printf -v value %%q "$value"
                COMPREPLY+=("$value")
                ;;
        esac
    done < <(%(complete_var)s=bash_complete COMP_WORDS="${COMP_LINE:0:COMP_POINT}" \
COMP_CWORD="$2" "$1" 2>/dev/null)
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a whole open response
    local type value help
    (( $+commands[%(prog_name)s] )) || return 1
    response=("${(@f)$(COMP_WORDS="${words[1,CURRENT]}" COMP_CWORD=$((CURRENT-1)) \
%(complete_var)s=zsh_complete %(prog_name)s 2>/dev/null)}")
    for type value help in "${response[@]}"; do
        case $type in
            dir) _path_files -/ ;;
            file) _path_files -f ;;
            plain) [[ $value == *[=:/.] ]] && open+=("$value") || whole+=("$value") ;;
        esac
    done
    (( $#whole )) && compadd -U -V zoo -a whole
    (( $#open )) && compadd -U -V zoo -S '' -a open
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -D; }
    compdef %(complete_func)s %(prog_name)s
fi
"""

FISH = """\
function %(complete_func)s
    set -lx %(complete_var)s fish_complete
    set -lx COMP_WORDS (commandline -cp | string collect)
    set -lx COMP_CWORD (commandline -ct | string collect)
    for item in (%(prog_name)s 2>/dev/null)
        set -l parts (string split -m 1 "," -- $item)
        switch $parts[1]
            case dir
                __fish_complete_directories $parts[2]
            case file
                __fish_complete_path $parts[2]
            case plain
                echo -- $parts[2]
        end
    end
end

complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


class Typed(ShellComplete):
    """Completion functions find all words before theirs in `ctx.obj`."""

    def get_completions(self, args: list[str], incomplete: str) -> "list[CompletionItem[str]]":
        """What fits after `args`."""
        self.ctx_args["obj"] = args
        return super().get_completions(args, incomplete)


@add_completion_class
class Bash(Typed, BashComplete):
    """Bash from 4.4. `COMP_WORDS` is the line up to the cursor, `COMP_CWORD` the word of Bash."""

    source_template = BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one that is typed, and that one, whole."""
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)[1:]
        if not words or _ended(line):
            return words, ""
        return words[:-1], words[-1]

    def complete(self) -> str:
        """One line for each answer, without what Bash has taken for earlier words."""
        args, incomplete = self.get_completion_args()
        (word,) = split_arg_string(os.environ["COMP_CWORD"])[-1:] or [""]
        taken = len(incomplete) - len(word) if incomplete.endswith(word) else 0
        found = self.get_completions(args, incomplete)
        values = (item.value[taken:] if item.type == "plain" else item.value for item in found)
        return "\n".join(f"{item.type},{v}" for item, v in zip(found, values, strict=True))


@add_completion_class
class Zsh(Typed, ZshComplete):
    """Zsh; a word that goes on, such as `width=`, gets no space."""

    source_template = ZSH


@add_completion_class
class Fish(Typed, FishComplete):
    """Fish; answers may hold commas."""

    source_template = FISH


def _ended(line: str) -> bool:
    """Whether a space after the last word has ended it."""
    return len(split_arg_string(f"{line}x")) > len(split_arg_string(line))
