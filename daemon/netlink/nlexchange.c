/* Sends and reads of a socket, each within its call. */
#define _GNU_SOURCE
#include "nldatagram.h"
#include "nlsock.h"
#include <linux/netlink.h>
#include <poll.h>

/* One datagram; an errno kept from an earlier call goes first. */
static ssize_t next(Socket *s, char *into, size_t room) {
  if (s->pending) { ssize_t r = -s->pending; s->pending = 0; return r; }
  return receive(s->fd, into, room);
}

/* Keeps an error that came after some datagrams for the next call. */
static int64_t total(Socket *s, size_t got, ssize_t last) {
  if (got == 0) return last;
  if (last < 0 && last != -EAGAIN) s->pending = (int)-last;
  return (int64_t)got;
}

/* send(handle, bytes, length) */
napi_value Send(napi_env env, napi_callback_info info) {
  SOCKET_CALL(3);
  char *from; size_t size, length = (size_t)integer(env, a[2]);
  if (!bytes(env, a[1], &from, &size) || length > size) return number(env, -EINVAL);
  return number(env, transmit(s->fd, from, length));
}

/* recv(handle, into, room): datagrams packed one behind the other, aligned, while `room` bytes are free */
napi_value Recv(napi_env env, napi_callback_info info) {
  SOCKET_CALL(3);
  char *into; size_t size, got = 0, room = (size_t)integer(env, a[2]); ssize_t r = 0;
  if (!bytes(env, a[1], &into, &size) || room == 0 || room > size) return number(env, -EINVAL);
  while (got + room <= size && (r = next(s, into + got, size - got)) > 0) got += NLMSG_ALIGN((size_t)r);
  return number(env, total(s, got, r));
}

/* attach(handle, out, in): the buffers of exchange(), looked up once */
napi_value Attach(napi_env env, napi_callback_info info) {
  SOCKET_CALL(3);
  if (!bytes(env, a[1], &s->out, &s->out_size) || !bytes(env, a[2], &s->in, &s->in_size)) return number(env, -EINVAL);
  if (s->out_ref) { napi_delete_reference(env, s->out_ref); napi_delete_reference(env, s->in_ref); }
  napi_create_reference(env, a[1], 1, &s->out_ref);
  napi_create_reference(env, a[2], 1, &s->in_ref);
  return number(env, 0);
}

/* exchange(handle, from, to, sequence): sends these bytes, then reads up to the NLMSG_ERROR that answers `sequence`, as far as
 * it is queued. Acknowledgements are a datagram each, so looking at the first header is enough. */
napi_value Exchange(napi_env env, napi_callback_info info) {
  SOCKET_CALL(4);
  size_t got = 0, from = (size_t)integer(env, a[1]), to = (size_t)integer(env, a[2]);
  uint32_t sequence = (uint32_t)integer(env, a[3]);
  if (to > s->out_size || from > to) return number(env, -EINVAL);
  ssize_t r = transmit(s->fd, s->out + from, to - from);
  if (r < 0) return number(env, r);
  while (got < s->in_size && (r = next(s, s->in + got, s->in_size - got)) > 0) {
    struct nlmsghdr *h = (void *)(s->in + got);
    got += NLMSG_ALIGN((size_t)r);
    if (h->nlmsg_seq == sequence && h->nlmsg_type == NLMSG_ERROR) break;
  }
  return number(env, total(s, got, r));
}

/* wait(handle, timeoutMs): 1 readable, 0 not */
napi_value Wait(napi_env env, napi_callback_info info) {
  SOCKET_CALL(2);
  struct pollfd p = { .fd = s->fd, .events = POLLIN };
  int r = poll(&p, 1, integer(env, a[1]));
  return number(env, r < 0 ? -errno : r);
}
