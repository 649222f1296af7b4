/* rtnetlink works inside send(): a hundred thousand routes are 0.2 s in the kernel. By a thread of its own these go on while
 * the event loop prepares the next ones and serves others. */
#define _GNU_SOURCE
#include "nlsender.h"
#include "nldatagram.h"
#include "uv.h"
#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { PARCELS = 16, STACK_BYTES = 256 << 10, LOOK_MS = 50 };

struct Sender {
  int fd, timeout_ms;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t posted_one, answered_one;
  Parcel *queue[PARCELS];
  unsigned posted, answered, taken; /* so many ever; under the lock, but for `taken` */
  int stopping;                     /* under the lock, and read by the thread between looks */
  uv_handle_t *wake;
  void (*told)(void *);
  void (*stopped)(void *);
  void *self;
};

static int is_stopping(Sender *s) { return __atomic_load_n(&s->stopping, __ATOMIC_RELAXED); }

/* Answers that are lost were for this send; what else is queued must not be met by the next. */
static void forget(int fd, char *in, size_t room) {
  while (recv(fd, in, room, MSG_DONTWAIT) > 0);
}

/* Sends, and reads up to the last answer. Returns an errno; `got` grows by what was read. */
static int exchange(Sender *s, const char *from, size_t length, uint32_t sequence, char *in, size_t room, size_t *got) {
  ssize_t r = transmit(s->fd, from, length);
  if (r < 0) return (int)-r;
  for (int waited = 0;;) {
    if (*got >= room) return EMSGSIZE;
    r = receive(s->fd, in + *got, room - *got);
    if (r == -EAGAIN) {
      /* As a rule the answer is there when the send returns. */
      if (waited >= s->timeout_ms || is_stopping(s)) return ETIMEDOUT;
      struct pollfd p = { .fd = s->fd, .events = POLLIN };
      if (poll(&p, 1, LOOK_MS) == 0) waited += LOOK_MS;
      continue;
    }
    if (r < 0) {
      if (r == -ENOBUFS) forget(s->fd, in + *got, room - *got);
      return (int)-r;
    }
    struct nlmsghdr *h = (void *)(in + *got);
    *got += NLMSG_ALIGN((size_t)r);
    if (*got > room) *got = room;
    if (h->nlmsg_seq == sequence && h->nlmsg_type == NLMSG_ERROR) return 0;
  }
}

static void perform(Sender *s, Parcel *p) {
  size_t at = 0, got = 0;
  for (Portion *one = p->portions; one < p->portions + p->count; one++) {
    one->failure = is_stopping(s) ? EBADF : exchange(s, p->out + at, (size_t)one->end - at, (uint32_t)one->sequence, p->in, p->room, &got);
    one->answered = (int32_t)got;
    at = (size_t)one->end;
  }
}

static void *run(void *self) {
  Sender *s = self;
  pthread_setname_np(pthread_self(), "netlink-sender");
  pthread_mutex_lock(&s->lock);
  for (;;) {
    while (!s->stopping && s->answered == s->posted) pthread_cond_wait(&s->posted_one, &s->lock);
    if (s->stopping) break;
    Parcel *p = s->queue[s->answered % PARCELS];
    pthread_mutex_unlock(&s->lock);
    perform(s, p);
    pthread_mutex_lock(&s->lock);
    s->answered++;
    pthread_cond_signal(&s->answered_one);
    uv_async_send(s->wake);
  }
  pthread_mutex_unlock(&s->lock);
  return NULL;
}

static void woken(uv_handle_t *wake) {
  Sender *s = uv_handle_get_data(wake);
  if (!s->stopping) s->told(s->self);
}

static void discard(Sender *s) {
  pthread_mutex_destroy(&s->lock);
  pthread_cond_destroy(&s->posted_one);
  pthread_cond_destroy(&s->answered_one);
  free(s);
}

static void closed(uv_handle_t *wake) {
  Sender *s = uv_handle_get_data(wake);
  if (s->stopped) s->stopped(s->self);
  free(wake);
  discard(s);
}

/* Signals are the main thread's. */
static int start_thread(Sender *s) {
  pthread_attr_t attributes;
  sigset_t all, before;
  sigfillset(&all);
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failure = pthread_create(&s->thread, &attributes, run, s);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return failure;
}

static void end_thread(Sender *s) {
  pthread_mutex_lock(&s->lock);
  __atomic_store_n(&s->stopping, 1, __ATOMIC_RELAXED);
  pthread_cond_signal(&s->posted_one);
  pthread_mutex_unlock(&s->lock);
  pthread_join(s->thread, NULL);
}

Sender *sender_start(struct uv_loop_s *loop, int fd, int timeout_ms, void (*told)(void *), void *self) {
  Sender *s = calloc(1, sizeof *s);
  uv_handle_t *wake = calloc(1, uv_handle_size(UV_ASYNC));
  if (!s || !wake) { free(s); free(wake); return NULL; }
  s->fd = fd; s->timeout_ms = timeout_ms; s->told = told; s->self = self; s->wake = wake;
  pthread_mutex_init(&s->lock, NULL);
  pthread_cond_init(&s->posted_one, NULL);
  pthread_cond_init(&s->answered_one, NULL);
  if (start_thread(s) != 0) { discard(s); free(wake); return NULL; }
  if (uv_async_init(loop, wake, woken) < 0) { end_thread(s); discard(s); free(wake); return NULL; }
  uv_handle_set_data(wake, s);
  uv_unref(wake);
  return s;
}

int sender_post(Sender *s, Parcel *p) {
  if (s->posted - s->taken == PARCELS) return -EAGAIN;
  pthread_mutex_lock(&s->lock);
  s->queue[s->posted++ % PARCELS] = p;
  pthread_cond_signal(&s->posted_one);
  pthread_mutex_unlock(&s->lock);
  uv_ref(s->wake); /* somebody waits for the answer */
  return 0;
}

Parcel *sender_take(Sender *s, int wait) {
  if (s->taken == s->posted) return NULL;
  pthread_mutex_lock(&s->lock);
  while (wait && s->answered == s->taken) pthread_cond_wait(&s->answered_one, &s->lock);
  int is_there = s->answered != s->taken;
  pthread_mutex_unlock(&s->lock);
  if (!is_there) return NULL;
  Parcel *p = s->queue[s->taken++ % PARCELS];
  if (s->taken == s->posted) uv_unref(s->wake);
  return p;
}

void sender_stop(Sender *s, void (*stopped)(void *)) {
  end_thread(s);
  s->stopped = stopped;
  uv_close(s->wake, closed);
}
