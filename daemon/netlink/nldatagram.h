/* sendto(2) and recvfrom(2) of a netlink socket, without libc's cancellation points, which cost a multi-threaded process two
 * atomic operations each. */
#ifndef CFN_NLDATAGRAM_H
#define CFN_NLDATAGRAM_H
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* Bytes sent, or a negative errno. */
static inline ssize_t transmit(int fd, const char *from, size_t length) {
  ssize_t r;
  do r = syscall(SYS_sendto, fd, from, length, 0, NULL, 0); while (r < 0 && errno == EINTR);
  return r < 0 ? -errno : r;
}

/* The bytes of one datagram, or a negative errno: -EAGAIN when there is none, -EMSGSIZE when it does not fit. */
static inline ssize_t receive(int fd, char *into, size_t room) {
  ssize_t r;
  do r = syscall(SYS_recvfrom, fd, into, room, MSG_DONTWAIT | MSG_TRUNC, NULL, NULL); while (r < 0 && errno == EINTR);
  if (r < 0) return -errno;
  return (size_t)r > room ? -EMSGSIZE : r;
}
#endif
