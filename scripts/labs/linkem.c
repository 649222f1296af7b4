/*
 * linkem: delay, jitter, loss and rate for the links of a lab on kernels without netem.
 *
 * A link is two TAP devices, each created inside the network namespace of its node; this process carries frames between
 * them, each direction with its own quality. Frames keep their virtio header, so the kernels hand over large TSO
 * segments whole and a 64 kB segment costs one read and one write. One process serves all links of a lab; when its
 * standard input closes it ends and every TAP goes with it.
 *
 * One command a line on standard input, one answer a line on standard output ("ok", "ok ..." or "error ..."):
 *
 *   link ID NETNS_A IF_A MAC_A NETNS_B IF_B MAC_B MTU    NETNS is a path such as /proc/17/ns/net; brings both ends up
 *   set ID DELAY_US JITTER_US LOSS_PPM RATE_BPS          both directions; 0 is none
 *   carrier ID 0|1                                       0 drops what is under way
 *   stat ID                                              ok A->B packets lost overflowed queued, then B->A
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
	MAX_LINKS = 1024,
	VNET_HEADER = 10,          /* struct virtio_net_hdr without the merged-buffer field */
	FRAME_MAX = 65536 + 64,    /* largest GSO segment with its headers */
	READS_PER_TURN = 64,       /* so that one busy link cannot delay the frames of the others */
	QUEUE_BYTES_MAX = 64 << 20,
	BACKLOG_NS = 100 * 1000000 /* a rate limiter's buffer: this much transmission time */
};

struct frame {
	struct frame *next;
	uint64_t due_ns;
	int length;
	unsigned char bytes[];
};

/* One way of a link: frames read from `in` leave through `out`, in order, so only the head can be the next one due. */
struct direction {
	int in, out;
	uint64_t delay_ns, jitter_ns, rate_bps;
	uint32_t loss_ppm;
	uint64_t last_due_ns, transmitter_free_ns;
	struct frame *head, *tail;
	size_t queued_bytes;
	int heap_index; /* -1: nothing queued */
	uint64_t carried, lost, overflowed, queued;
};

struct link {
	char id[64];
	int down;
	struct direction way[2];
};

