/* A far end of a BGP daemon as a connection: dialled without waiting, written as fast as the daemon reads. Knows no
 * message of BGP. */
#include "../program.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_S = 1, REDIAL_MS = 50 };

struct peer {
  int fd, number, up, waits;
  double dialled;
  uint8_t *out;
  size_t filled, sent, room;
  uint8_t in[1 << 17];
  size_t held;
  uint32_t *known; /* receivers: version of each prefix */
  uint32_t wanted; /* how many are as wanted */
};

static int epoll;

static void queue(struct peer *p, const void *bytes, size_t length) {
  if (p->sent == p->filled) p->sent = p->filled = 0;
  if (p->filled + length > p->room) p->out = realloc(p->out, p->room = 2 * (p->filled + length));
  memcpy(p->out + p->filled, bytes, length);
  p->filled += length;
}

static void flush(struct peer *p) {
  while (p->sent < p->filled) {
    ssize_t n = send(p->fd, p->out + p->sent, p->filled - p->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN) fail("send: %s", strerror(errno));
    if (n < 0) break;
    p->sent += n;
  }
  int waits = p->sent < p->filled;
  if (waits == p->waits) return;
  p->waits = waits;
  struct epoll_event event = {.events = EPOLLIN | (waits ? EPOLLOUT : 0), .data.ptr = p};
  epoll_ctl(epoll, EPOLL_CTL_MOD, p->fd, &event);
}

/* A connection of a peer's own address, under way. */
static void dial(struct peer *p, const char *daemon) {
  struct sockaddr_in6 own = {.sin6_family = AF_INET6}, far = {.sin6_family = AF_INET6, .sin6_port = htons(179)};
  char text[64];
  snprintf(text, sizeof text, "fd00:1::1:%x", p->number + 1);
  inet_pton(AF_INET6, text, &own.sin6_addr);
  inet_pton(AF_INET6, daemon, &far.sin6_addr);
  int on = 1;
  p->fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (p->fd < 0) fail("socket of peer %d: %s", p->number, strerror(errno));
  setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (bind(p->fd, (void *)&own, sizeof own)) fail("bind %s: %s", text, strerror(errno));
  p->dialled = now();
  if (connect(p->fd, (void *)&far, sizeof far) && errno != EINPROGRESS && errno != ECONNREFUSED)
    fail("connect from %s: %s", text, strerror(errno));
}

/* True when the connection of `p` stands. One that is refused, or not answered in time, is dialled again: the daemon is
 * not there yet, or the queue of its listening socket was full and the kernel dropped what came. */
static int connected(struct peer *p, const char *daemon) {
  struct pollfd look = {.fd = p->fd, .events = POLLOUT};
  int error = 0;
  socklen_t size = sizeof error;
  if (poll(&look, 1, 10) > 0) {
    getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error == 0 && !(look.revents & (POLLHUP | POLLERR))) return 1;
    usleep(REDIAL_MS * 1000);
  } else if (now() - p->dialled < ANSWER_S) return 0;
  close(p->fd);
  dial(p, daemon);
  return 0;
}
