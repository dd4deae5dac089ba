/*
 * What the kernel itself needs: writes COUNT routes by rtnetlink and does nothing else.
 *
 *   reference cycle COUNT IFINDEX GATEWAY OTHER   adds them, replaces their gateway, removes them
 *   reference remove COUNT IFINDEX GATEWAY        removes them
 *
 * Prints `add|replace|remove MILLISECONDS`, one line each. Messages, batches and socket options are those of
 * src/kernel/linux: about 12 KB per send, no acknowledgements, room for the answers to refused messages. The clock runs
 * from the first message to the end of the last send. Any refusal is an error: exit status 1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH_BYTES 12000
#define ANSWER_BYTES (4 << 20)
#define FIRST_DESTINATION 0x64400000u /* 100.64.0.0 */
#define METRIC 4201
#define PROTOCOL 201

struct attribute {
	struct nlattr header;
	uint32_t value;
};

struct message {
	struct nlmsghdr header;
	struct rtmsg route;
	struct attribute destination, priority, gateway, oif;
};

static struct message batch[BATCH_BYTES / sizeof(struct message) + 1];

static void fail(const char *doing)
{
	fprintf(stderr, "reference: %s: %s\n", doing, strerror(errno));
	exit(1);
}

static int open_socket(void)
{
	int size = ANSWER_BYTES, on = 1;
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail("opening a netlink socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		fail("SO_RCVBUFFORCE");
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	return fd;
}

static struct attribute attribute(uint16_t type, uint32_t value)
{
	return (struct attribute){ { .nla_len = sizeof(struct attribute), .nla_type = type }, value };
}

static struct message message(uint16_t type, uint16_t flags, uint32_t seq, uint32_t gateway, uint32_t oif)
{
	return (struct message){
		.header = { .nlmsg_len = sizeof(struct message), .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = seq + 1 },
		.route = { .rtm_family = AF_INET, .rtm_dst_len = 32, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = PROTOCOL,
			   .rtm_scope = type == RTM_DELROUTE ? RT_SCOPE_NOWHERE : RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST },
		.destination = attribute(RTA_DST, htonl(FIRST_DESTINATION + seq)),
		.priority = attribute(RTA_PRIORITY, METRIC),
		.gateway = attribute(RTA_GATEWAY, gateway),
		.oif = attribute(RTA_OIF, oif),
	};
}

static void expect_no_refusal(int fd, const char *name)
{
	char answer[4096];

	if (recv(fd, answer, sizeof(answer), 0) < 0 && errno == EAGAIN)
		return;
	errno = -((struct nlmsgerr *)NLMSG_DATA((struct nlmsghdr *)answer))->error;
	fail(name);
}

static double milliseconds(struct timespec from, struct timespec to)
{
	return (to.tv_sec - from.tv_sec) * 1e3 + (to.tv_nsec - from.tv_nsec) / 1e6;
}

static void write_routes(const char *name, uint16_t type, uint16_t flags, uint32_t count, uint32_t oif, uint32_t gateway)
{
	int fd = open_socket();
	struct timespec begin, end;
	size_t used = 0;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (uint32_t seq = 0; seq < count; seq++) {
		batch[used++] = message(type, flags, seq, gateway, oif);
		if (used * sizeof(struct message) < BATCH_BYTES && seq + 1 < count)
			continue;
		if (send(fd, batch, used * sizeof(struct message), 0) < 0)
			fail(name);
		used = 0;
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	expect_no_refusal(fd, name);
	close(fd);
	printf("%s %.3f\n", name, milliseconds(begin, end));
}

int main(int argc, char **argv)
{
	struct in_addr gateway, other;
	int cycle = argc == 6 && strcmp(argv[1], "cycle") == 0;
	int only_remove = argc == 5 && strcmp(argv[1], "remove") == 0;

	if ((!cycle && !only_remove) || !inet_aton(argv[4], &gateway) || !inet_aton(argv[argc - 1], &other)) {
		fprintf(stderr, "usage: reference cycle COUNT IFINDEX GATEWAY OTHER | remove COUNT IFINDEX GATEWAY\n");
		return 64;
	}
	uint32_t count = strtoul(argv[2], NULL, 10), oif = strtoul(argv[3], NULL, 10);
	if (cycle) {
		write_routes("add", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, count, oif, gateway.s_addr);
		write_routes("replace", RTM_NEWROUTE, NLM_F_REPLACE, count, oif, other.s_addr);
	}
	write_routes("remove", RTM_DELROUTE, 0, count, oif, other.s_addr);
	return 0;
}