static struct link links[MAX_LINKS];
static int link_count;
static struct direction *heap[2 * MAX_LINKS]; /* binary heap by the due time of the head frame */
static int heap_size;
static int epoll_fd, timer_fd;

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* xorshift64: chance for loss and jitter, not for secrets. */
static uint64_t draw(void)
{
	static uint64_t state;
	if (state == 0) state = now_ns() | 1;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* ---- time heap ---- */

static int earlier(int a, int b)
{
	return heap[a]->head->due_ns < heap[b]->head->due_ns;
}

static void exchange(int a, int b)
{
	struct direction *d = heap[a];
	heap[a] = heap[b];
	heap[b] = d;
	heap[a]->heap_index = a;
	heap[b]->heap_index = b;
}

static void sift_up(int i)
{
	for (; i > 0 && earlier(i, (i - 1) / 2); i = (i - 1) / 2) exchange(i, (i - 1) / 2);
}

static void sift_down(int i)
{
	for (;;) {
		int least = i, left = 2 * i + 1, right = left + 1;
		if (left < heap_size && earlier(left, least)) least = left;
		if (right < heap_size && earlier(right, least)) least = right;
		if (least == i) return;
		exchange(i, least);
		i = least;
	}
}

static void heap_remove(struct direction *d)
{
	int hole = d->heap_index;
	d->heap_index = -1;
	if (--heap_size == hole) return;
	heap[hole] = heap[heap_size];
	heap[hole]->heap_index = hole;
	sift_down(hole);
	sift_up(hole);
}

/* ---- queues ---- */

static void enqueue(struct direction *d, struct frame *f)
{
	f->next = NULL;
	if (d->tail) d->tail->next = f;
	else d->head = f;
	d->tail = f;
	d->queued++;
	d->queued_bytes += (size_t)f->length;
	if (d->heap_index < 0) {
		d->heap_index = heap_size;
		heap[heap_size++] = d;
		sift_up(d->heap_index);
	}
}

/* Takes the head frame. The heap is ordered by heads, so it is put right before the next look at it. */
static struct frame *dequeue(struct direction *d)
{
	struct frame *f = d->head;
	d->queued--;
	d->queued_bytes -= (size_t)f->length;
	if (f->next) {
		d->head = f->next;
		sift_down(d->heap_index);
	} else {
		heap_remove(d);
		d->head = d->tail = NULL;
	}
	return f;
}

static void drop_queue(struct direction *d)
{
	if (d->heap_index >= 0) heap_remove(d);
	for (struct frame *f = d->head, *next; f; f = next) {
		next = f->next;
		free(f);
	}
	d->head = d->tail = NULL;
	d->queued = d->queued_bytes = 0;
}

/* A full or downed device loses the frame, as a wire would. */
static void transmit(struct direction *d, const unsigned char *bytes, int length)
{
	if (write(d->out, bytes, (size_t)length) == length) d->carried++;
	else d->overflowed++;
}

static void accept_frame(struct direction *d, const unsigned char *bytes, int length)
{
	uint64_t now = now_ns(), start = now, due;

	if (d->loss_ppm && draw() % 1000000 < d->loss_ppm) {
		d->lost++;
		return;
	}
	if (d->rate_bps) {
		if (d->transmitter_free_ns > now + BACKLOG_NS) {
			d->overflowed++;
			return;
		}
		if (d->transmitter_free_ns > start) start = d->transmitter_free_ns;
		start += (uint64_t)(length - VNET_HEADER) * 8 * 1000000000u / d->rate_bps;
		d->transmitter_free_ns = start;
	}
	due = start + d->delay_ns;
	if (d->jitter_ns) {
		due += draw() % (2 * d->jitter_ns + 1);
		due = due > now + d->jitter_ns ? due - d->jitter_ns : now;
	}
	if (due < d->last_due_ns) due = d->last_due_ns; /* a wire does not reorder */
	d->last_due_ns = due;
	if (due <= now && !d->head) {
		transmit(d, bytes, length);
		return;
	}
	struct frame *f = d->queued_bytes < QUEUE_BYTES_MAX ? malloc(sizeof *f + (size_t)length) : NULL;
	if (!f) {
		d->overflowed++;
		return;
	}
	f->due_ns = due;
	f->length = length;
	memcpy(f->bytes, bytes, (size_t)length);
	enqueue(d, f);
}

static void read_frames(struct direction *d, int down)
{
	static unsigned char buffer[FRAME_MAX];
	for (int i = 0; i < READS_PER_TURN; i++) {
		ssize_t length = read(d->in, buffer, sizeof buffer);
		if (length <= VNET_HEADER) return;
		if (down) d->lost++;
		else accept_frame(d, buffer, (int)length);
	}
}

/* ---- devices ---- */

static int set_mac(struct ifreq *request, const char *mac)
{
	unsigned char *b = (unsigned char *)request->ifr_hwaddr.sa_data;
	request->ifr_hwaddr.sa_family = ARPHRD_ETHER;
	return sscanf(mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", b, b + 1, b + 2, b + 3, b + 4, b + 5) == 6 ? 0 : -1;
}

/* In the namespace of the caller: a TAP with MAC and MTU, up. Returns its descriptor, or -1 with errno and `step`. */
static int make_tap(const char *name, const char *mac, int mtu, const char **step)
{
	int header = VNET_HEADER, fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int control = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {0};

	*step = "open /dev/net/tun";
	if (fd < 0 || control < 0) goto fail;
	*step = "TUNSETIFF";
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	if (ioctl(fd, TUNSETIFF, &request) < 0) goto fail;
	*step = "TUNSETOFFLOAD";
	if (ioctl(fd, TUNSETVNETHDRSZ, &header) < 0) goto fail;
	if (ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) < 0) goto fail;
	*step = "set MAC";
	if (set_mac(&request, mac) < 0 || ioctl(control, SIOCSIFHWADDR, &request) < 0) goto fail;
	*step = "set MTU";
	request.ifr_mtu = mtu;
	if (ioctl(control, SIOCSIFMTU, &request) < 0) goto fail;
	*step = "set up";
	if (ioctl(control, SIOCGIFFLAGS, &request) < 0) goto fail;
	request.ifr_flags |= IFF_UP;
	if (ioctl(control, SIOCSIFFLAGS, &request) < 0) goto fail;
	close(control);
	return fd;
fail:;
	int error = errno;
	if (fd >= 0) close(fd);
	if (control >= 0) close(control);
	errno = error;
	return -1;
}

static int make_tap_in(const char *netns, const char *name, const char *mac, int mtu, const char **step)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int there = open(netns, O_RDONLY | O_CLOEXEC);
	int fd = -1, error;

	*step = "enter namespace";
	if (there >= 0 && setns(there, CLONE_NEWNET) == 0) fd = make_tap(name, mac, mtu, step);
	error = errno;
	if (setns(home, CLONE_NEWNET) < 0) {
		perror("linkem: cannot return to its own namespace");
		exit(1);
	}
	if (there >= 0) close(there);
	close(home);
	errno = error;
	return fd;
}

