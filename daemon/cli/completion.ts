// Shell completion, generated from the commands themselves so that it cannot drift from them. Names of services,
// instances and peers are asked from the daemon at the moment of completion (`cfnctl names`), and silence is no error.
import type { Argument, Command } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

interface Word {
  readonly command: string;
  readonly about: string;
  readonly options: readonly { readonly flag: string; readonly about: string; readonly takesValue: boolean }[];
  /** Per argument: fixed words, or what `cfnctl names` is asked for. */
  readonly places: readonly (readonly string[] | 'services' | 'instances' | 'targets' | 'peers' | 'any')[];
}

/** The completion script of a shell. */
export function completionScript(shell: Shell, program: Command): string {
  const words = program.commands.filter((command) => command.name() !== 'names').map(describe);
  const globals = describeOne(program).options;
  return { bash, zsh, fish }[shell](words, globals);
}

function describe(command: Command): Word {
  return command.commands.length > 0 ? describeGroup(command) : describeOne(command);
}

/** A command of commands: their names first, then what the longest of them takes. */
function describeGroup(command: Command): Word {
  const parts = command.commands.map(describeOne);
  const longest = parts.toSorted((a, b) => b.places.length - a.places.length)[0]!;
  return {
    command: command.name(),
    about: command.description(),
    options: parts.flatMap((part) => part.options),
    places: [parts.map((part) => part.command), ...longest.places],
  };
}

function describeOne(command: Command): Word {
  return {
    command: command.name(),
    about: command.description(),
    options: command.options
      .filter((option) => option.long !== undefined && !option.hidden)
      .map((option) => ({ flag: option.long!, about: option.description, takesValue: option.required })),
    places: command.registeredArguments.map(place),
  };
}

function place(argument: Argument): Word['places'][number] {
  if (argument.argChoices) return argument.argChoices;
  const name = argument.name();
  if (name === 'service') return 'services';
  if (name === 'instance') return 'instances';
  if (name === 'peer') return 'peers';
  return name === 'target' ? 'targets' : 'any';
}

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

function bash(words: readonly Word[], globals: Word['options']): string {
  const flags = (word: Word) => [...word.options, ...globals].map((option) => option.flag).join(' ');
  const valued = [...words.flatMap((word) => word.options), ...globals].filter((option) => option.takesValue);
  const cases = words.flatMap((word) =>
    word.places.map((choices, i) => {
      const list = typeof choices === 'string' ? `$(_cfnctl_names ${choices})` : choices.join(' ');
      return `    ${word.command}:${i}) words="${list}" ;;`;
    }),
  );
  return `# bash completion for cfnctl. Load with: source <(cfnctl completion bash)
_cfnctl_names() {
  [ "$1" = any ] && return
  "\${COMP_WORDS[0]}" "\${socket[@]}" names "$1" 2>/dev/null
}
_cfnctl() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command="" position=0 skip="" word words="" flags="${globals.map((option) => option.flag).join(' ')}"
  local -a socket=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [ "$skip" = --socket ]; then socket=(--socket "$word"); fi
    if [ -n "$skip" ]; then skip=""; continue; fi
    case "$word" in
      ${[...new Set(valued.map((option) => option.flag))].join('|')}) skip="$word" ;;
      -*) ;;
      *) if [ -z "$command" ]; then command="$word"; else position=$((position + 1)); fi ;;
    esac
  done
  COMPREPLY=()
  if [ -n "$skip" ]; then COMPREPLY=($(compgen -f -- "$current")); return; fi
  case "$command" in
${words.map((word) => `    ${word.command}) flags="${flags(word)}" ;;`).join('\n')}
  esac
  case "$command:$position" in
    :0) words="${words.map((word) => word.command).join(' ')}" ;;
${cases.join('\n')}
  esac
  if [[ "$current" == -* ]]; then words="$flags"; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  # A colon splits words in bash: give back only what follows the last one already typed.
  if declare -F __ltrim_colon_completions >/dev/null; then __ltrim_colon_completions "$current"; fi
}
complete -F _cfnctl cfnctl
`;
}

function zsh(words: readonly Word[], globals: Word['options']): string {
  // Inside _arguments brackets and colons have meanings of their own.
  const plainText = (text: string) => text.replace(/[[\]:]/g, '\\$&');
  const option = ({ flag, about, takesValue }: Word['options'][number]) =>
    quote(`${flag}[${plainText(about)}]${takesValue ? ':value:_files' : ''}`);
  const argument = (choices: Word['places'][number], i: number) => {
    if (choices === 'any') return quote(`${i + 1}:value:`);
    const list = typeof choices === 'string' ? `_cfnctl_names ${choices}` : `(${choices.join(' ')})`;
    return quote(`${i + 1}:${typeof choices === 'string' ? choices : 'value'}:${list}`);
  };
  const cases = words.map((word) => {
    const specs = [...word.places.map(argument), ...[...word.options, ...globals].map(option)];
    return `    ${word.command}) _arguments ${specs.join(' ')} ;;`;
  });
  return `#compdef cfnctl
# zsh completion for cfnctl. Load with: source <(cfnctl completion zsh)
_cfnctl_names() {
  local -a names
  names=(\${(f)"$(cfnctl names $1 2>/dev/null)"})
  compadd -a names
}
_cfnctl() {
  local -a commands
  commands=(
${words.map((word) => `    ${quote(`${word.command}:${word.about}`)}`).join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('\n')}
  esac
}
compdef _cfnctl cfnctl
`;
}

function fish(words: readonly Word[], globals: Word['options']): string {
  const option = (condition: string, { flag, about, takesValue }: Word['options'][number]) =>
    `complete -c cfnctl${condition} -l ${flag.replace(/^--/, '')}${takesValue ? ' -r' : ''} -d ${quote(about)}`;
  const lines = words.flatMap((word) => {
    const condition = ` -n '__fish_seen_subcommand_from ${word.command}'`;
    return [
      `complete -c cfnctl -n __fish_use_subcommand -a ${word.command} -d ${quote(word.about)}`,
      ...word.places
        .filter((choices) => choices !== 'any')
        .map((choices) => {
          const list = typeof choices === 'string' ? `(cfnctl names ${choices} 2>/dev/null)` : choices.join(' ');
          return `complete -c cfnctl${condition} -a ${quote(list)}`;
        }),
      ...word.options.map((one) => option(condition, one)),
    ];
  });
  return `# fish completion for cfnctl. Load with: cfnctl completion fish | source
complete -c cfnctl -f
${[...globals.map((one) => option('', one)), ...lines].join('\n')}
`;
}
