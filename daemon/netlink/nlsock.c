/* A raw AF_NETLINK socket for Node.js, bpf(2), and the one call that limits capabilities: framing, attributes, sequence numbers and
 * policy are in TypeScript (native.ts has the signatures). Every function returns a result or a negative errno; none throws.
 * Built by scripts/build-native against npm's node-api-headers, Node-API 8, so one binary serves every Node >= 20. */
#define _GNU_SOURCE
#define NAPI_VERSION 8
#include "nlsender.h"
#include "uv.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <node_api.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What posted parcels are made of, looked up once and kept alive by the references. */
enum { BERTHS = 8 };
typedef struct {
  Parcel parcel;
  size_t out_size, most;    /* most portions */
  napi_ref out_ref, in_ref, portions_ref;
  int posted;
} Berth;

typedef struct {
  int fd;
  int pending;   /* errno met after some datagrams were read already: told by the next read, never lost */
  int closing;
  char *out, *in;           /* the buffers of exchange(), kept alive by the references */
  size_t out_size, in_size;
  napi_ref out_ref, in_ref;
  Berth berths[BERTHS];
  Sender *sender;
  int owners;    /* the JavaScript handle and the uv handles: whoever goes last frees */
  int uv_handles;
  uv_handle_t *watcher;
  napi_env env;
  napi_ref on_readable, on_answered;
  napi_async_context context;
  napi_async_cleanup_hook_handle hook;
} Socket;

static napi_value number(napi_env env, int64_t value) { napi_value r; napi_create_int32(env, (int32_t)value, &r); return r; }
static int32_t integer(napi_env env, napi_value v) { int32_t r = 0; napi_get_value_int32(env, v, &r); return r; }

/* Arguments of a call on an open socket; returns -EBADF from the caller when it is closed. */
#define SOCKET_CALL(count)                                                          \
  napi_value a[count]; size_t argc = count; void *self = NULL;                      \
  napi_get_cb_info(env, info, &argc, a, NULL, NULL);                                \
  if (argc < count || napi_get_value_external(env, a[0], &self) != napi_ok) return number(env, -EINVAL); \
  Socket *s = self;                                                                 \
  if (s->closing) return number(env, -EBADF)

static int bytes(napi_env env, napi_value v, char **start, size_t *length) {
  return napi_get_buffer_info(env, v, (void **)start, length) == napi_ok;
}

static void release(Socket *s) { if (--s->owners == 0) free(s); }

/* The cleanup hook goes only here: until then the environment waits, so a worker's module cannot be unloaded with a
 * close callback still to come. */
static void uv_handle_gone(void *self) {
  Socket *s = self;
  if (--s->uv_handles == 0) napi_remove_async_cleanup_hook(s->hook);
  release(s);
}

static void watcher_closed(uv_handle_t *watcher) {
  uv_handle_gone(uv_handle_get_data(watcher));
  free(watcher);
}

static void empty_berth(Socket *s, Berth *b) {
  if (!b->out_ref) return;
  napi_delete_reference(s->env, b->out_ref);
  napi_delete_reference(s->env, b->in_ref);
  napi_delete_reference(s->env, b->portions_ref);
  b->out_ref = NULL;
}

static void shut(Socket *s) {
  if (s->closing) return;
  s->closing = 1;
  /* First: the thread uses the descriptor and what the berths keep. */
  if (s->sender) { sender_stop(s->sender, uv_handle_gone); napi_delete_reference(s->env, s->on_answered); }
  for (Berth *b = s->berths; b < s->berths + BERTHS; b++) empty_berth(s, b);
  uv_poll_stop(s->watcher);
  napi_delete_reference(s->env, s->on_readable);
  if (s->out_ref) { napi_delete_reference(s->env, s->out_ref); napi_delete_reference(s->env, s->in_ref); }
  napi_async_destroy(s->env, s->context);
  uv_close(s->watcher, watcher_closed);
  close(s->fd);
}

static void collected(napi_env env, void *self, void *hint) { (void)env; (void)hint; shut(self); release(self); }
static void environment_gone(napi_async_cleanup_hook_handle hook, void *self) { (void)hook; shut(self); }

