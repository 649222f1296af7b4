/* Opens and closes a raw AF_NETLINK socket, watches it in the event loop, and sets its options. */
#define _GNU_SOURCE
#include "nlsock.h"
#include "netns.h"
#include <linux/filter.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void release(Socket *s) { if (--s->owners == 0) free(s); }

/* The cleanup hook goes only here: until then the environment waits, so a worker's module cannot be unloaded with a
 * close callback still to come. */
void uv_handle_gone(void *self) {
  Socket *s = self;
  if (--s->uv_handles == 0) napi_remove_async_cleanup_hook(s->hook);
  release(s);
}

static void watcher_closed(uv_handle_t *watcher) {
  uv_handle_gone(uv_handle_get_data(watcher));
  free(watcher);
}

static void shut(Socket *s) {
  if (s->closing) return;
  s->closing = 1;
  clear_berths(s); /* first: its thread uses the descriptor */
  uv_poll_stop(s->watcher);
  napi_delete_reference(s->env, s->on_readable);
  if (s->out_ref) { napi_delete_reference(s->env, s->out_ref); napi_delete_reference(s->env, s->in_ref); }
  napi_async_destroy(s->env, s->context);
  uv_close(s->watcher, watcher_closed);
  close(s->fd);
}

static void collected(napi_env env, void *self, void *hint) { (void)env; (void)hint; shut(self); release(self); }
static void environment_gone(napi_async_cleanup_hook_handle hook, void *self) { (void)hook; shut(self); }

void call_back(Socket *s, napi_ref function, int status) {
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

/* A socket stays in the namespace it was made in: the thread goes there, makes it, and comes back. */
static int socket_in(const char *netns, int protocol) {
  int home = netns ? enter_netns(netns) : 0, fd, error;
  if (home < 0) return home;
  fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
  error = errno;
  if (netns) leave_netns(home);
  struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
  if (fd < 0) return -error;
  if (bind(fd, (void *)&kernel, sizeof kernel) < 0 || connect(fd, (void *)&kernel, sizeof kernel) < 0) { error = errno; close(fd); return -error; }
  return fd;
}

/* open(protocol, netnsPath | null, onReadable): handle */
napi_value Open(napi_env env, napi_callback_info info) {
  napi_value a[3], name, resource, handle; size_t argc = 3; char path[NETNS_PATH];
  napi_get_cb_info(env, info, &argc, a, NULL, NULL);
  int told = netns_argument(env, a[1], path);
  if (told < 0) return number(env, told);
  int fd = socket_in(told ? path : NULL, integer(env, a[0]));
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
napi_value Poll(napi_env env, napi_callback_info info) {
  SOCKET_CALL(2);
  return number(env, integer(env, a[1]) ? uv_poll_start(s->watcher, UV_READABLE, readable) : uv_poll_stop(s->watcher));
}

/* ref(handle, on) */
napi_value Ref(napi_env env, napi_callback_info info) {
  SOCKET_CALL(2);
  if (integer(env, a[1])) uv_ref(s->watcher); else uv_unref(s->watcher);
  return number(env, 0);
}

/* setopt(handle, level, option, value) */
napi_value Setopt(napi_env env, napi_callback_info info) {
  SOCKET_CALL(4);
  int value = integer(env, a[3]);
  return number(env, setsockopt(s->fd, integer(env, a[1]), integer(env, a[2]), &value, sizeof value) < 0 ? -errno : 0);
}

/* filter(handle, program): classic BPF, 8 bytes an instruction */
napi_value Filter(napi_env env, napi_callback_info info) {
  SOCKET_CALL(2);
  char *program; size_t size;
  if (!bytes(env, a[1], &program, &size)) return number(env, -EINVAL);
  struct sock_fprog f = { .len = (unsigned short)(size / sizeof(struct sock_filter)), .filter = (void *)program };
  return number(env, setsockopt(s->fd, SOL_SOCKET, SO_ATTACH_FILTER, &f, sizeof f) < 0 ? -errno : 0);
}

/* port(handle): assigned ports may have the highest bit set */
napi_value Port(napi_env env, napi_callback_info info) {
  SOCKET_CALL(1);
  struct sockaddr_nl own; socklen_t length = sizeof own; napi_value r;
  if (getsockname(s->fd, (void *)&own, &length) < 0) return number(env, -errno);
  napi_create_uint32(env, own.nl_pid, &r);
  return r;
}

/* close(handle) */
napi_value Close(napi_env env, napi_callback_info info) {
  SOCKET_CALL(1);
  shut(s);
  return number(env, 0);
}
