#define _GNU_SOURCE
#include "netns.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

int netns_argument(napi_env env, napi_value v, char path[NETNS_PATH]) {
  napi_valuetype type = napi_null; size_t length = 0;
  napi_typeof(env, v, &type);
  if (type != napi_string) return 0;
  napi_get_value_string_utf8(env, v, path, NETNS_PATH, &length);
  return length < NETNS_PATH - 1 ? 1 : -ENAMETOOLONG;
}

int enter_netns(const char *path) {
  int there = open(path, O_RDONLY | O_CLOEXEC), home;
  if (there < 0) return -errno;
  home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (home < 0 || setns(there, CLONE_NEWNET) < 0) {
    int error = errno;
    if (home >= 0) close(home);
    home = -error;
  }
  close(there);
  return home;
}

void leave_netns(int home) {
  if (setns(home, CLONE_NEWNET) < 0) abort();
  close(home);
}