static void call_back(Socket *s, napi_ref function, int status) {
  napi_env env = s->env;
  napi_handle_scope scope;
  napi_value callback, global, argument, error;
  napi_open_handle_scope(env, &scope);
  napi_get_reference_value(env, function, &callback);
  napi_get_global(env, &global);
  argument = number(env, status);
  if (napi_make_callback(env, s->context, global, callback, 1, &argument, NULL) == napi_pending_exception) {
    napi_get_and_clear_last_exception(env, &error);
    napi_fatal_exception(env, error);
  }
  napi_close_handle_scope(env, scope);
}

static void readable(uv_handle_t *watcher, int status, int events) {
  (void)events;
  Socket *s = uv_handle_get_data(watcher);
  call_back(s, s->on_readable, status);
}

static void told(void *self) { Socket *s = self; call_back(s, s->on_answered, 0); }

/* A socket stays in the namespace it was made in: the thread goes there, makes it, and comes back. */
static int socket_in(const char *netns, int protocol) {
  int home = -1, there = -1, fd, error;
  if (netns) {
    if ((there = open(netns, O_RDONLY | O_CLOEXEC)) < 0) return -errno;
    home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (home < 0 || setns(there, CLONE_NEWNET) < 0) { error = errno; close(there); if (home >= 0) close(home); return -error; }
  }
  fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
  error = errno;
  if (netns) {
    if (setns(home, CLONE_NEWNET) < 0) abort(); /* every later socket would be in the wrong namespace */
    close(home); close(there);
  }
  struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
  if (fd < 0) return -error;
  if (bind(fd, (void *)&kernel, sizeof kernel) < 0 || connect(fd, (void *)&kernel, sizeof kernel) < 0) { error = errno; close(fd); return -error; }
  return fd;
}

/* open(protocol, netnsPath | null, onReadable): handle */
static napi_value Open(napi_env env, napi_callback_info info) {
  napi_value a[3], name, resource, handle; size_t argc = 3, length; char path[4096]; napi_valuetype type;
  napi_get_cb_info(env, info, &argc, a, NULL, NULL);
  napi_typeof(env, a[1], &type);
  if (type == napi_string) {
    napi_get_value_string_utf8(env, a[1], path, sizeof path, &length);
    if (length >= sizeof path - 1) return number(env, -ENAMETOOLONG);
  }
  int fd = socket_in(type == napi_string ? path : NULL, integer(env, a[0]));
  if (fd < 0) return number(env, fd);
  Socket *s = calloc(1, sizeof *s);
  uv_handle_t *watcher = calloc(1, uv_handle_size(UV_POLL));
  struct uv_loop_s *loop;
  napi_get_uv_event_loop(env, &loop);
  if (!s || !watcher || uv_poll_init(loop, watcher, fd) < 0) { free(s); free(watcher); close(fd); return number(env, -ENOMEM); }
  s->fd = fd; s->env = env; s->watcher = watcher; s->owners = 2; s->uv_handles = 1;
  uv_handle_set_data(watcher, s);
  napi_create_string_utf8(env, "NETLINK", NAPI_AUTO_LENGTH, &name);
  napi_create_object(env, &resource);
  napi_async_init(env, resource, name, &s->context);
  napi_create_reference(env, a[2], 1, &s->on_readable);
  napi_add_async_cleanup_hook(env, environment_gone, s, &s->hook);
  napi_create_external(env, s, collected, NULL, &handle);
  return handle;
}

/* poll(handle, on); libuv stops a watcher by itself after an error, so starting again is always allowed */
static napi_value Poll(napi_env env, napi_callback_info info) {
  SOCKET_CALL(2);
  return number(env, integer(env, a[1]) ? uv_poll_start(s->watcher, UV_READABLE, readable) : uv_poll_stop(s->watcher));
}

/* ref(handle, on) */
static napi_value Ref(napi_env env, napi_callback_info info) {
  SOCKET_CALL(2);
  if (integer(env, a[1])) uv_ref(s->watcher); else uv_unref(s->watcher);
  return number(env, 0);
}

