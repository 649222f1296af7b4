/* What the C programs of the benches share: clocks, and how they end when something fails. */
#ifndef CFN_BENCH_PROGRAM_H
#define CFN_BENCH_PROGRAM_H
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* CLOCK_MONOTONIC: time that passed; CLOCK_THREAD_CPUTIME_ID: processor time of this thread. */
static inline int64_t nanoseconds(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Seconds that passed. */
static inline double now(void) { return (double)nanoseconds(CLOCK_MONOTONIC) * 1e-9; }

__attribute__((noreturn, format(printf, 1, 2))) static inline void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  exit(1);
}

/* As fail(), with what errno means. */
__attribute__((noreturn)) static inline void die(const char *what) { perror(what); exit(1); }
#endif