/* ---- commands ---- */

static void answer(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

static struct link *find_link(const char *id)
{
	for (int i = 0; i < link_count; i++)
		if (strcmp(links[i].id, id) == 0) return &links[i];
	return NULL;
}

static void add_link(const char *id, const char *ends[2][3], int mtu)
{
	const char *step = "";
	int fd[2];

	if (link_count == MAX_LINKS) {
		answer("error %s: more than %d links", id, MAX_LINKS);
		return;
	}
	for (int side = 0; side < 2; side++) {
		fd[side] = make_tap_in(ends[side][0], ends[side][1], ends[side][2], mtu, &step);
		if (fd[side] < 0) {
			answer("error %s: %s: %s: %s", id, ends[side][1], step, strerror(errno));
			if (side == 1) close(fd[0]);
			return;
		}
	}
	struct link *l = &links[link_count];
	memset(l, 0, sizeof *l);
	snprintf(l->id, sizeof l->id, "%s", id);
	for (int way = 0; way < 2; way++) {
		struct direction *d = &l->way[way];
		/* the tag names link and direction; 0 and 1 are the timer and standard input */
		struct epoll_event event = {.events = EPOLLIN, .data.u64 = 2 + (uint64_t)(2 * link_count + way)};
		d->in = fd[way];
		d->out = fd[!way];
		d->heap_index = -1;
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, d->in, &event);
	}
	link_count++;
	answer("ok");
}

static void set_carrier(struct link *l, int up)
{
	for (int way = 0; way < 2; way++) {
		if (!up) drop_queue(&l->way[way]);
		if (ioctl(l->way[way].in, TUNSETCARRIER, &up) < 0) {
			answer("error %s: TUNSETCARRIER: %s", l->id, strerror(errno));
			return;
		}
	}
	l->down = !up;
	answer("ok");
}

