/* How much slower this machine's memory is after a process has slept: the time to follow a random chain of 4,000 cache
 * lines (256 KiB) in 1 MiB, which any second-level cache of today holds while nobody else uses it.
 *
 * cold-memory COUNT IDLE_US
 *
 * Follows the chain COUNT times, each after it has slept IDLE_US; 0: back to back. One JSON object on stdout, us.
 */
#include "program.h"

enum { LINE = 64, LINES = 1 << 14, FOLLOWED = 4000 };

struct line { struct line *next; char rest[LINE - sizeof(struct line *)]; };

/* All lines in one circle, in an order that no prefetcher foresees. */
static struct line *chain(void) {
  struct line *lines = aligned_alloc(LINE, LINES * sizeof *lines);
  static int order[LINES];
  for (int i = 0; i < LINES; i++) order[i] = i;
  for (int i = LINES - 1; i > 0; i--) {
    int other = rand() % (i + 1), held = order[i];
    order[i] = order[other], order[other] = held;
  }
  for (int i = 0; i < LINES; i++) lines[order[i]].next = &lines[order[(i + 1) % LINES]];
  return lines;
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
  int count = argc == 3 ? atoi(argv[1]) : 0;
  long idle_us = argc == 3 ? atol(argv[2]) : 0;
  if (count < 1) return fprintf(stderr, "usage: cold-memory COUNT IDLE_US\n"), 1;
  struct line *first = chain();
  struct timespec idle = {.tv_sec = idle_us / 1000000, .tv_nsec = idle_us % 1000000 * 1000};
  double *us = calloc(count, sizeof *us);
  /* The same lines each time; once before, so that none is touched for the first time. */
  for (int i = -1; i < count; i++) {
    if (idle_us > 0 && i >= 0) nanosleep(&idle, NULL);
    struct line *volatile at = first;
    int64_t since = nanoseconds(CLOCK_MONOTONIC);
    struct line *line = at;
    for (int n = 0; n < FOLLOWED; n++) line = line->next;
    at = line;
    if (i >= 0) us[i] = (nanoseconds(CLOCK_MONOTONIC) - since) * 1e-3;
  }
  qsort(us, count, sizeof *us, by_size);
  printf("{\"p50\":%.1f,\"p99\":%.1f}\n", us[count / 2], us[count * 99 / 100]);
  return 0;
}
