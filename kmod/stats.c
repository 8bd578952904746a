// SPDX-License-Identifier: GPL-2.0
#include "stats.h"

const char * const itun_counter_name[ITUN_COUNTERS_MAX] = {
#define COUNTER(name, text) [ITUN_COUNT_##name] = #name,
	ITUN_COUNTERS(COUNTER)
#undef COUNTER
};

const char * const itun_counter_text[ITUN_COUNTERS_MAX] = {
#define COUNTER(name, text) [ITUN_COUNT_##name] = text,
	ITUN_COUNTERS(COUNTER)
#undef COUNTER
};
