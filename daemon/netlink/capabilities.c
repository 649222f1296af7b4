/* Limits what the programs that a daemon starts may do. */
#define _GNU_SOURCE
#include "addon.h"
#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* limit(keep): leaves only the capabilities whose bits are set in `keep` to whatever this thread executes from now on. This
 * thread itself keeps what it has until it executes something. */
napi_value Limit(napi_env env, napi_callback_info info) {
  napi_value a[1]; size_t argc = 1; int64_t keep = 0;
  napi_get_cb_info(env, info, &argc, a, NULL, NULL);
  if (argc < 1 || napi_get_value_int64(env, a[0], &keep) != napi_ok) return number(env, -EINVAL);
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
    if (!((keep >> capability) & 1) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) return number(env, -errno);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2];
  if (syscall(SYS_capget, &head, sets) < 0) return number(env, -errno);
  sets[0].inheritable = sets[1].inheritable = 0;
  if (syscall(SYS_capset, &head, sets) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return number(env, -errno);
  return number(env, 0);
}
