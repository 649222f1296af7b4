# bash completion for cfnctl. Load with: source <(cfnctl completion bash)
_cfnctl_names() {
  [ "$1" = any ] && return
  "${COMP_WORDS[0]}" "${socket[@]}" names "$1" 2>/dev/null
}
_cfnctl() {
  local current="${COMP_WORDS[COMP_CWORD]}" command="" position=0 skip="" word words="" flags="--version --json --socket --address --cert --key --ca --server-name"
  local -a socket=()
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [ "$skip" = --socket ]; then socket=(--socket "$word"); fi
    if [ -n "$skip" ]; then skip=""; continue; fi
    case "$word" in
      --from|--class|--timeout|--quiet|--workers|--in-flight|--arrival-rate|--work-time|--service-time|--spare-capacity|--score|--text|--policy|--count|--socket|--address|--cert|--key|--ca|--server-name) skip="$word" ;;
      -*) ;;
      *) if [ -z "$command" ]; then command="$word"; else position=$((position + 1)); fi ;;
    esac
  done
  COMPREPLY=()
  if [ -n "$skip" ]; then COMPREPLY=($(compgen -f -- "$current")); return; fi
  case "$command" in
    status) flags="--version --json --socket --address --cert --key --ca --server-name" ;;
    show) flags="--verify --version --json --socket --address --cert --key --ca --server-name" ;;
    explain) flags="--from --class --version --json --socket --address --cert --key --ca --server-name" ;;
    drain) flags="--timeout --quiet --watch --version --json --socket --address --cert --key --ca --server-name" ;;
    undrain) flags="--version --json --socket --address --cert --key --ca --server-name" ;;
    report) flags="--workers --in-flight --arrival-rate --work-time --service-time --spare-capacity --score --version --json --socket --address --cert --key --ca --server-name" ;;
    reload-certificates) flags="--version --json --socket --address --cert --key --ca --server-name" ;;
    peer) flags="--version --json --socket --address --cert --key --ca --server-name" ;;
    session) flags="--text --version --json --socket --address --cert --key --ca --server-name" ;;
    policy) flags="--policy --version --json --socket --address --cert --key --ca --server-name" ;;
    watch) flags="--count --version --json --socket --address --cert --key --ca --server-name" ;;
    completion) flags="--version --json --socket --address --cert --key --ca --server-name" ;;
  esac
  case "$command:$position" in
    :0) words="status show explain drain undrain report reload-certificates peer session policy watch completion" ;;
    show:0) words="peers services rib instances link-state paths fib fib-in-kernel sids metrics capabilities flows drains" ;;
    show:1) words="$(_cfnctl_names services)" ;;
    explain:0) words="$(_cfnctl_names services)" ;;
    drain:0) words="$(_cfnctl_names targets)" ;;
    undrain:0) words="$(_cfnctl_names targets)" ;;
    report:0) words="$(_cfnctl_names instances)" ;;
    peer:0) words="$(_cfnctl_names peers)" ;;
    session:0) words="reset hard-reset shutdown start refresh" ;;
    session:1) words="$(_cfnctl_names peers)" ;;
    policy:0) words="test reload" ;;
    policy:1) words="$(_cfnctl_names peers)" ;;
    policy:2) words="import export" ;;
    policy:3) words="$(_cfnctl_names services)" ;;
    watch:0) words="peers services rib instances link-state paths fib fib-in-kernel sids metrics capabilities flows drains" ;;
    completion:0) words="bash zsh fish" ;;
  esac
  if [[ "$current" == -* ]]; then words="$flags"; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  # A colon splits words in bash: give back only what follows the last one already typed.
  if declare -F __ltrim_colon_completions >/dev/null; then __ltrim_colon_completions "$current"; fi
}
complete -F _cfnctl cfnctl
