/*
 * Raw packets for kernel tests: sends what it reads (IPv6, IPv4), prints what its interfaces take in (IPv6).
 *   packets IF=MAC...     MAC: where packets sent through IF go; IF alone only listens
 * Lines in and out are "IF HEX", HEX from the first octet of the IP header. "ready" comes first. Ends with stdin.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_LINKS 8
#define MAX_PACKET 65536
/* Longer packets are cut short. */
#define FRAME 4096
#define FRAMES 4096
#define BLOCK (16 * FRAME)

struct link {
	const char *name;
	int fd;
	unsigned char *ring;
	int next;
	struct sockaddr_ll to;
};

static struct link links[MAX_LINKS];
static int link_count;
static unsigned char packet[MAX_PACKET];

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/*
 * Bound to ETH_P_ALL, because IPv6 itself comes before sockets of its own protocol; and a ring, because a socket's queue
 * shares octets with the packet until somebody reads it. Either way seg6local would have written the next segment over them.
 */
static void open_link(char *text)
{
	struct link *link = &links[link_count++];
	struct sockaddr_ll from;
	char *mac = strchr(text, '=');
	int version = TPACKET_V2;
	struct tpacket_req size = {
		.tp_block_size = BLOCK,
		.tp_block_nr = FRAMES * FRAME / BLOCK,
		.tp_frame_size = FRAME,
		.tp_frame_nr = FRAMES,
	};

	if (mac)
		*mac++ = '\0';
	link->name = text;
	link->to.sll_family = AF_PACKET;
	link->to.sll_protocol = htons(ETH_P_IPV6);
	link->to.sll_ifindex = if_nametoindex(text);
	link->to.sll_halen = ETH_ALEN;
	if (mac)
		for (int i = 0; i < ETH_ALEN; i++)
			link->to.sll_addr[i] = strtoul(mac + 3 * i, NULL, 16);
	from = link->to;
	from.sll_protocol = htons(ETH_P_ALL);
	link->fd = socket(AF_PACKET, SOCK_DGRAM, 0);
	if (!link->to.sll_ifindex || link->fd < 0 ||
	    setsockopt(link->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0 ||
	    setsockopt(link->fd, SOL_PACKET, PACKET_RX_RING, &size, sizeof(size)) < 0)
		fail(text);
	link->ring = mmap(NULL, FRAMES * FRAME, PROT_READ | PROT_WRITE, MAP_SHARED, link->fd, 0);
	if (link->ring == MAP_FAILED || bind(link->fd, (struct sockaddr *)&from, sizeof(from)) < 0)
		fail(text);
}

static void print_received(struct link *link)
{
	for (;; link->next = (link->next + 1) % FRAMES) {
		struct tpacket2_hdr *frame = (void *)(link->ring + link->next * FRAME);
		struct sockaddr_ll *from = (void *)((char *)frame + TPACKET_ALIGN(sizeof(*frame)));

		if (!(__atomic_load_n(&frame->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			return;
		if (from->sll_pkttype != PACKET_OUTGOING && from->sll_protocol == htons(ETH_P_IPV6)) {
			printf("%s ", link->name);
			for (unsigned int i = 0; i < frame->tp_snaplen; i++)
				printf("%02x", ((unsigned char *)frame)[frame->tp_net + i]);
			putchar('\n');
		}
		__atomic_store_n(&frame->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	}
}

static void send_line(const char *line)
{
	const char *hex = strchr(line, ' ');
	size_t length = 0;
	unsigned int octet;

	if (!hex)
		return;
	for (hex++; length < sizeof(packet) && sscanf(hex + 2 * length, "%2x", &octet) == 1; length++)
		packet[length] = octet;
	for (int i = 0; i < link_count; i++) {
		links[i].to.sll_protocol = htons(packet[0] >> 4 == 4 ? ETH_P_IP : ETH_P_IPV6);
		if (!strncmp(links[i].name, line, hex - 1 - line) && !links[i].name[hex - 1 - line] &&
		    sendto(links[i].fd, packet, length, 0, (struct sockaddr *)&links[i].to, sizeof(links[i].to)) < 0)
			fail("send");
	}
}

int main(int argc, char **argv)
{
	static char input[4 * MAX_PACKET];
	struct pollfd waits[MAX_LINKS + 1] = { { .fd = 0, .events = POLLIN } };
	size_t held = 0;
	cpu_set_t here;
	int sends = 0;

	if (argc < 2 || argc > MAX_LINKS + 1)
		return 2;
	for (int i = 1; i < argc; i++) {
		sends |= strchr(argv[i], '=') != NULL;
		open_link(argv[i]);
		waits[i] = (struct pollfd){ .fd = links[i - 1].fd, .events = POLLIN };
	}
	/* Packets that are sent from two processors overtake each other. Who only listens runs where there is room. */
	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	if (sends && sched_setaffinity(0, sizeof(here), &here) < 0)
		fail("cpu");
	for (puts("ready");; ) {
		fflush(stdout);
		if (poll(waits, argc, -1) < 0)
			fail("poll");
		for (int i = 1; i < argc; i++)
			if (waits[i].revents)
				print_received(&links[i - 1]);
		if (waits[0].revents) {
			ssize_t got = read(0, input + held, sizeof(input) - 1 - held);
			char *line = input, *end;

			if (got <= 0)
				return 0;
			held += got;
			input[held] = '\0';
			for (; (end = strchr(line, '\n')); line = end + 1) {
				*end = '\0';
				send_line(line);
			}
			held -= line - input;
			memmove(input, line, held);
		}
	}
}
