// SPDX-License-Identifier: GPL-2.0
/* Sends one frame many times, each time with another number in four of its bytes: a flood of tuples.
 *
 *   flood DEVICE FRAME-IN-HEX OFFSET FIRST COUNT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 64
#define LARGEST 2048

static uint8_t frame[BATCH][LARGEST];

static size_t read_hex(const char *text, uint8_t *to)
{
	size_t n = strlen(text) / 2, i;

	if (n > LARGEST)
		errx(1, "a frame of %zu bytes", n);
	for (i = 0; i < n; i++) {
		unsigned int byte;

		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			errx(1, "no hex number at %zu", 2 * i);
		to[i] = byte;
	}
	return n;
}

int main(int argc, char **argv)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET };
	struct mmsghdr message[BATCH] = { 0 };
	struct iovec vector[BATCH];
	unsigned long number, end, offset;
	size_t size;
	int fd, i;

	if (argc != 6)
		errx(1, "usage: flood DEVICE FRAME-IN-HEX OFFSET FIRST COUNT");
	/* Protocol 0: it receives nothing. */
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	address.sll_ifindex = if_nametoindex(argv[1]);
	if (fd < 0 || !address.sll_ifindex || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		err(1, "%s", argv[1]);
	size = read_hex(argv[2], frame[0]);
	offset = strtoul(argv[3], NULL, 0);
	number = strtoul(argv[4], NULL, 0);
	end = number + strtoul(argv[5], NULL, 0);
	if (offset + 4 > size)
		errx(1, "offset %lu is not in the frame", offset);
	for (i = 0; i < BATCH; i++) {
		memcpy(frame[i], frame[0], size);
		vector[i] = (struct iovec){ .iov_base = frame[i], .iov_len = size };
		message[i].msg_hdr.msg_iov = &vector[i];
		message[i].msg_hdr.msg_iovlen = 1;
	}
	while (number < end) {
		int n = end - number < BATCH ? end - number : BATCH;
		int sent = 0;

		for (i = 0; i < n; i++) {
			uint32_t value = htonl(number + i);

			memcpy(frame[i] + offset, &value, sizeof(value));
		}
		while (sent < n) {
			int now = sendmmsg(fd, message + sent, n - sent, 0);

			if (now < 0 && errno != ENOBUFS && errno != EINTR)
				err(1, "sendmmsg");
			if (now > 0)
				sent += now;
		}
		number += n;
	}
	return 0;
}
