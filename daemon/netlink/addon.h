/* What JavaScript calls of this addon, and how arguments and results pass. Every call returns a result or a negative errno; none
 * throws. native.ts has the signatures. */
#ifndef CFN_ADDON_H
#define CFN_ADDON_H
#define NAPI_VERSION 8
#include <node_api.h>
#include <stddef.h>
#include <stdint.h>

typedef napi_value Call(napi_env, napi_callback_info);
Call Open, Poll, Ref, Setopt, Filter, Port, Close;  /* nlsock.c */
Call Send, Recv, Attach, Exchange, Wait;            /* nlexchange.c */
Call Dispatch, BerthCall, Post, Answered;           /* nlberth.c */
Call Bpf, CloseDescriptor;                          /* bpf.c */
Call Limit;                                         /* capabilities.c */

static inline napi_value number(napi_env env, int64_t value) { napi_value r; napi_create_int32(env, (int32_t)value, &r); return r; }
static inline int32_t integer(napi_env env, napi_value v) { int32_t r = 0; napi_get_value_int32(env, v, &r); return r; }

static inline int bytes(napi_env env, napi_value v, char **start, size_t *length) {
  return napi_get_buffer_info(env, v, (void **)start, length) == napi_ok;
}
#endif
