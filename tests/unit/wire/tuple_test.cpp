// SPDX-License-Identifier: GPL-2.0
#include "packet.h"
#include "tuple.h"

#include <gtest/gtest.h>

// Source, destination, ports, family, protocol, pad: forty bytes in this order.
static itun_tuple tuple_of(const Bytes &bytes)
{
	itun_tuple tuple;

	EXPECT_EQ(bytes.size(), sizeof(tuple));
	std::memcpy(&tuple, bytes.data(), sizeof(tuple));
	return tuple;
}

static Bytes bytes_of(const itun_tuple &tuple)
{
	const auto *p = reinterpret_cast<const std::uint8_t *>(&tuple);

	return Bytes(p, p + sizeof(tuple));
}

TEST(Tuple, HasNoHoles)
{
	EXPECT_EQ(sizeof(itun_tuple), 40u);
	EXPECT_EQ(sizeof(itun_addr), 16u);
	EXPECT_EQ(offsetof(itun_tuple, sport), 32u);
	EXPECT_EQ(offsetof(itun_tuple, family), 36u);
}

TEST(Tuple, ReversesAddressesAndPortsAndNothingElse)
{
	const itun_tuple in = tuple_of(hex("c8 01 01 02  00 00 00 00  00 00 00 00  00 00 00 00"
					   "0a 01 01 02  00 00 00 00  00 00 00 00  00 00 00 00"
					   "03 e8  00 50  04  06  00 00"));
	itun_tuple out;

	std::memset(&out, 0xee, sizeof(out));
	itun_tuple_reverse(&in, &out);
	EXPECT_EQ(bytes_of(out), hex("0a 01 01 02  00 00 00 00  00 00 00 00  00 00 00 00"
				     "c8 01 01 02  00 00 00 00  00 00 00 00  00 00 00 00"
				     "00 50  03 e8  04  06  00 00"));
}

TEST(Tuple, ReversedTwiceIsItself)
{
	const itun_tuple in = tuple_of(hex("20 01 0d b8  00 00 00 00  00 00 00 00  00 00 00 01"
					   "20 01 0d b8  00 00 00 00  00 00 00 00  00 00 00 02"
					   "ff ff  00 01  06  84  00 00"));
	itun_tuple once, twice;

	itun_tuple_reverse(&in, &once);
	itun_tuple_reverse(&once, &twice);
	EXPECT_EQ(bytes_of(twice), bytes_of(in));
	EXPECT_NE(bytes_of(once), bytes_of(in));
}