static void run_command(const char *line)
{
	char id[64], ns[2][128], name[2][IFNAMSIZ], mac[2][18];
	unsigned long long delay, jitter, loss, rate;
	struct link *l;
	int number;

	if (sscanf(line, "link %63s %127s %15s %17s %127s %15s %17s %d", id, ns[0], name[0], mac[0], ns[1], name[1], mac[1],
		   &number) == 8) {
		const char *ends[2][3] = {{ns[0], name[0], mac[0]}, {ns[1], name[1], mac[1]}};
		add_link(id, ends, number);
		return;
	}
	if (sscanf(line, "%*s %63s", id) != 1 || !(l = find_link(id))) {
		answer("error no such link or command: %s", line);
	} else if (sscanf(line, "set %*s %llu %llu %llu %llu", &delay, &jitter, &loss, &rate) == 4) {
		for (int way = 0; way < 2; way++) {
			struct direction *d = &l->way[way];
			d->delay_ns = delay * 1000;
			d->jitter_ns = jitter * 1000;
			d->loss_ppm = (uint32_t)loss;
			d->rate_bps = rate;
			d->transmitter_free_ns = 0;
			d->last_due_ns = 0;
		}
		answer("ok");
	} else if (sscanf(line, "carrier %*s %d", &number) == 1) {
		set_carrier(l, number != 0);
	} else if (strncmp(line, "stat ", 5) == 0) {
		struct direction *a = &l->way[0], *b = &l->way[1];
		answer("ok %llu %llu %llu %llu %llu %llu %llu %llu", (unsigned long long)a->carried, (unsigned long long)a->lost,
		       (unsigned long long)a->overflowed, (unsigned long long)a->queued, (unsigned long long)b->carried,
		       (unsigned long long)b->lost, (unsigned long long)b->overflowed, (unsigned long long)b->queued);
	} else {
		answer("error no such command: %s", line);
	}
}

/* Runs the complete lines of standard input; ends the process when it closes: whoever started it is gone. */
static void read_commands(void)
{
	static char buffer[65536];
	static size_t filled;
	ssize_t length = read(STDIN_FILENO, buffer + filled, sizeof buffer - filled - 1);

	if (length <= 0) exit(0);
	filled += (size_t)length;
	buffer[filled] = '\0';
	char *line = buffer;
	for (char *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		run_command(line);
	}
	filled -= (size_t)(line - buffer);
	memmove(buffer, line, filled);
	if (filled == sizeof buffer - 1) filled = 0; /* a line that long is no command */
}

static void transmit_due(void)
{
	static uint64_t armed;
	uint64_t now = now_ns();

	while (heap_size > 0 && heap[0]->head->due_ns <= now) {
		struct direction *d = heap[0];
		struct frame *f = dequeue(d);
		transmit(d, f->bytes, f->length);
		free(f);
	}
	uint64_t next = heap_size > 0 ? heap[0]->head->due_ns : 0;
	if (next == armed) return;
	struct itimerspec at = {.it_value = {.tv_sec = (time_t)(next / 1000000000u), .tv_nsec = (long)(next % 1000000000u)}};
	timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
	armed = next;
}

/*
 * A late relay is a long link: on two busy cores a 1 ms link had 80 ms at worst with the default policy, 1.2 ms with a real
 * time one. Where that is refused (no CAP_SYS_NICE) links are as exact as the scheduler lets them be.
 */
static void ask_for_priority(void)
{
	struct sched_param priority = {.sched_priority = 1};

	prctl(PR_SET_TIMERSLACK, 1);
	if (sched_setscheduler(0, SCHED_RR, &priority) < 0) setpriority(PRIO_PROCESS, 0, -20);
}

int main(void)
{
	struct epoll_event events[64], event = {.events = EPOLLIN};

	ask_for_priority();
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	event.data.u64 = 0;
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &event);
	event.data.u64 = 1;
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event);

	for (;;) {
		transmit_due();
		int count = epoll_wait(epoll_fd, events, 64, -1);
		for (int i = 0; i < count; i++) {
			uint64_t tag = events[i].data.u64, expirations;
			if (tag == 0) {
				if (read(timer_fd, &expirations, sizeof expirations) < 0) continue;
			} else if (tag == 1) {
				read_commands();
			} else if (events[i].events & (EPOLLERR | EPOLLHUP)) {
				/* the node is gone and its device with it; the descriptor would be ready for ever */
				epoll_ctl(epoll_fd, EPOLL_CTL_DEL, links[(tag - 2) / 2].way[(tag - 2) % 2].in, NULL);
			} else {
				struct link *l = &links[(tag - 2) / 2];
				read_frames(&l->way[(tag - 2) % 2], l->down);
			}
		}
	}
}
