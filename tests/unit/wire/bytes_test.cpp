// SPDX-License-Identifier: GPL-2.0
#include "bytes.h"
#include "packet.h"

#include <gtest/gtest.h>

TEST(Bytes, ReadsTheMostSignificantByteFirst)
{
	const Exact b(hex("81 23 45 67 89 ab cd ef"));

	EXPECT_EQ(wire_get_be16(b.get()), 0x8123u);
	EXPECT_EQ(wire_get_be24(b.get()), 0x812345u);
	EXPECT_EQ(wire_get_be32(b.get()), 0x81234567u);
	EXPECT_EQ(wire_get_be64(b.get()), 0x8123456789abcdefull);
}

TEST(Bytes, ReadsAtOddAddresses)
{
	const Exact b(hex("00 ff 80 7f 01 fe 02 fd 03"));

	EXPECT_EQ(wire_get_be16(b.get() + 1), 0xff80u);
	EXPECT_EQ(wire_get_be32(b.get() + 1), 0xff807f01u);
	EXPECT_EQ(wire_get_be64(b.get() + 1), 0xff807f01fe02fd03ull);
}

TEST(Bytes, WritesNothingBeyondTheField)
{
	Bytes b(10, 0xee);

	wire_put_be16(&b[1], 0x1234);
	EXPECT_EQ(b, hex("ee 12 34 ee ee ee ee ee ee ee"));
	wire_put_be24(&b[1], 0xff567890);
	EXPECT_EQ(b, hex("ee 56 78 90 ee ee ee ee ee ee"));
	wire_put_be32(&b[1], 0x89abcdef);
	EXPECT_EQ(b, hex("ee 89 ab cd ef ee ee ee ee ee"));
	wire_put_be64(&b[1], 0x0123456789abcdef);
	EXPECT_EQ(b, hex("ee 01 23 45 67 89 ab cd ef ee"));
}
