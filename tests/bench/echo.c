// SPDX-License-Identifier: GPL-2.0
/* UDP echo, and one who asks it.
 *
 *   echo PORT                  answers what comes
 *   echo PORT ADDRESS BYTES    one datagram; prints whether it came back within 3 seconds
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET }, peer;
	struct timeval limit = { .tv_sec = 3 };
	socklen_t length = sizeof(peer);
	static char buffer[65536];
	ssize_t got;
	int fd;

	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (argc < 2 || fd < 0)
		return 1;
	address.sin_port = htons(atoi(argv[1]));
	if (argc < 4) {
		if (bind(fd, (void *)&address, sizeof(address)))
			return 1;
		for (;;) {
			got = recvfrom(fd, buffer, sizeof(buffer), 0, (void *)&peer, &length);
			if (got >= 0)
				sendto(fd, buffer, got, 0, (void *)&peer, length);
		}
	}
	if (inet_pton(AF_INET, argv[2], &address.sin_addr) != 1)
		return 1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (void *)&address, sizeof(address)))
		return 1;
	if (send(fd, buffer, atoi(argv[3]), 0) < 0)
		return 1;
	got = recv(fd, buffer, sizeof(buffer), 0);
	puts(got >= 0 ? "answered" : "no answer");
	return got < 0;
}
