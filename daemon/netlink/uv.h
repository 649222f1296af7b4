/* The libuv functions needed, declared here because node-api-headers has no uv.h and a machine may have no Node headers.
 * libuv keeps them and the numbers of its handle types within 1.x; a handle's size is asked for at run time. */
#ifndef CFN_UV_H
#define CFN_UV_H
#include <stddef.h>

struct uv_loop_s;
typedef struct uv_handle_s uv_handle_t;
enum { UV_ASYNC = 1, UV_POLL = 8, UV_READABLE = 1 };
extern size_t uv_handle_size(int type);
extern void *uv_handle_get_data(const uv_handle_t *);
extern void uv_handle_set_data(uv_handle_t *, void *);
extern int uv_poll_init(struct uv_loop_s *, uv_handle_t *, int fd);
extern int uv_poll_start(uv_handle_t *, int events, void (*)(uv_handle_t *, int status, int events));
extern int uv_poll_stop(uv_handle_t *);
extern int uv_async_init(struct uv_loop_s *, uv_handle_t *, void (*)(uv_handle_t *));
extern int uv_async_send(uv_handle_t *);
extern void uv_close(uv_handle_t *, void (*)(uv_handle_t *));
extern void uv_ref(uv_handle_t *);
extern void uv_unref(uv_handle_t *);
#endif
