/* bpf(2), and the descriptors that it makes. */
#define _GNU_SOURCE
#include "addon.h"
#include "netns.h"
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* bpf(command, attributes, places, buffers, netnsPath | null): bpf(2), with the addresses of `buffers` written into `attributes`
 * at `places`. Interfaces are those of the namespace. Descriptors are closed on exec, as the kernel makes them. */
napi_value Bpf(napi_env env, napi_callback_info info) {
  napi_value a[5], element; size_t argc = 5, length, size; uint32_t count = 0; char path[NETNS_PATH], *attributes, *start;
  napi_get_cb_info(env, info, &argc, a, NULL, NULL);
  if (argc < 5 || !bytes(env, a[1], &attributes, &size) || napi_get_array_length(env, a[3], &count) != napi_ok)
    return number(env, -EINVAL);
  int told = netns_argument(env, a[4], path);
  if (told < 0) return number(env, told);
  for (uint32_t i = 0; i < count; i++) {
    napi_get_element(env, a[2], i, &element);
    uint32_t at = (uint32_t)integer(env, element);
    napi_get_element(env, a[3], i, &element);
    if (!bytes(env, element, &start, &length) || size < 8 || at > size - 8) return number(env, -EINVAL);
    *(uint64_t *)(attributes + at) = (uint64_t)(uintptr_t)start;
  }
  int home = told ? enter_netns(path) : 0;
  if (home < 0) return number(env, home);
  int result = (int)syscall(SYS_bpf, integer(env, a[0]), attributes, (unsigned int)size);
  if (result < 0) result = -errno;
  if (told) leave_netns(home);
  return number(env, result);
}

/* closefd(descriptor): of what bpf() opened */
napi_value CloseDescriptor(napi_env env, napi_callback_info info) {
  napi_value a[1]; size_t argc = 1;
  napi_get_cb_info(env, info, &argc, a, NULL, NULL);
  return number(env, argc < 1 || close(integer(env, a[0])) < 0 ? -errno : 0);
}
