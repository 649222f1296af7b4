/* How long an update takes through a daemon, measured alike for every daemon: sends ready-made bytes on one TCP connection
 * and waits until everything is as the update wants it. Either the kernel of the daemon's namespace tells so: of a route, by
 * rtnetlink, and, where there is that too, of the elements of a set, by nftables. Or the daemon tells another peer, on a
 * second connection. Sender and listener are this one process, with one clock. Knows no protocol: script.ts says what the
 * greetings and updates are.
 *
 * clock DAEMON PORT SCRIPT OWN kernel NETNS
 * clock DAEMON PORT SCRIPT OWN peer OTHER
 *
 * SCRIPT: u32 greetings of the other peer, u32 greetings, u32 updates before those that count, u32 updates that count; then
 * records, a u32 length and the bytes: each greeting; for each update what is sent, what the notification of its route
 * (RTM_NEWROUTE, main table) or what the other peer is told has in it, and what the notification of its elements
 * (NFT_MSG_NEWSETELEM) has, empty: none. Numbers are little-endian. Two JSON objects on stdout: until all of it is told, and
 * until the route is.
 */
#define _GNU_SOURCE
#include "../program.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { QUIET_MS = 500, DEADLINE_S = 10, DIAL_S = 60, REDIAL_MS = 50 };

struct record { uint32_t length; const uint8_t *bytes; };

enum { CONNECTION, ROUTES, ELEMENTS, OTHER, WATCHED };

static struct pollfd watched[WATCHED];
static struct pollfd *const connection = &watched[CONNECTION];
static struct pollfd *const other = &watched[OTHER];

static const uint8_t *script;

static uint32_t number(void) {
  uint32_t value = script[0] | script[1] << 8 | script[2] << 16 | (uint32_t)script[3] << 24;
  script += 4;
  return value;
}

static struct record record(void) {
  uint32_t length = number();
  struct record r = {length, script};
  script += length;
  return r;
}

static void load(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) fail("%s: %s", path, strerror(errno));
  fseek(file, 0, SEEK_END);
  size_t size = ftell(file);
  uint8_t *bytes = malloc(size);
  rewind(file);
  if (fread(bytes, 1, size, file) != size) fail("%s: %s", path, strerror(errno));
  script = bytes;
}

static int subscribe(int protocol, unsigned group) {
  int fd = socket(AF_NETLINK, SOCK_RAW, protocol), room = 16 << 20;
  struct sockaddr_nl groups = {.nl_family = AF_NETLINK, .nl_groups = 1u << (group - 1)};
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  if (fd < 0 || bind(fd, (void *)&groups, sizeof groups)) fail("netlink %d: %s", protocol, strerror(errno));
  return fd;
}

/* A socket belongs to the namespace it was made in. */
static void listen_to_kernel(const char *netns) {
  char path[256];
  snprintf(path, sizeof path, "/run/netns/%s", netns);
  int own = open("/proc/self/ns/net", O_RDONLY), other = open(path, O_RDONLY);
  if (other < 0 || setns(other, CLONE_NEWNET)) fail("%s: %s", path, strerror(errno));
  watched[ROUTES].fd = subscribe(NETLINK_ROUTE, RTNLGRP_IPV6_ROUTE);
  watched[ELEMENTS].fd = subscribe(NETLINK_NETFILTER, NFNLGRP_NFTABLES);
  if (setns(own, CLONE_NEWNET)) fail("setns: %s", strerror(errno));
}

/* The daemon may not listen yet. */
static int dial(const char *daemon, int port, const char *own) {
  struct sockaddr_in6 near = {.sin6_family = AF_INET6}, far = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  inet_pton(AF_INET6, own, &near.sin6_addr);
  inet_pton(AF_INET6, daemon, &far.sin6_addr);
  for (double since = now(); now() - since < DIAL_S; usleep(REDIAL_MS * 1000)) {
    int fd = socket(AF_INET6, SOCK_STREAM, 0), on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(fd, (void *)&near, sizeof near)) fail("bind %s: %s", own, strerror(errno));
    if (connect(fd, (void *)&far, sizeof far) == 0) return fd;
    close(fd);
  }
  fail("%s was not to be connected in %d s", daemon, DIAL_S);
  return -1;
}

/* False when the connection is no longer. */
static int say(int fd, struct record r) {
  for (size_t at = 0; at < r.length;) {
    ssize_t n = send(fd, r.bytes + at, r.length - at, MSG_NOSIGNAL);
    if (n < 0) return 0;
    at += n;
  }
  return 1;
}

static int is_of(int socket, const struct nlmsghdr *m) {
  if (socket == ELEMENTS) return m->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM);
  return m->nlmsg_type == RTM_NEWROUTE && ((struct rtmsg *)NLMSG_DATA(m))->rtm_table == RT_TABLE_MAIN;
}

/* True when one of the notifications that have come has `wanted` in it. */
static int tells(int socket, struct record wanted) {
  static uint8_t bytes[1 << 16];
  int found = 0;
  if (watched[socket].fd < 0) return 0;
  ssize_t n = recv(watched[socket].fd, bytes, sizeof bytes, MSG_DONTWAIT);
  if (n < 0 && errno == ENOBUFS) fail("notifications of the kernel were lost");
  for (struct nlmsghdr *m = (void *)bytes; n > 0 && NLMSG_OK(m, n); m = NLMSG_NEXT(m, n))
    found |= wanted.length > 0 && is_of(socket, m) && memmem(m, m->nlmsg_len, wanted.bytes, wanted.length) != NULL;
  return found;
}

