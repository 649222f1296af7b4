/* The peer of the bench `netlink`: the same kernel changes from C, by a plain blocking netlink socket. Reads commands on
 * stdin, one a line: `OPERATION COUNT BATCH IFINDEX`; answers each with the nanoseconds of processor time it took, the errors
 * it met, the wall time of the median change with BATCH 1, and the wall time of all, in nanoseconds.
 * Messages are built in the loop, as a daemon would, and addresses are binary already. With BATCH messages a send,
 * only the last asks for an acknowledgement. */
#include "program.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/lwtunnel.h>
#include <linux/netlink.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <linux/seg6_iptunnel.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PROTOCOL = 199, MEMBER = 1000, GROUP = 2000, ROOM = 1 << 16 };

static int fd;
static uint32_t sequence;
static char out[ROOM], in[ROOM];
static size_t used;
static struct nlmsghdr *message;

static void begin(int type, int flags, const void *header, size_t size) {
  message = (struct nlmsghdr *)(out + used);
  *message = (struct nlmsghdr){ .nlmsg_len = NLMSG_LENGTH(size), .nlmsg_type = (uint16_t)type,
                                .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags), .nlmsg_seq = ++sequence };
  memcpy(NLMSG_DATA(message), header, size);
}

static void *attribute(int type, const void *value, size_t size) {
  struct rtattr *a = (struct rtattr *)((char *)message + NLMSG_ALIGN(message->nlmsg_len));
  a->rta_type = (uint16_t)type;
  a->rta_len = (uint16_t)RTA_LENGTH(size);
  if (size) memcpy(RTA_DATA(a), value, size);
  message->nlmsg_len = NLMSG_ALIGN(message->nlmsg_len) + RTA_ALIGN(a->rta_len);
  return a;
}

static void number(int type, uint32_t value) { attribute(type, &value, sizeof value); }
static void end(void) { used += NLMSG_ALIGN(message->nlmsg_len); }

/* Two segments, encap.red; `variant` changes the last one so that a replacement is a change. */
static void encap(int type_attribute, int nest_attribute, unsigned variant) {
  uint16_t type = LWTUNNEL_ENCAP_SEG6;
  attribute(type_attribute, &type, sizeof type);
  struct rtattr *nest = attribute(nest_attribute | NLA_F_NESTED, NULL, 0);
  unsigned char srh[4 + 8 + 32] = { 0 };
  int mode = SEG6_IPTUN_MODE_ENCAP_RED;
  memcpy(srh, &mode, 4);
  srh[5] = 4; srh[6] = 4; srh[7] = 1; srh[8] = 1;
  unsigned char *last = srh + 12, *first = srh + 28;
  first[0] = last[0] = 0xfd;
  first[3] = 0x01; last[3] = (unsigned char)(2 + variant);
  first[15] = last[15] = 1;
  attribute(SEG6_IPTUNNEL_SRH, srh, sizeof srh);
  nest->rta_len = (uint16_t)((char *)message + message->nlmsg_len - (char *)nest);
}

static void route(int type, int flags, unsigned i) {
  struct rtmsg r = { .rtm_family = AF_INET6, .rtm_dst_len = 64, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = PROTOCOL,
                     .rtm_type = type == RTM_NEWROUTE ? RTN_UNICAST : 0 };
  begin(type, flags, &r, sizeof r);
  unsigned char prefix[16] = { 0x20, 0x01, 0x0d, 0xb8, (unsigned char)(i >> 24), (unsigned char)(i >> 16), (unsigned char)(i >> 8), (unsigned char)i };
  attribute(RTA_DST, prefix, sizeof prefix);
}

static void member(unsigned device, unsigned variant) {
  struct nhmsg h = { .nh_family = AF_INET6, .nh_protocol = PROTOCOL };
  begin(RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_REPLACE, &h, sizeof h);
  number(NHA_ID, MEMBER);
  number(NHA_OIF, device);
  encap(NHA_ENCAP_TYPE, NHA_ENCAP, variant);
  end();
}

