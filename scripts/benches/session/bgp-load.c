/* Load for a BGP daemon, the counterpart of session-load.ts: senders and receivers in one process with one clock. Senders
 * are eBGP peers that announce IPv6 prefixes, each with its own MED and AS path (a route's own metrics); receivers count
 * every prefix they are told, by the version that its community carries. One JSON object a phase on stdout.
 *
 * bgp-load DAEMON SENDERS RECEIVERS COUNT PER_UPDATE CHURNS TRIALS
 *
 * The i-th peer binds fd00:1::1:<i+1> and is AS 65001+i; prefixes are 2400:<index>::/48. RFC 4271, 4760, 1997, 6793.
 */
#include "bgp-peer.h"

enum { OPEN = 1, UPDATE = 2, NOTIFICATION = 3, KEEPALIVE = 4, HEADER = 19, HOLD_S = 240, CHURN = 10000 };
enum { MP_REACH = 14, COMMUNITY = 8, DEADLINE_S = 600, QUIET_MS = 500 };
enum { AT_ONCE = 8, ESTABLISH_S = 60 };

static struct peer **peers;
static int senders, receivers;
static uint32_t count, per_update, prefixes;
static uint32_t want_from, want_to, want_version;
static double first_heard, up_seconds;

static uint8_t *put16(uint8_t *p, unsigned value) { *p++ = value >> 8; *p++ = value; return p; }
static uint8_t *put32(uint8_t *p, uint32_t value) { return put16(put16(p, value >> 16), value & 0xffff); }
static uint32_t get32(const uint8_t *p) { return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }

static uint8_t *header(uint8_t *message, uint8_t type, uint8_t *end) {
  memset(message, 0xff, 16);
  put16(message + 16, end - message);
  message[18] = type;
  return end;
}

static void say_open(struct peer *p) {
  uint8_t m[64], *at = m + HEADER;
  uint32_t as = 65001 + p->number;
  *at++ = 4;
  at = put16(at, as > 0xffff ? 23456 : as);
  at = put16(at, HOLD_S);
  at = put32(at, 0x0a010000 + p->number + 1);
  static const uint8_t multiprotocol[] = {2, 6, 1, 4, 0, 2, 0, 1}, four_octets[] = {2, 6, 65, 4};
  *at++ = 16;
  memcpy(at, multiprotocol, 8), at += 8;
  memcpy(at, four_octets, 4), at = put32(at + 4, as);
  queue(p, m, header(m, OPEN, at) - m);
  flush(p);
}

static void say_keepalive(struct peer *p) {
  uint8_t m[HEADER];
  queue(p, m, header(m, KEEPALIVE, m + HEADER) - m);
  flush(p);
}

/* `n` prefixes from `first` on with one attribute set, which is the UPDATE's own. */
static void queue_update(struct peer *p, uint32_t first, uint32_t n, uint32_t version) {
  uint8_t m[4096], *at = m + HEADER;
  at = put16(at, 0);
  uint8_t *attributes = at;
  at += 2;
  *at++ = 0x90, *at++ = MP_REACH;
  at = put16(at, 21 + 7 * n);
  at = put16(at, 2), *at++ = 1, *at++ = 16;
  memset(at, 0, 16), at[0] = 0xfd, at[3] = 1, at[13] = 1, put16(at + 14, p->number + 1), at += 16;
  *at++ = 0;
  for (uint32_t i = 0; i < n; i++) { *at++ = 48; at = put16(at, 0x2400); at = put32(at, first + i); }
  *at++ = 0x40, *at++ = 1, *at++ = 1, *at++ = 0;
  *at++ = 0x40, *at++ = 2, *at++ = 14, *at++ = 2, *at++ = 3;
  at = put32(at, 65001 + p->number), at = put32(at, 64900), at = put32(at, 100000 + first);
  *at++ = 0x80, *at++ = 4, *at++ = 4, at = put32(at, 100 + first + version);
  *at++ = 0xc0, *at++ = COMMUNITY, *at++ = 4, at = put32(at, version);
  put16(attributes, at - attributes - 2);
  queue(p, m, header(m, UPDATE, at) - m);
}

static void queue_routes(struct peer *p, uint32_t first, uint32_t n, uint32_t version) {
  for (uint32_t i = 0; i < n; i += per_update) queue_update(p, first + i, n - i < per_update ? n - i : per_update, version);
}

static int is_wanted(uint32_t prefix, uint32_t version) {
  return prefix >= want_from && prefix < want_to && version == want_version;
}

static void heard(struct peer *p, uint32_t prefix, uint32_t version) {
  if (prefix >= prefixes) return;
  if (first_heard == 0) first_heard = now();
  p->wanted += is_wanted(prefix, version) - is_wanted(prefix, p->known[prefix]);
  p->known[prefix] = version;
}

static void take_update(struct peer *p, const uint8_t *m, size_t length) {
  const uint8_t *at = m + HEADER, *end = m + length;
  at += 2 + (at[0] << 8 | at[1]) + 2;
  const uint8_t *reach = NULL;
  size_t reach_length = 0;
  uint32_t version = 0;
  while (at < end) {
    int flags = at[0], type = at[1];
    size_t size = flags & 0x10 ? at[2] << 8 | at[3] : at[2];
    at += flags & 0x10 ? 4 : 3;
    if (type == MP_REACH) reach = at, reach_length = size;
    if (type == COMMUNITY) version = get32(at);
    at += size;
  }
  if (reach == NULL) return;
  for (const uint8_t *nlri = reach + 5 + reach[3]; nlri < reach + reach_length; nlri += 1 + (nlri[0] + 7) / 8)
    if (nlri[0] == 48) heard(p, get32(nlri + 3), version);
}

