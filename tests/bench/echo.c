// SPDX-License-Identifier: GPL-2.0
/* An echo service, and one who asks it.
 *
 *   echo [-t] PORT                       answers what comes by UDP; with -t what comes first by each TCP connection
 *   echo [-t] PORT ADDRESS BYTES         asks once; prints whether it came back within 3 seconds
 *   echo [-t] PORT ADDRESS BYTES COUNT   asks so often, with -t by a connection each, one after the other; prints the
 *                                        nanoseconds that each took
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static char buffer[65536];

static void answer_datagrams(int fd)
{
	struct sockaddr_in peer;
	socklen_t length;
	ssize_t got;

	for (;;) {
		length = sizeof(peer);
		got = recvfrom(fd, buffer, sizeof(buffer), 0, (void *)&peer, &length);
		if (got >= 0)
			sendto(fd, buffer, got, 0, (void *)&peer, length);
	}
}

static void answer_connections(int fd)
{
	ssize_t got;
	int peer;

	if (listen(fd, 128))
		return;
	for (;;) {
		peer = accept(fd, NULL, NULL);
		if (peer < 0)
			continue;
		got = recv(peer, buffer, sizeof(buffer), 0);
		if (got > 0)
			send(peer, buffer, got, 0);
		close(peer);
	}
}

/* Did all of it come back? */
static int ask(int fd, size_t bytes)
{
	return send(fd, buffer, bytes, 0) == (ssize_t)bytes && recv(fd, buffer, sizeof(buffer), 0) == (ssize_t)bytes;
}

static int open_socket(int type)
{
	struct timeval limit = { .tv_sec = 3 };
	int fd = socket(AF_INET, type, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)))
		exit(1);
	return fd;
}

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static int ask_often(int type, const struct sockaddr_in *address, size_t bytes, int count)
{
	long long start = now();
	int i, fd = -1;

	for (i = 0; i < count; i++) {
		if (fd < 0) {
			fd = open_socket(type);
			if (connect(fd, (const void *)address, sizeof(*address)))
				return 1;
		}
		if (!ask(fd, bytes))
			return 1;
		if (type == SOCK_STREAM) {
			close(fd);
			fd = -1;
		}
	}
	printf("%lld\n", (now() - start) / count);
	return 0;
}

int main(int argc, char **argv)
{
	int type = SOCK_DGRAM, on = 1, fd, answered;
	struct sockaddr_in address = { .sin_family = AF_INET };

	if (argc > 1 && !strcmp(argv[1], "-t")) {
		type = SOCK_STREAM;
		argc--;
		argv++;
	}
	if (argc < 2)
		return 1;
	address.sin_port = htons(atoi(argv[1]));
	if (argc < 4) {
		fd = socket(AF_INET, type, 0);
		if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
		    bind(fd, (void *)&address, sizeof(address)))
			return 1;
		if (type == SOCK_DGRAM)
			answer_datagrams(fd);
		else
			answer_connections(fd);
		return 1;
	}
	if (inet_pton(AF_INET, argv[2], &address.sin_addr) != 1)
		return 1;
	if (argc > 4)
		return ask_often(type, &address, atoi(argv[3]), atoi(argv[4]));
	fd = open_socket(type);
	answered = !connect(fd, (void *)&address, sizeof(address)) && ask(fd, atoi(argv[3]));
	puts(answered ? "answered" : "no answer");
	return !answered;
}