enum heard { SILENCE, WORDS, END };

/* What the daemon says is read and not looked at. */
static enum heard hear(struct pollfd *of) {
  static uint8_t bytes[1 << 16];
  if (of->fd < 0) return SILENCE;
  ssize_t n = recv(of->fd, bytes, sizeof bytes, MSG_DONTWAIT);
  return n == 0 || (n < 0 && errno != EAGAIN) ? END : n > 0 ? WORDS : SILENCE;
}

static void hear_on(struct pollfd *of) {
  if (hear(of) == END) fail("the daemon ended the session");
}

/* True when the other peer was told `wanted`: an update that comes alone comes in one piece. */
static int is_told(struct record wanted) {
  static uint8_t bytes[1 << 16];
  ssize_t n = recv(other->fd, bytes, sizeof bytes, MSG_DONTWAIT);
  if (n == 0 || (n < 0 && errno != EAGAIN)) fail("the daemon ended the session of the other peer");
  return n > 0 && memmem(bytes, n, wanted.bytes, wanted.length) != NULL;
}

static void ignore_kernel(void) {
  static const struct record nothing;
  tells(ROUTES, nothing), tells(ELEMENTS, nothing);
}

/* False when the daemon would not have the connection. */
static int greet(struct pollfd *of, struct record greeting) {
  if (!say(of->fd, greeting)) return 0;
  for (double last = now(); now() - last < QUIET_MS / 1000.0;) {
    poll(watched, WATCHED, QUIET_MS / 10);
    ignore_kernel();
    for (int i = 0; i < 2; i++) {
      struct pollfd *one = i == 0 ? connection : other;
      enum heard what = hear(one);
      if (what == END && one == of) return 0;
      if (what == END) fail("the daemon ended a session");
      if (what == WORDS) last = now();
    }
  }
  return 1;
}

static void pause_of(double seconds) {
  for (double left, end = now() + seconds; (left = end - now()) > 0;) {
    struct timespec wait = {.tv_nsec = left * 1e9};
    if (ppoll(watched, WATCHED, &wait, NULL) > 0) ignore_kernel(), hear_on(connection), hear_on(other);
  }
}

struct took { double whole, route; };

static struct took update(uint32_t trial, struct record message, struct record route, struct record elements) {
  double since = now(), route_at = 0, elements_at = elements.length > 0 ? 0 : since;
  if (!say(connection->fd, message)) fail("update %u: %s", trial, strerror(errno));
  while (route_at == 0 || elements_at == 0) {
    poll(watched, WATCHED, 100);
    double at = now();
    if (watched[ROUTES].revents && tells(ROUTES, route)) route_at = at;
    if (watched[ELEMENTS].revents && tells(ELEMENTS, elements)) elements_at = at;
    if (other->revents && is_told(route)) route_at = at;
    if (connection->revents) hear_on(connection);
    if (at - since > DEADLINE_S) fail("update %u: nobody was told of it in %d s", trial, DEADLINE_S);
  }
  return (struct took){(route_at > elements_at ? route_at : elements_at) - since, route_at - since};
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static void say_quantiles(const char *phase, double *seconds, uint32_t n) {
  qsort(seconds, n, sizeof *seconds, by_size);
  printf("{\"phase\":\"%s\",\"p50\":%.9f,\"p99\":%.9f}\n", phase, seconds[n / 2], seconds[n * 99 / 100]);
}

/* A session: bgpd listens before it knows the way to its peer, and has none without. */
static void meet(struct pollfd *of, char **argv, const char *own, uint32_t greetings) {
  struct record first = record();
  for (double since = now();; close(of->fd)) {
    of->fd = dial(argv[1], atoi(argv[2]), own);
    if (greet(of, first)) break;
    if (now() - since > DIAL_S) fail("%s would have no session in %d s", argv[1], DIAL_S);
  }
  for (uint32_t i = 1; i < greetings; i++)
    if (!greet(of, record())) fail("the daemon ended the session after greeting %u", i);
}

int main(int argc, char **argv) {
  if (argc != 7) fail("usage: clock DAEMON PORT SCRIPT OWN kernel NETNS | peer OTHER");
  load(argv[3]);
  for (int i = 0; i < WATCHED; i++) watched[i] = (struct pollfd){.fd = -1, .events = POLLIN};
  uint32_t of_other = number(), greetings = number(), before = number(), counted = number();
  if (strcmp(argv[5], "kernel") == 0) listen_to_kernel(argv[6]);
  else meet(other, argv, argv[6], of_other);
  meet(connection, argv, argv[4], greetings);
  double *whole = calloc(before + counted, sizeof *whole), *route = calloc(before + counted, sizeof *route);
  for (uint32_t i = 0; i < before + counted; i++) {
    struct record message = record(), of_route = record(), of_elements = record();
    struct took took = update(i, message, of_route, of_elements);
    whole[i] = took.whole, route[i] = took.route;
    pause_of(0.005 + 0.01 * (i * 7919 % 1000) / 1000);
  }
  say_quantiles("all", whole + before, counted);
  say_quantiles("route", route + before, counted);
  return 0;
}