/* System calls without libc's cancellation points, which cost a multi-threaded process two atomic operations each. */
static ssize_t transmit(Socket *s, const char *from, size_t length) {
  ssize_t r;
  do r = syscall(SYS_sendto, s->fd, from, length, 0, NULL, 0); while (r < 0 && errno == EINTR);
  return r < 0 ? -errno : r;
}

/* One datagram; an errno kept from an earlier call goes first. */
static ssize_t receive(Socket *s, char *into, size_t room) {
  ssize_t r;
  if (s->pending) { r = -s->pending; s->pending = 0; return r; }
  do r = syscall(SYS_recvfrom, s->fd, into, room, MSG_DONTWAIT | MSG_TRUNC, NULL, NULL); while (r < 0 && errno == EINTR);
  if (r < 0) return -errno;
  return (size_t)r > room ? -EMSGSIZE : r;
}

/* Keeps an error that came after some datagrams for the next call. */
static int64_t total(Socket *s, size_t got, ssize_t last) {
  if (got == 0) return last;
  if (last < 0 && last != -EAGAIN) s->pending = (int)-last;
  return (int64_t)got;
}

/* send(handle, bytes, length) */
static napi_value Send(napi_env env, napi_callback_info info) {
  SOCKET_CALL(3);
  char *from; size_t size, length = (size_t)integer(env, a[2]);
  if (!bytes(env, a[1], &from, &size) || length > size) return number(env, -EINVAL);
  return number(env, transmit(s, from, length));
}

/* recv(handle, into, room): datagrams packed one behind the other, aligned, while `room` bytes are free */
static napi_value Recv(napi_env env, napi_callback_info info) {
  SOCKET_CALL(3);
  char *into; size_t size, got = 0, room = (size_t)integer(env, a[2]); ssize_t r = 0;
  if (!bytes(env, a[1], &into, &size) || room == 0 || room > size) return number(env, -EINVAL);
  while (got + room <= size && (r = receive(s, into + got, size - got)) > 0) got += NLMSG_ALIGN((size_t)r);
  return number(env, total(s, got, r));
}

/* attach(handle, out, in): the buffers of exchange(), looked up once */
static napi_value Attach(napi_env env, napi_callback_info info) {
  SOCKET_CALL(3);
  if (!bytes(env, a[1], &s->out, &s->out_size) || !bytes(env, a[2], &s->in, &s->in_size)) return number(env, -EINVAL);
  if (s->out_ref) { napi_delete_reference(env, s->out_ref); napi_delete_reference(env, s->in_ref); }
  napi_create_reference(env, a[1], 1, &s->out_ref);
  napi_create_reference(env, a[2], 1, &s->in_ref);
  return number(env, 0);
}

/* exchange(handle, from, to, sequence): sends these bytes, then reads up to the NLMSG_ERROR that answers `sequence`, as far as
 * it is queued. Acknowledgements are a datagram each, so looking at the first header is enough. */
static napi_value Exchange(napi_env env, napi_callback_info info) {
  SOCKET_CALL(4);
  size_t got = 0, from = (size_t)integer(env, a[1]), to = (size_t)integer(env, a[2]);
  uint32_t sequence = (uint32_t)integer(env, a[3]);
  if (to > s->out_size || from > to) return number(env, -EINVAL);
  ssize_t r = transmit(s, s->out + from, to - from);
  if (r < 0) return number(env, r);
  while (got < s->in_size && (r = receive(s, s->in + got, s->in_size - got)) > 0) {
    struct nlmsghdr *h = (void *)(s->in + got);
    got += NLMSG_ALIGN((size_t)r);
    if (h->nlmsg_seq == sequence && h->nlmsg_type == NLMSG_ERROR) break;
  }
  return number(env, total(s, got, r));
}

/* dispatch(handle, timeoutMs, onAnswered): starts the thread that sends what is posted */
static napi_value Dispatch(napi_env env, napi_callback_info info) {
  SOCKET_CALL(3);
  struct uv_loop_s *loop;
  if (s->sender) return number(env, -EALREADY);
  napi_get_uv_event_loop(env, &loop);
  if (!(s->sender = sender_start(loop, s->fd, integer(env, a[1]), told, s))) return number(env, -ENOMEM);
  napi_create_reference(env, a[2], 1, &s->on_answered);
  s->owners++; s->uv_handles++;
  return number(env, 0);
}

