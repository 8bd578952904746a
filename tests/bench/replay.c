// SPDX-License-Identifier: GPL-2.0
/* Sends one captured frame many times through a packet socket, each time with
 * another tuple if asked to, and says how many nanoseconds that took.
 *
 *   replay DEVICE PCAP COUNT [OPTION…]
 *     -z OFFSET            zero 16 bits (a checksum that the capture left unfinished)
 *     -p OFFSET:VALUE      set 16 bits
 *     -c OFFSET            an IPv4 header whose checksum is to be made anew
 *     -t OFFSET            the IPv4 header whose tuple varies
 *     -v src|dst           which end of it: address and port
 *     -n FIRST -m MODULO -s STRIDE   tuple numbers: FIRST + (k * STRIDE) % MODULO
 *
 * Tuple i is address 198.18.0.0 + i / 50000 (RFC 2544's), port 1024 + i % 50000.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "replay: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

/* The first frame of a capture in this machine's byte order. */
static size_t load(const char *name, uint8_t *frame, size_t size)
{
	uint32_t header[6], record[4];
	FILE *file = fopen(name, "rb");

	if (!file)
		die(name);
	errno = EINVAL;
	if (fread(header, 4, 6, file) != 6 || header[0] != 0xa1b2c3d4)
		die("not a capture");
	if (fread(record, 4, 4, file) != 4 || record[2] > size || record[2] != record[3])
		die("no whole frame in the capture");
	if (fread(frame, 1, record[2], file) != record[2])
		die(name);
	fclose(file);
	return record[2];
}

static void set_checksum(uint8_t *ip)
{
	uint32_t sum = 0;
	int k;

	put16(ip + 10, 0);
	for (k = 0; k < 20; k += 2)
		sum += ip[k] << 8 | ip[k + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	put16(ip + 10, ~sum);
}

static void set_tuple(uint8_t *ip, int dst, uint32_t i)
{
	uint32_t address = htonl(0xc6120000u + i / 50000);

	memcpy(ip + (dst ? 16 : 12), &address, 4);
	put16(ip + (dst ? 22 : 20), 1024 + i % 50000);
	set_checksum(ip);
}

int main(int argc, char **argv)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET };
	uint32_t first = 0, modulo = 1u << 31, stride = 1;
	int option, fd, tuple = -1, dst = 0, one = 1;
	unsigned int offset, value;
	static uint8_t frame[65536];
	struct timespec t0, t1;
	unsigned long count, k;
	size_t len;

	if (argc < 4) {
		fprintf(stderr, "usage: replay DEVICE PCAP COUNT [OPTION...]\n");
		return 1;
	}
	len = load(argv[2], frame, sizeof(frame));
	count = strtoul(argv[3], NULL, 0);
	optind = 4;
	while ((option = getopt(argc, argv, "z:p:c:t:v:n:m:s:")) != -1) {
		switch (option) {
		case 'z':
			put16(frame + atoi(optarg), 0);
			break;
		case 'p':
			if (sscanf(optarg, "%u:%i", &offset, (int *)&value) != 2)
				return 1;
			put16(frame + offset, value);
			break;
		case 'c':
			set_checksum(frame + atoi(optarg));
			break;
		case 't':
			tuple = atoi(optarg);
			break;
		case 'v':
			dst = !strcmp(optarg, "dst");
			break;
		case 'n':
			first = strtoul(optarg, NULL, 0);
			break;
		case 'm':
			modulo = strtoul(optarg, NULL, 0);
			break;
		case 's':
			stride = strtoul(optarg, NULL, 0);
			break;
		default:
			return 1;
		}
	}

	fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (fd < 0)
		die("socket");
	address.sll_ifindex = if_nametoindex(argv[1]);
	if (bind(fd, (void *)&address, sizeof(address)))
		die(argv[1]);
	if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)))
		die("PACKET_QDISC_BYPASS");

	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (k = 0; k < count; k++) {
		if (tuple >= 0)
			set_tuple(frame + tuple, dst, first + (uint64_t)k * stride % modulo);
		if (send(fd, frame, len, 0) != (ssize_t)len)
			die("send");
	}
	clock_gettime(CLOCK_MONOTONIC, &t1);
	printf("%lld\n", (t1.tv_sec - t0.tv_sec) * 1000000000LL + t1.tv_nsec - t0.tv_nsec);
	return 0;
}