static void receive(struct peer *p) {
  ssize_t n = recv(p->fd, p->in + p->held, sizeof p->in - p->held, MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) fail("peer %d: the daemon closed", p->number);
  p->held += n;
  size_t at = 0, length;
  for (; p->held - at >= HEADER && p->held - at >= (length = p->in[at + 16] << 8 | p->in[at + 17]); at += length) {
    uint8_t type = p->in[at + 18];
    if (type == OPEN) say_keepalive(p);
    else if (type == KEEPALIVE) p->up = 1;
    else if (type == UPDATE && p->known != NULL) take_update(p, p->in + at, length);
    else if (type == NOTIFICATION) fail("peer %d: NOTIFICATION %d/%d", p->number, p->in[at + 19], p->in[at + 20]);
  }
  memmove(p->in, p->in + at, p->held -= at);
}

static void pump(int timeout_ms) {
  struct epoll_event events[64];
  int n = epoll_wait(epoll, events, 64, timeout_ms);
  for (int i = 0; i < n; i++) {
    struct peer *p = events[i].data.ptr;
    if (events[i].events & EPOLLIN) receive(p);
    if (events[i].events & EPOLLOUT) flush(p);
  }
}

static void quiet(double seconds) {
  for (double until = now() + seconds; now() < until;) pump((until - now()) * 1000 + 1);
}

static void want(uint32_t from, uint32_t to, uint32_t version) {
  want_from = from, want_to = to, want_version = version, first_heard = 0;
  for (int i = senders; i < senders + receivers; i++) peers[i]->wanted = 0;
}

static int all_heard(void) {
  for (int i = senders; i < senders + receivers; i++) if (peers[i]->wanted < want_to - want_from) return 0;
  return 1;
}

static double wait_for_all(double since) {
  while (!all_heard()) {
    pump(100);
    if (now() - since > DEADLINE_S) fail("the receivers were not told everything in %d s", DEADLINE_S);
  }
  return now() - since;
}

static int waiting(int from, int to) {
  int n = 0;
  for (int i = from; i < to; i++) n += !peers[i]->up;
  return n;
}

/* Brings all sessions up, at most AT_ONCE in the making: BIRD listens with a queue of eight, and of each connection beyond
 * that the kernel drops the SYN and the next try is a second away. */
static void establish(const char *daemon) {
  int all = senders + receivers;
  double since = now();
  for (int begun = 0, first = 0; first < all;) {
    if (begun < all && waiting(first, begun) < AT_ONCE) {
      struct peer *p = peers[begun] = calloc(1, sizeof *p);
      p->number = begun++;
      if (p->number >= senders) p->known = calloc(prefixes, 4);
      dial(p, daemon);
      while (!connected(p, daemon))
        if (now() - since > ESTABLISH_S) fail("peer %d could not connect in %d s", p->number, ESTABLISH_S);
      struct epoll_event event = {.events = EPOLLIN, .data.ptr = p};
      epoll_ctl(epoll, EPOLL_CTL_ADD, p->fd, &event);
      say_open(p);
    } else pump(10);
    while (first < begun && peers[first]->up) first++;
    if (now() - since > ESTABLISH_S)
      fail("%d of %d sessions were not established in %d s", waiting(first, begun) + all - begun, all, ESTABLISH_S);
  }
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static void ingest(void) {
  for (int i = 0; i < senders; i++) queue_routes(peers[i], count * i, count, 1);
  want(0, count * senders, 1);
  printf("{\"phase\":\"begin\",\"seconds\":%.6f}\n", up_seconds);
  fflush(stdout);
  getchar();
  double since = now();
  for (int i = 0; i < senders; i++) flush(peers[i]);
  double seconds = wait_for_all(since);
  printf("{\"phase\":\"ingest\",\"seconds\":%.6f,\"firstSeconds\":%.6f}\n", seconds, first_heard - since);
  fflush(stdout);
  getchar();
}

static void churn(uint32_t version) {
  uint32_t n = count < CHURN ? count : CHURN;
  queue_routes(peers[0], 0, n, version);
  want(0, n, version);
  double since = now();
  flush(peers[0]);
  printf("{\"phase\":\"churn\",\"seconds\":%.6f}\n", wait_for_all(since));
  fflush(stdout);
  quiet(0.3);
}

static void latency(int trials) {
  double *seconds = calloc(trials, sizeof *seconds);
  for (int i = 0; i < trials; i++) {
    want(count * senders + i, count * senders + i + 1, 1);
    queue_update(peers[0], want_from, 1, 1);
    double since = now();
    flush(peers[0]);
    seconds[i] = wait_for_all(since);
    quiet(0.005 + 0.01 * (i * 7919 % 1000) / 1000);
  }
  qsort(seconds, trials, sizeof *seconds, by_size);
  printf("{\"phase\":\"latency\",\"p50\":%.9f,\"p99\":%.9f}\n", seconds[trials / 2], seconds[trials * 99 / 100]);
}

int main(int argc, char **argv) {
  if (argc != 8) fail("usage: bgp-load DAEMON SENDERS RECEIVERS COUNT PER_UPDATE CHURNS TRIALS");
  senders = atoi(argv[2]), receivers = atoi(argv[3]), count = atoi(argv[4]), per_update = atoi(argv[5]);
  int churns = atoi(argv[6]), trials = atoi(argv[7]);
  prefixes = count * senders + trials;
  peers = calloc(senders + receivers, sizeof *peers);
  epoll = epoll_create1(0);
  double since = now();
  establish(argv[1]);
  up_seconds = now() - since;
  quiet(QUIET_MS / 1000.0);
  ingest();
  for (int i = 0; i < churns; i++) churn(2 + i);
  if (trials > 0) latency(trials);
  return 0;
}