static Berth *berth_of(Socket *s, int32_t index) { return s->sender && index >= 0 && index < BERTHS ? &s->berths[index] : NULL; }

/* berth(handle, index, out, in, portions): the buffers of a parcel, looked up once */
static napi_value BerthCall(napi_env env, napi_callback_info info) {
  SOCKET_CALL(5);
  Berth *b = berth_of(s, integer(env, a[1])), with = {0};
  char *out, *portions; size_t portions_size;
  if (!b || !bytes(env, a[2], &out, &with.out_size) || !bytes(env, a[3], &with.parcel.in, &with.parcel.room)
      || !bytes(env, a[4], &portions, &portions_size) || (uintptr_t)portions % _Alignof(Portion)) return number(env, -EINVAL);
  if (b->posted) return number(env, -EBUSY);
  with.parcel.out = out; with.parcel.portions = (Portion *)portions; with.most = portions_size / sizeof(Portion);
  empty_berth(s, b);
  *b = with;
  napi_create_reference(env, a[2], 1, &b->out_ref);
  napi_create_reference(env, a[3], 1, &b->in_ref);
  napi_create_reference(env, a[4], 1, &b->portions_ref);
  return number(env, 0);
}

/* post(handle, index, count): has that many portions sent and answered */
static napi_value Post(napi_env env, napi_callback_info info) {
  SOCKET_CALL(3);
  Berth *b = berth_of(s, integer(env, a[1])); int32_t count = integer(env, a[2]), at = 0;
  if (!b || !b->out_ref || count < 1 || (size_t)count > b->most) return number(env, -EINVAL);
  if (b->posted) return number(env, -EBUSY);
  for (Portion *p = b->parcel.portions; p < b->parcel.portions + count; at = p->end, p++)
    if (p->end <= at || (size_t)p->end > b->out_size) return number(env, -EINVAL);
  b->parcel.count = count;
  int r = sender_post(s->sender, &b->parcel);
  b->posted = r == 0;
  return number(env, r);
}

/* answered(handle, wait): index of the oldest posted berth once it is answered */
static napi_value Answered(napi_env env, napi_callback_info info) {
  SOCKET_CALL(2);
  Parcel *p = s->sender ? sender_take(s->sender, integer(env, a[1])) : NULL;
  if (!p) return number(env, -EAGAIN);
  Berth *b = (Berth *)p; /* its first member */
  b->posted = 0;
  return number(env, b - s->berths);
}

/* wait(handle, timeoutMs): 1 readable, 0 not */
static napi_value Wait(napi_env env, napi_callback_info info) {
  SOCKET_CALL(2);
  struct pollfd p = { .fd = s->fd, .events = POLLIN };
  int r = poll(&p, 1, integer(env, a[1]));
  return number(env, r < 0 ? -errno : r);
}

/* setopt(handle, level, option, value) */
static napi_value Setopt(napi_env env, napi_callback_info info) {
  SOCKET_CALL(4);
  int value = integer(env, a[3]);
  return number(env, setsockopt(s->fd, integer(env, a[1]), integer(env, a[2]), &value, sizeof value) < 0 ? -errno : 0);
}

/* filter(handle, program): classic BPF, 8 bytes an instruction */
static napi_value Filter(napi_env env, napi_callback_info info) {
  SOCKET_CALL(2);
  char *program; size_t size;
  if (!bytes(env, a[1], &program, &size)) return number(env, -EINVAL);
  struct sock_fprog f = { .len = (unsigned short)(size / sizeof(struct sock_filter)), .filter = (void *)program };
  return number(env, setsockopt(s->fd, SOL_SOCKET, SO_ATTACH_FILTER, &f, sizeof f) < 0 ? -errno : 0);
}

/* port(handle): assigned ports may have the highest bit set */
static napi_value Port(napi_env env, napi_callback_info info) {
  SOCKET_CALL(1);
  struct sockaddr_nl own; socklen_t length = sizeof own; napi_value r;
  if (getsockname(s->fd, (void *)&own, &length) < 0) return number(env, -errno);
  napi_create_uint32(env, own.nl_pid, &r);
  return r;
}

