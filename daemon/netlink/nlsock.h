/* The socket that JavaScript holds. nlsock.c opens and closes it, nlexchange.c sends and reads at once, and nlberth.c has its thread
 * send. */
#ifndef CFN_NLSOCK_H
#define CFN_NLSOCK_H
#include "addon.h"
#include "nlberth.h"
#include "uv.h"
#include <errno.h>

typedef struct Socket {
  int fd;
  int pending;   /* errno met after some datagrams were read already: told by the next read, never lost */
  int closing;
  char *out, *in;           /* the buffers of exchange(), kept alive by the references */
  size_t out_size, in_size;
  napi_ref out_ref, in_ref;
  Berth berths[BERTHS];
  Sender *sender;
  int owners;    /* the JavaScript handle and the uv handles: whoever goes last frees */
  int uv_handles;
  uv_handle_t *watcher;
  napi_env env;
  napi_ref on_readable, on_answered;
  napi_async_context context;
  napi_async_cleanup_hook_handle hook;
} Socket;

/* Arguments of a call on an open socket; returns -EBADF from the caller when it is closed. */
#define SOCKET_CALL(count)                                                          \
  napi_value a[count]; size_t argc = count; void *self = NULL;                      \
  napi_get_cb_info(env, info, &argc, a, NULL, NULL);                                \
  if (argc < count || napi_get_value_external(env, a[0], &self) != napi_ok) return number(env, -EINVAL); \
  Socket *s = self;                                                                 \
  if (s->closing) return number(env, -EBADF)

/* Calls back into JavaScript with one number. */
void call_back(Socket *, napi_ref function, int status);

/* For uv_close() of a handle that was counted in `uv_handles`. */
void uv_handle_gone(void *socket);
#endif
