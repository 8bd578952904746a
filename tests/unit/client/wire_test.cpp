// SPDX-License-Identifier: GPL-2.0
/* Messages as bytes, both ways. */
#include "client/error.h"
#include "client/wire.h"
#include "fake.h"

#include <gtest/gtest.h>

using namespace ipvs_tun;
using namespace ipvs_tun::test;

namespace
{

Buffer bytes(wire::Builder &builder)
{
	wire::Bytes out = builder.finish(0x01020304);

	return {out.begin(), out.end()};
}

} // namespace

TEST(Builder, WritesBothHeaders)
{
	wire::Builder builder(0x21, NLM_F_REQUEST | NLM_F_ACK, 3, 1);

	EXPECT_EQ(bytes(builder),
		  (Buffer{20, 0, 0, 0, 0x21, 0, 5, 0, 4, 3, 2, 1, 0, 0, 0, 0, 3, 1, 0, 0}));
}

TEST(Builder, PadsEachAttributeToFourBytes)
{
	wire::Builder builder(0, 0, 0, 0);

	builder.u8(1, 0xab);
	builder.u16(2, 0x1234);
	builder.u32(3, 0x12345678);
	builder.flag(4);
	builder.string(5, "abc");
	Buffer out = bytes(builder);
	EXPECT_EQ(Buffer(out.begin() + 20, out.end()),
		  (Buffer{5, 0, 1, 0, 0xab, 0,	  0,	0,    // u8
			  6, 0, 2, 0, 0x34, 0x12, 0,	0,    // u16
			  8, 0, 3, 0, 0x78, 0x56, 0x34, 0x12, // u32
			  4, 0, 4, 0,			      // flag
			  8, 0, 5, 0, 'a',  'b',  'c',	0})); // string
	EXPECT_EQ(out[0], out.size());
}

TEST(Builder, NestsHaveTheirFlagAndLength)
{
	wire::Builder builder(0, 0, 0, 0);

	builder.nest(1, [](wire::Builder &outer) {
		outer.nest(2, [](wire::Builder &inner) { inner.u8(3, 7); });
	});
	Buffer out = bytes(builder);
	EXPECT_EQ(Buffer(out.begin() + 20, out.end()),
		  (Buffer{16, 0, 1, 0x80, 12, 0, 2, 0x80, 5, 0, 3, 0, 7, 0, 0, 0}));
}

TEST(Builder, GrowsWithoutLimitButNotANest)
{
	wire::Builder builder(0, 0, 0, 0);

	for (int i = 0; i < 100000; i++)
		builder.u32(1, 1);
	EXPECT_EQ(builder.size(), 20u + 800000u);
	EXPECT_THROW(builder.nest(1,
				  [](wire::Builder &nest) {
					  for (int i = 0; i < 10000; i++)
						  nest.u32(1, 1);
				  }),
		     Misuse);
}

TEST(Attribute, ReadsEachType)
{
	Buffer buffer;

	attribute(buffer, 1, value<std::uint8_t>(200));
	attribute(buffer, 2, value<std::uint16_t>(60000));
	attribute(buffer, 3, value<std::uint32_t>(4000000000));
	attribute(buffer, 4, value<std::uint64_t>(1ull << 63));
	attribute(buffer, 5, text("name"));
	attribute(buffer, 6, {192, 0, 2, 1});
	attribute(buffer, 7, {2, 0, 0, 0, 0, 1});
	for (wire::Attribute attr : wire::Attributes(buffer)) {
		switch (attr.type()) {
		case 1:
			EXPECT_EQ(attr.u8(), 200);
			break;
		case 2:
			EXPECT_EQ(attr.u16(), 60000);
			break;
		case 3:
			EXPECT_EQ(attr.u32(), 4000000000);
			break;
		case 4:
			EXPECT_EQ(attr.u64(), 1ull << 63);
			break;
		case 5:
			EXPECT_EQ(attr.string(), "name");
			break;
		case 6:
			EXPECT_EQ(attr.address().str(), "192.0.2.1");
			break;
		case 7:
			EXPECT_EQ(attr.mac().str(), "02:00:00:00:00:01");
			break;
		}
	}
}

TEST(Attribute, RefusesAWrongLength)
{
	Buffer buffer;

	attribute(buffer, 1, {1, 2, 3});
	wire::Attribute attr = *wire::Attributes(buffer).begin();
	EXPECT_THROW(attr.u8(), Error);
	EXPECT_THROW(attr.u16(), Error);
	EXPECT_THROW(attr.u32(), Error);
	EXPECT_THROW(attr.u64(), Error);
	EXPECT_THROW(attr.address(), Error);
	EXPECT_THROW(attr.mac(), Error);
}

TEST(Attribute, AStringNeedsNoFinalZero)
{
	Buffer buffer;

	attribute(buffer, 1, {'a', 'b'});
	EXPECT_EQ((*wire::Attributes(buffer).begin()).string(), "ab");
}

TEST(Attributes, EndsWhereOneIsCutOff)
{
	Buffer whole;

	attribute(whole, 1, value<std::uint32_t>(1));
	attribute(whole, 2, value<std::uint32_t>(2));
	for (std::size_t size = 0; size <= whole.size(); size++) {
		std::size_t count = 0;

		for (wire::Attribute attr : wire::Attributes(wire::Bytes(whole).first(size)))
			count += attr.payload().size() == 4;
		EXPECT_EQ(count, size / 8) << "of " << size << " bytes";
	}
}

TEST(Attributes, ALengthOfZeroEndsTheLoop)
{
	Buffer buffer = {0, 0, 1, 0, 0, 0, 0, 0};
	int count = 0;

	for ([[maybe_unused]] wire::Attribute attr : wire::Attributes(buffer))
		count++;
	EXPECT_EQ(count, 0);
}

TEST(Message, TooShortForItsHeaderIsAnError)
{
	Buffer buffer;

	append(buffer, nlmsghdr{18, family_id, 0, 0, 0});
	buffer.resize(20);
	const auto *header = reinterpret_cast<const nlmsghdr *>(buffer.data());
	EXPECT_THROW(wire::attributes(header), Error);
	EXPECT_THROW(wire::command(header), Error);
}