/* close(handle) */
static napi_value Close(napi_env env, napi_callback_info info) {
  SOCKET_CALL(1);
  shut(s);
  return number(env, 0);
}

/* limit(keep): leaves only the capabilities whose bits are set in `keep` to whatever this thread executes from now on. This
 * thread itself keeps what it has until it executes something. */
static napi_value Limit(napi_env env, napi_callback_info info) {
  napi_value a[1]; size_t argc = 1; int64_t keep = 0;
  napi_get_cb_info(env, info, &argc, a, NULL, NULL);
  if (argc < 1 || napi_get_value_int64(env, a[0], &keep) != napi_ok) return number(env, -EINVAL);
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
    if (!((keep >> capability) & 1) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) return number(env, -errno);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2];
  if (syscall(SYS_capget, &head, sets) < 0) return number(env, -errno);
  sets[0].inheritable = sets[1].inheritable = 0;
  if (syscall(SYS_capset, &head, sets) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return number(env, -errno);
  return number(env, 0);
}

/* bpf(command, attributes, places, buffers, netnsPath | null): bpf(2), with the addresses of `buffers` written into `attributes`
 * at `places`. Interfaces are those of the namespace. Descriptors are closed on exec, as the kernel makes them. */
static napi_value Bpf(napi_env env, napi_callback_info info) {
  napi_value a[5], element; size_t argc = 5, length, size; uint32_t count = 0; char path[4096] = "", *attributes, *start;
  napi_valuetype type = napi_null;
  napi_get_cb_info(env, info, &argc, a, NULL, NULL);
  if (argc < 5 || !bytes(env, a[1], &attributes, &size) || napi_get_array_length(env, a[3], &count) != napi_ok)
    return number(env, -EINVAL);
  napi_typeof(env, a[4], &type);
  if (type == napi_string) napi_get_value_string_utf8(env, a[4], path, sizeof path, &length);
  for (uint32_t i = 0; i < count; i++) {
    napi_get_element(env, a[2], i, &element);
    uint32_t at = (uint32_t)integer(env, element);
    napi_get_element(env, a[3], i, &element);
    if (!bytes(env, element, &start, &length) || size < 8 || at > size - 8) return number(env, -EINVAL);
    *(uint64_t *)(attributes + at) = (uint64_t)(uintptr_t)start;
  }
  int here = -1, there = -1, failure = 0;
  if (*path) {
    if ((there = open(path, O_RDONLY | O_CLOEXEC)) < 0) return number(env, -errno);
    if ((here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) < 0 || setns(there, CLONE_NEWNET) < 0) failure = -errno;
  }
  int result = failure ? failure : (int)syscall(SYS_bpf, integer(env, a[0]), attributes, (unsigned int)size);
  if (!failure && result < 0) result = -errno;
  if (*path) {
    /* A thread in the wrong namespace would program it from now on. */
    if (!failure && setns(here, CLONE_NEWNET) < 0) abort();
    close(there);
    if (here >= 0) close(here);
  }
  return number(env, result);
}

/* closefd(descriptor): of what bpf() opened */
static napi_value CloseDescriptor(napi_env env, napi_callback_info info) {
  napi_value a[1]; size_t argc = 1;
  napi_get_cb_info(env, info, &argc, a, NULL, NULL);
  return number(env, argc < 1 || close(integer(env, a[0])) < 0 ? -errno : 0);
}

NAPI_MODULE_INIT() {
  static const struct { const char *name; napi_callback function; } functions[] = {
    {"open", Open}, {"poll", Poll}, {"ref", Ref}, {"send", Send}, {"recv", Recv}, {"attach", Attach}, {"exchange", Exchange},
    {"wait", Wait}, {"dispatch", Dispatch}, {"berth", BerthCall}, {"post", Post}, {"answered", Answered}, {"setopt", Setopt},
    {"filter", Filter}, {"port", Port}, {"close", Close}, {"limit", Limit}, {"bpf", Bpf}, {"closefd", CloseDescriptor},
  };
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    napi_value f;
    napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, NULL, &f);
    napi_set_named_property(env, exports, functions[i].name, f);
  }
  return exports;
}
