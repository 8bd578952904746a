// SPDX-License-Identifier: GPL-2.0
/* Prints how fast this processor's time stamp counter counts, in kHz. An emulated machine shows its guest the same
 * counter; a guest that measures it by itself while the host is busy can be wrong by a factor of four, and its clock
 * with it.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

struct moment {
	uint64_t ticks, ns;
};

/* The clock between two looks at the counter: again if something came in between. */
static struct moment look(void)
{
	struct moment best = {};
	uint64_t shortest = UINT64_MAX;

	for (int i = 0; i < 200; i++) {
		struct timespec time;
		uint64_t before = __rdtsc(), after;

		clock_gettime(CLOCK_MONOTONIC_RAW, &time);
		after = __rdtsc();
		if (after - before >= shortest)
			continue;
		shortest = after - before;
		best.ticks = before + shortest / 2;
		best.ns = (uint64_t)time.tv_sec * 1000000000 + time.tv_nsec;
	}
	return best;
}

int main(void)
{
	struct moment begin = look(), end;

	nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	end = look();
	printf("%.0f\n", (double)(end.ticks - begin.ticks) * 1e6 / (double)(end.ns - begin.ns));
	return 0;
}
