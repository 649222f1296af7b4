/*
 * Sender and sink of bench `forwarding`:
 *   forwarding CPU SENDER-NETNS SINK-NETNS
 * reads lines "SENDER-IF SINK-IF MILLISECONDS FLOWS PORT-OFFSET HEX-FRAME" and answers each with
 * "SENT RECEIVED RECEIVED-BYTES NANOSECONDS". HEX-FRAME starts with the Ethernet header; the 16-bit number at PORT-OFFSET
 * tells flows apart. The kernel forwards what is sent in the sender's own context, so that one core does all the work:
 * sender, router and sink. Real-time priority keeps other processes out of a measurement of some 50 ms.
 */
#define _GNU_SOURCE
#include "program.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FRAME 2048
#define BATCH 32
#define FIRST_PORT 10000

static unsigned char frames[BATCH][MAX_FRAME];

static void enter(const char *netns)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die(netns);
	close(fd);
}

/* /proc/net/dev of the namespace in which it was opened: "name: bytes packets ...". */
static void read_counters(int fd, const char *name, long long *packets, long long *bytes)
{
	static char text[1 << 16];
	char key[IFNAMSIZ + 2];
	ssize_t length = 0, got;
	char *at;

	lseek(fd, 0, SEEK_SET);
	while ((got = read(fd, text + length, sizeof(text) - 1 - length)) > 0)
		length += got;
	text[length] = '\0';
	snprintf(key, sizeof(key), "%s:", name);
	at = strstr(text, key);
	if (!at || sscanf(at + strlen(key), "%lld %lld", bytes, packets) != 2)
		die(name);
}

static size_t decode(const char *hex, unsigned char *out)
{
	size_t length = 0;
	unsigned int octet;

	while (length < MAX_FRAME && sscanf(hex + 2 * length, "%2x", &octet) == 1)
		out[length++] = octet;
	return length;
}

static int open_sender(const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(name) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0), one = 1;

	if (fd < 0 || !at.sll_ifindex || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		die(name);
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	return fd;
}

static long long send_for(int fd, size_t length, long long duration, int flows, int port_at, long long *elapsed)
{
	struct mmsghdr messages[BATCH] = { 0 };
	struct iovec parts[BATCH];
	long long start = nanoseconds(CLOCK_MONOTONIC), sent = 0;
	int flow = 0;

	for (int i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ .iov_base = frames[i], .iov_len = length };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
	}
	do {
		int done;

		for (int i = 0; i < BATCH; i++) {
			unsigned int port = FIRST_PORT + flow;

			frames[i][port_at] = port >> 8;
			frames[i][port_at + 1] = port;
			flow = flow + 1 == flows ? 0 : flow + 1;
		}
		done = sendmmsg(fd, messages, BATCH, 0);
		if (done < 0)
			die("send");
		sent += done;
		*elapsed = nanoseconds(CLOCK_MONOTONIC) - start;
	} while (*elapsed < duration);
	return sent;
}

int main(int argc, char **argv)
{
	static char line[3 * MAX_FRAME], hex[2 * MAX_FRAME + 1];
	struct sched_param priority = { .sched_priority = 1 };
	char from[IFNAMSIZ], to[IFNAMSIZ];
	int counters, milliseconds, flows, port_at;
	cpu_set_t cpus;

	if (argc != 4)
		return 2;
	CPU_ZERO(&cpus);
	CPU_SET(atoi(argv[1]), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) < 0)
		die("cpu");
	enter(argv[3]);
	counters = open("/proc/thread-self/net/dev", O_RDONLY);
	if (counters < 0)
		die("/proc/net/dev");
	enter(argv[2]);
	while (fgets(line, sizeof(line), stdin)) {
		long long packets, bytes, packets_before, bytes_before, sent, elapsed;
		size_t length;
		int fd;

		if (sscanf(line, "%15s %15s %d %d %d %4096s", from, to, &milliseconds, &flows, &port_at, hex) != 6)
			return 2;
		length = decode(hex, frames[0]);
		for (int i = 1; i < BATCH; i++)
			memcpy(frames[i], frames[0], length);
		fd = open_sender(from);
		read_counters(counters, to, &packets_before, &bytes_before);
		sched_setscheduler(0, SCHED_FIFO, &priority);
		sent = send_for(fd, length, milliseconds * 1000000LL, flows, port_at, &elapsed);
		sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 0 });
		usleep(2000);
		read_counters(counters, to, &packets, &bytes);
		close(fd);
		printf("%lld %lld %lld %lld\n", sent, packets - packets_before, bytes - bytes_before, elapsed);
		fflush(stdout);
	}
	return 0;
}
