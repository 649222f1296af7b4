/* A thread that sends what it is given over a netlink socket, in order, and reads the answers, while the event loop goes on. Knows
 * neither JavaScript nor messages beyond their header. All but the thread itself belongs to the loop's thread. */
#ifndef NLSENDER_H
#define NLSENDER_H
#include <stddef.h>
#include <stdint.h>

struct uv_loop_s;

/* One send() of a parcel. */
typedef struct {
  int32_t end;        /* its bytes go on to here, from where the one before ends */
  int32_t sequence;   /* of the NLMSG_ERROR that is the last answer to it */
  int32_t answered;   /* told: answers go on to here, from where those before end */
  int32_t failure;    /* told: errno, or 0 when the last answer is there */
} Portion;

/* What is sent in one go; whoever posts it keeps all of it until it is taken. */
typedef struct {
  const char *out;
  char *in;
  size_t room;        /* for answers */
  Portion *portions;
  int count;
} Parcel;

typedef struct Sender Sender;

/* Starts the thread; `told` is called by the loop after a parcel was answered. NULL: no memory or no thread. */
Sender *sender_start(struct uv_loop_s *loop, int fd, int timeout_ms, void (*told)(void *self), void *self);

/* Queues a parcel; 0, or -EAGAIN where there are too many. */
int sender_post(Sender *, Parcel *);

/* The oldest parcel if it has been answered, which is forgotten then; `wait`: as soon as it has been. NULL: none. */
Parcel *sender_take(Sender *, int wait);

/* Ends the thread after the send() that it is in; what was posted is not touched again. The loop calls `stopped` when all is over. */
void sender_stop(Sender *, void (*stopped)(void *self));
#endif
