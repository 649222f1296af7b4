/* Has a socket's thread send parcels out of berths, and tells which were answered. */
#include "nlberth.h"
#include "nlsock.h"

static void empty_berth(Socket *s, Berth *b) {
  if (!b->out_ref) return;
  napi_delete_reference(s->env, b->out_ref);
  napi_delete_reference(s->env, b->in_ref);
  napi_delete_reference(s->env, b->portions_ref);
  b->out_ref = NULL;
}

void clear_berths(Socket *s) {
  /* The thread uses what the berths keep. */
  if (s->sender) { sender_stop(s->sender, uv_handle_gone); napi_delete_reference(s->env, s->on_answered); }
  for (Berth *b = s->berths; b < s->berths + BERTHS; b++) empty_berth(s, b);
}

static void told(void *self) { Socket *s = self; call_back(s, s->on_answered, 0); }

/* dispatch(handle, timeoutMs, onAnswered): starts the thread that sends what is posted */
napi_value Dispatch(napi_env env, napi_callback_info info) {
  SOCKET_CALL(3);
  struct uv_loop_s *loop;
  if (s->sender) return number(env, -EALREADY);
  napi_get_uv_event_loop(env, &loop);
  if (!(s->sender = sender_start(loop, s->fd, integer(env, a[1]), told, s))) return number(env, -ENOMEM);
  napi_create_reference(env, a[2], 1, &s->on_answered);
  s->owners++; s->uv_handles++;
  return number(env, 0);
}

static Berth *berth_of(Socket *s, int32_t index) { return s->sender && index >= 0 && index < BERTHS ? &s->berths[index] : NULL; }

/* berth(handle, index, out, in, portions): the buffers of a parcel, looked up once */
napi_value BerthCall(napi_env env, napi_callback_info info) {
  SOCKET_CALL(5);
  Berth *b = berth_of(s, integer(env, a[1])), with = {0};
  char *out, *portions; size_t portions_size;
  if (!b || !bytes(env, a[2], &out, &with.out_size) || !bytes(env, a[3], &with.parcel.in, &with.parcel.room)
      || !bytes(env, a[4], &portions, &portions_size) || (uintptr_t)portions % _Alignof(Portion)) return number(env, -EINVAL);
  if (b->posted) return number(env, -EBUSY);
  with.parcel.out = out; with.parcel.portions = (Portion *)portions; with.most = portions_size / sizeof(Portion);
  empty_berth(s, b);
  *b = with;
  napi_create_reference(env, a[2], 1, &b->out_ref);
  napi_create_reference(env, a[3], 1, &b->in_ref);
  napi_create_reference(env, a[4], 1, &b->portions_ref);
  return number(env, 0);
}

/* post(handle, index, count): has that many portions sent and answered */
napi_value Post(napi_env env, napi_callback_info info) {
  SOCKET_CALL(3);
  Berth *b = berth_of(s, integer(env, a[1])); int32_t count = integer(env, a[2]), at = 0;
  if (!b || !b->out_ref || count < 1 || (size_t)count > b->most) return number(env, -EINVAL);
  if (b->posted) return number(env, -EBUSY);
  for (Portion *p = b->parcel.portions; p < b->parcel.portions + count; at = p->end, p++)
    if (p->end <= at || (size_t)p->end > b->out_size) return number(env, -EINVAL);
  b->parcel.count = count;
  int r = sender_post(s->sender, &b->parcel);
  b->posted = r == 0;
  return number(env, r);
}

/* answered(handle, wait): index of the oldest posted berth once it is answered */
napi_value Answered(napi_env env, napi_callback_info info) {
  SOCKET_CALL(2);
  Parcel *p = s->sender ? sender_take(s->sender, integer(env, a[1])) : NULL;
  if (!p) return number(env, -EAGAIN);
  Berth *b = (Berth *)p; /* its first member */
  b->posted = 0;
  return number(env, b - s->berths);
}