static void build(const char *operation, unsigned i, unsigned device) {
  if (!strcmp(operation, "seg6-add") || !strcmp(operation, "seg6-replace")) {
    int add = operation[5] == 'a';
    route(RTM_NEWROUTE, NLM_F_CREATE | (add ? NLM_F_EXCL : NLM_F_REPLACE), i);
    number(RTA_OIF, device);
    encap(RTA_ENCAP_TYPE, RTA_ENCAP, !add);
    end();
  } else if (!strcmp(operation, "nhid-add") || !strcmp(operation, "nhid-replace")) {
    route(RTM_NEWROUTE, NLM_F_CREATE | (operation[5] == 'a' ? NLM_F_EXCL : NLM_F_REPLACE), i);
    number(RTA_NH_ID, GROUP);
    end();
  } else if (!strcmp(operation, "seg6-delete") || !strcmp(operation, "nhid-delete")) {
    route(RTM_DELROUTE, 0, i);
    end();
  } else if (!strcmp(operation, "member-replace")) {
    member(device, i & 1);
  } else exit(2);
}

/* Indices whose changes the kernel had no memory for at that moment; they are tried again, as ours are. */
static unsigned again[1 << 17], agains, refused;

/* Reads until the answer to `last`; `first` is the sequence number of the change numbered indices[0]. */
static void drain(uint32_t first, uint32_t last, const unsigned *indices) {
  for (;;) {
    ssize_t got = recv(fd, in, sizeof in, 0);
    if (got < 0) die("recv");
    for (struct nlmsghdr *h = (void *)in; NLMSG_OK(h, got); h = NLMSG_NEXT(h, got)) {
      if (h->nlmsg_type != NLMSG_ERROR) continue;
      int error = -((struct nlmsgerr *)NLMSG_DATA(h))->error;
      if (error == ENOMEM) again[agains++] = indices[h->nlmsg_seq - first];
      else if (error) refused++;
      if (h->nlmsg_seq == last) return;
    }
  }
}

/* Wall time of each change that was sent alone. */
static uint32_t spans[1 << 17];
static unsigned spanned;

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static uint32_t median(void) {
  qsort(spans, spanned, sizeof *spans, ascending);
  return spanned ? spans[spanned / 2] : 0;
}

static void change(const char *operation, const unsigned *indices, unsigned count, unsigned batch, unsigned device) {
  for (unsigned i = 0; i < count;) {
    unsigned start = i;
    uint32_t first = sequence + 1;
    int64_t began = batch == 1 ? nanoseconds(CLOCK_MONOTONIC) : 0;
    for (used = 0; i < count && i - start < batch; i++) build(operation, indices[i], device);
    message->nlmsg_flags |= NLM_F_ACK;
    if (send(fd, out, used, 0) < 0) die("send");
    drain(first, sequence, indices + start);
    if (batch == 1 && spanned < 1 << 17) spans[spanned++] = (uint32_t)(nanoseconds(CLOCK_MONOTONIC) - began);
  }
}

int main(void) {
  struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
  int size = 4 << 20, on = 1;
  fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  if (fd < 0 || bind(fd, (void *)&kernel, sizeof kernel) < 0 || connect(fd, (void *)&kernel, sizeof kernel) < 0) die("socket");
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  char operation[32];
  unsigned count, batch, device;
  static unsigned indices[1 << 17];
  while (scanf("%31s %u %u %u", operation, &count, &batch, &device) == 4 && count <= 1 << 17) {
    for (unsigned i = 0; i < count; i++) indices[i] = i;
    refused = agains = spanned = 0;
    /* All work is done in the calling thread, and what else the machine does must not count. */
    int64_t start = nanoseconds(CLOCK_THREAD_CPUTIME_ID), began = nanoseconds(CLOCK_MONOTONIC);
    change(operation, indices, count, batch, device);
    for (int round = 0; agains && round < 32; round++) {
      unsigned retries = agains;
      memcpy(indices, again, retries * sizeof *again);
      agains = 0;
      usleep(1000);
      change(operation, indices, retries, batch, device);
    }
    long long took = nanoseconds(CLOCK_THREAD_CPUTIME_ID) - start, passed = nanoseconds(CLOCK_MONOTONIC) - began;
    printf("%lld %u %u %lld\n", took, refused + agains, median(), passed);
    fflush(stdout);
  }
  return 0;
}
