/* Another network namespace, for as long as a thread makes something there. */
#ifndef CFN_NETNS_H
#define CFN_NETNS_H
#include "addon.h"

enum { NETNS_PATH = 4096 };

/* Whether an argument (path | null) names one, which is read into `path` then; or -ENAMETOOLONG. */
int netns_argument(napi_env, napi_value, char path[NETNS_PATH]);

/* Moves this thread there; returns what leave_netns() takes, or a negative errno. */
int enter_netns(const char *path);

/* Moves this thread back. Ends the process when that fails: all it does later would be in the wrong namespace. */
void leave_netns(int home);
#endif
