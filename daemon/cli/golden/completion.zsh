#compdef cfnctl
# zsh completion for cfnctl. Load with: source <(cfnctl completion zsh)
_cfnctl_names() {
  local -a names
  names=(${(f)"$(cfnctl names $1 2>/dev/null)"})
  compadd -a names
}
_cfnctl() {
  local -a commands
  commands=(
    'status:who and how the daemon is'
    'show:print one view of the daemon'
    'explain:why flows to a service go where they go, candidate by candidate'
    'drain:attract no new flows; running flows stay, and an instance of this router is withdrawn without them'
    'undrain:attract new flows again'
    'report:report the load of a contact instance whose metrics source is push'
    'reload-certificates:take certificate, key and authorities from their files for new sessions'
    'peer:all about the session with one peer'
    'session:reset, hard-reset (routes are forgotten at once), shut down, start or refresh the session with a peer'
    'policy:try and reload import and export policies'
    'watch:print a view and then every change of it'
    'completion:print the completion script of a shell'
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
    status) _arguments '--version[print the version]' '--json[print JSON]' '--socket[admin socket of the daemon, or $CFND_SOCKET]:value:_files' '--address[ask a daemon over the network instead, by mutual TLS; needs the next four]:value:_files' '--cert[own certificate, PEM]:value:_files' '--key[its key]:value:_files' '--ca[authorities that sign certificates of daemons]:value:_files' '--server-name[what the daemon'\''s certificate must name\: its URI or DNS name, * for anything]:value:_files' ;;
    show) _arguments '1:value:(peers services rib instances link-state paths fib fib-in-kernel sids metrics capabilities flows drains)' '2:services:_cfnctl_names services' '--verify[with fib\: read the kernel now and compare; exit code 1 when it differs]' '--version[print the version]' '--json[print JSON]' '--socket[admin socket of the daemon, or $CFND_SOCKET]:value:_files' '--address[ask a daemon over the network instead, by mutual TLS; needs the next four]:value:_files' '--cert[own certificate, PEM]:value:_files' '--key[its key]:value:_files' '--ca[authorities that sign certificates of daemons]:value:_files' '--server-name[what the daemon'\''s certificate must name\: its URI or DNS name, * for anything]:value:_files' ;;
    explain) _arguments '1:services:_cfnctl_names services' '--from[as the ingress of this site would decide]:value:_files' '--class[a class that the service'\''s classifier names]:value:_files' '--version[print the version]' '--json[print JSON]' '--socket[admin socket of the daemon, or $CFND_SOCKET]:value:_files' '--address[ask a daemon over the network instead, by mutual TLS; needs the next four]:value:_files' '--cert[own certificate, PEM]:value:_files' '--key[its key]:value:_files' '--ca[authorities that sign certificates of daemons]:value:_files' '--server-name[what the daemon'\''s certificate must name\: its URI or DNS name, * for anything]:value:_files' ;;
    drain) _arguments '1:targets:_cfnctl_names targets' '--timeout[end after this long, whatever is left, for example 5m]:value:_files' '--quiet[an instance of this router has no flows when nobody sent it a packet for this long]:value:_files' '--watch[print what is left until the drain is over]' '--version[print the version]' '--json[print JSON]' '--socket[admin socket of the daemon, or $CFND_SOCKET]:value:_files' '--address[ask a daemon over the network instead, by mutual TLS; needs the next four]:value:_files' '--cert[own certificate, PEM]:value:_files' '--key[its key]:value:_files' '--ca[authorities that sign certificates of daemons]:value:_files' '--server-name[what the daemon'\''s certificate must name\: its URI or DNS name, * for anything]:value:_files' ;;
    undrain) _arguments '1:targets:_cfnctl_names targets' '--version[print the version]' '--json[print JSON]' '--socket[admin socket of the daemon, or $CFND_SOCKET]:value:_files' '--address[ask a daemon over the network instead, by mutual TLS; needs the next four]:value:_files' '--cert[own certificate, PEM]:value:_files' '--key[its key]:value:_files' '--ca[authorities that sign certificates of daemons]:value:_files' '--server-name[what the daemon'\''s certificate must name\: its URI or DNS name, * for anything]:value:_files' ;;
    report) _arguments '1:instances:_cfnctl_names instances' '--workers[parallel workers]:value:_files' '--in-flight[requests in the system, waiting included]:value:_files' '--arrival-rate[requests per second that arrive]:value:_files' '--work-time[mean time a request occupies a worker, for example 15ms]:value:_files' '--service-time[predicted time of a new request, waiting included]:value:_files' '--spare-capacity[requests per second it could take beyond the present]:value:_files' '--score[ready-made score, 0 (full) to 10 (idle)]:value:_files' '--version[print the version]' '--json[print JSON]' '--socket[admin socket of the daemon, or $CFND_SOCKET]:value:_files' '--address[ask a daemon over the network instead, by mutual TLS; needs the next four]:value:_files' '--cert[own certificate, PEM]:value:_files' '--key[its key]:value:_files' '--ca[authorities that sign certificates of daemons]:value:_files' '--server-name[what the daemon'\''s certificate must name\: its URI or DNS name, * for anything]:value:_files' ;;
    reload-certificates) _arguments '--version[print the version]' '--json[print JSON]' '--socket[admin socket of the daemon, or $CFND_SOCKET]:value:_files' '--address[ask a daemon over the network instead, by mutual TLS; needs the next four]:value:_files' '--cert[own certificate, PEM]:value:_files' '--key[its key]:value:_files' '--ca[authorities that sign certificates of daemons]:value:_files' '--server-name[what the daemon'\''s certificate must name\: its URI or DNS name, * for anything]:value:_files' ;;
    peer) _arguments '1:peers:_cfnctl_names peers' '--version[print the version]' '--json[print JSON]' '--socket[admin socket of the daemon, or $CFND_SOCKET]:value:_files' '--address[ask a daemon over the network instead, by mutual TLS; needs the next four]:value:_files' '--cert[own certificate, PEM]:value:_files' '--key[its key]:value:_files' '--ca[authorities that sign certificates of daemons]:value:_files' '--server-name[what the daemon'\''s certificate must name\: its URI or DNS name, * for anything]:value:_files' ;;
    session) _arguments '1:value:(reset hard-reset shutdown start refresh)' '2:peers:_cfnctl_names peers' '--text[what the operator of the peer is to read (RFC 9003)]:value:_files' '--version[print the version]' '--json[print JSON]' '--socket[admin socket of the daemon, or $CFND_SOCKET]:value:_files' '--address[ask a daemon over the network instead, by mutual TLS; needs the next four]:value:_files' '--cert[own certificate, PEM]:value:_files' '--key[its key]:value:_files' '--ca[authorities that sign certificates of daemons]:value:_files' '--server-name[what the daemon'\''s certificate must name\: its URI or DNS name, * for anything]:value:_files' ;;
    policy) _arguments '1:value:(test reload)' '2:peers:_cfnctl_names peers' '3:value:(import export)' '4:services:_cfnctl_names services' '--policy[instead of the one attached to the peer]:value:_files' '--version[print the version]' '--json[print JSON]' '--socket[admin socket of the daemon, or $CFND_SOCKET]:value:_files' '--address[ask a daemon over the network instead, by mutual TLS; needs the next four]:value:_files' '--cert[own certificate, PEM]:value:_files' '--key[its key]:value:_files' '--ca[authorities that sign certificates of daemons]:value:_files' '--server-name[what the daemon'\''s certificate must name\: its URI or DNS name, * for anything]:value:_files' ;;
    watch) _arguments '1:value:(peers services rib instances link-state paths fib fib-in-kernel sids metrics capabilities flows drains)' '--count[end after this many changes (the first view counts as one)]:value:_files' '--version[print the version]' '--json[print JSON]' '--socket[admin socket of the daemon, or $CFND_SOCKET]:value:_files' '--address[ask a daemon over the network instead, by mutual TLS; needs the next four]:value:_files' '--cert[own certificate, PEM]:value:_files' '--key[its key]:value:_files' '--ca[authorities that sign certificates of daemons]:value:_files' '--server-name[what the daemon'\''s certificate must name\: its URI or DNS name, * for anything]:value:_files' ;;
    completion) _arguments '1:value:(bash zsh fish)' '--version[print the version]' '--json[print JSON]' '--socket[admin socket of the daemon, or $CFND_SOCKET]:value:_files' '--address[ask a daemon over the network instead, by mutual TLS; needs the next four]:value:_files' '--cert[own certificate, PEM]:value:_files' '--key[its key]:value:_files' '--ca[authorities that sign certificates of daemons]:value:_files' '--server-name[what the daemon'\''s certificate must name\: its URI or DNS name, * for anything]:value:_files' ;;
  esac
}
compdef _cfnctl cfnctl
