# First process of a node, in fresh network, mount, UTS, IPC and PID namespaces. Makes the node's root, sets its sysctls,
# starts its command and then reaps. Speaks with the runner in lines on standard output (WARN text, CMD pid, EXIT code,
# READY); takes "start" and "stop" on standard input, and ends, with all that runs in the node, when that closes.
#   arguments: the command.   descriptor 3: its log.
#   environment: NODE_DIR (an empty directory), NODE_HOSTNAME; NODE_BINDS (source, target, ro or rw) and NODE_SYSCTLS
#   (path below /proc/sys, value): one item a line, fields separated by tabs; NODE_NICE (added for the command).
set -u
tab=$(printf '\t')
newline='
'
fail() { echo "FAIL $*"; exit 1; }

root=$NODE_DIR/root
mount -t tmpfs -o mode=755 cfn-lab "$NODE_DIR" || fail "mount tmpfs on $NODE_DIR"
mkdir "$NODE_DIR/upper" "$NODE_DIR/work" "$root"

# The image of a node is the host: every file of it, changes kept apart and forgotten with the node.
if ! mount -t overlay -o "lowerdir=/,upperdir=$NODE_DIR/upper,workdir=$NODE_DIR/work" overlay "$root" 2>/dev/null; then
  # No overlay of / in a user namespace: the host's directories as they are, the writable ones empty or linked.
  mount -t tmpfs -o mode=755 tmpfs "$root" && mount --rbind / "$NODE_DIR/work" || fail "bind /"
  for path in /*; do
    name=${path#/}
    case $name in
      dev | proc | sys | run | tmp | opt | etc | var) mkdir "$root/$name" ;;
      *) if [ -h "$path" ]; then cp -P "$path" "$root/$name"
         elif [ -d "$path" ]; then mkdir "$root/$name" && mount --rbind "$NODE_DIR/work/$name" "$root/$name"; fi ;;
    esac
  done
  mkdir "$root/.host"
  mount --rbind / "$root/.host" || fail "bind / to /.host"
  for name in etc var opt; do
    for path in "/$name"/*; do [ -e "$path" ] && ln -s "/.host$path" "$root$path"; done
  done
  umount -l "$NODE_DIR/work"
fi
mount --rbind /dev "$root/dev" || fail "bind /dev"
mount -t proc proc "$root/proc" || fail "mount proc"
mount -t sysfs sysfs "$root/sys" 2>/dev/null || mount --rbind /sys "$root/sys" || fail "mount sysfs"
mount -t tmpfs -o mode=755 tmpfs "$root/run" || fail "mount tmpfs on /run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp" || fail "mount tmpfs on /tmp"

bind() { # source target mode
  target=$root$2
  if [ -d "$1" ]; then mkdir -p "$target"
  else mkdir -p "${target%/*}" && { [ -e "$target" ] || : >"$target"; }
  fi || fail "make $2"
  mount --bind "$1" "$target" || fail "bind $1 to $2"
  [ "$3" = rw ] || mount -o remount,bind,ro "$target" 2>/dev/null || echo "WARN $2 is writable: read-only was refused"
}
IFS=$newline
for line in $NODE_BINDS; do
  IFS=$tab
  set -f
  set -- $line "$@"
  bind "$1" "$2" "$3"
  shift 3
  IFS=$newline
done

mkdir -p "$root/.old"
cd "$root"
pivot_root . .old || fail "pivot_root"
cd /
umount -l /.old
rmdir /.old 2>/dev/null

{ echo "$NODE_HOSTNAME" >/proc/sys/kernel/hostname; } 2>/dev/null || hostname "$NODE_HOSTNAME"
for line in $NODE_SYSCTLS; do
  key=${line%%"$tab"*}
  { printf '%s\n' "${line#*"$tab"}" >"/proc/sys/$key"; } 2>/dev/null || echo "WARN sysctl $key was refused"
done
ip link set lo up
nice=$NODE_NICE
unset IFS NODE_BINDS NODE_SYSCTLS NODE_DIR NODE_HOSTNAME NODE_NICE

exec 4<&0
cmd=0
start() {
  [ $# -gt 0 ] || { cmd=0; return; }
  nice -n "$nice" "$@" </dev/null >&3 2>&1 3>&- 4<&- &
  cmd=$!
  echo "CMD $cmd"
}
trap 'exit 0' TERM
trap 'start "$@"' USR1
trap '[ "$cmd" = 0 ] || kill -KILL "$cmd"' USR2
(
  while read -r word; do
    case $word in
      start) kill -USR1 1 ;;
      stop) kill -USR2 1 ;;
    esac
  done
  kill -TERM 1
) <&4 &
lifeline=$!
start "$@"
echo READY
while :; do
  if [ "$cmd" != 0 ]; then
    wait "$cmd"
    code=$?
    # 128 + USR1, USR2: a trap interrupted wait, perhaps at the moment when the command ended. Asked again, wait tells how it
    # ends; where a shell has forgotten (127), or says the same of what is gone, such a signal did end it.
    while [ "$code" = 138 ] || [ "$code" = 140 ]; do
      wait "$cmd"
      again=$?
      [ "$again" = 127 ] && break
      code=$again
      kill -0 "$cmd" 2>/dev/null || break
    done
    echo "EXIT $code"
    cmd=0
  else
    wait "$lifeline"
    kill -0 "$lifeline" 2>/dev/null || exit 0
  fi
done
