// SPDX-License-Identifier: GPL-2.0
#include "packet.h"
#include "probe.h"

#include <gtest/gtest.h>

// The layout that probe.h draws, written out.
// clang-format off
static const Bytes example = hex(
	"02 aa bb cc dd ee"		// destination
	"02 11 22 33 44 55"		// source
	"88 b5"				// local experimental EtherType
	"49 54 55 50"			// "ITUP"
	"01"				// protocol version
	"02"				// answer
	"00 78"				// 120 bytes from the magic on
	"01 02 03 04 05 06 07 08"	// nonce
	"00 00 00 07"			// tunnels
	"01"				// tunnel type
	"02"				// two accepted marks
	"00 00"				// reserved
	"00 00 00 f0  00 00 00 40") +	// marks
	zeros(14 * 4) +			// unused marks
	hex("30 2e 31 2e 30") +		// "0.1.0"
	zeros(27) +			// end of the version
	zeros(26);			// padding
// clang-format on

static itun_probe example_fields()
{
	itun_probe probe = {};
	const std::uint8_t dst[6] = {0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee};
	const std::uint8_t src[6] = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55};

	std::memcpy(probe.dst, dst, 6);
	std::memcpy(probe.src, src, 6);
	probe.protocol_version = 1;
	probe.kind = ITUN_PROBE_KIND_ANSWER;
	probe.nonce = 0x0102030405060708ull;
	probe.tunnels = 7;
	probe.tunnel_type = 1;
	probe.accept_count = 2;
	probe.accept_marks[0] = 0xf0;
	probe.accept_marks[1] = 0x40;
	std::strcpy(probe.version, "0.1.0");
	return probe;
}

static int parse(const Bytes &frame, itun_probe *probe)
{
	const Exact exact(frame);

	return itun_probe_parse(exact.get(), static_cast<u32>(frame.size()), probe);
}

TEST(Probe, TheExampleIsAWholeFrame)
{
	EXPECT_EQ(example.size(), 160u);
	EXPECT_EQ(ITUN_PROBE_FRAME_LEN, 160);
}

TEST(Probe, BuildsTheLayoutByteByByte)
{
	const itun_probe probe = example_fields();
	const Exact frame(Bytes(160, 0xee));

	itun_probe_build(frame.get(), &probe);
	EXPECT_EQ(Bytes(frame.get(), frame.get() + 160), example);
}

TEST(Probe, ParsesTheLayoutFieldByField)
{
	itun_probe probe;

	std::memset(&probe, 0xee, sizeof(probe));
	ASSERT_EQ(parse(example, &probe), 0);
	EXPECT_EQ(Bytes(probe.dst, probe.dst + 6), hex("02 aa bb cc dd ee"));
	EXPECT_EQ(Bytes(probe.src, probe.src + 6), hex("02 11 22 33 44 55"));
	EXPECT_EQ(probe.protocol_version, 1);
	EXPECT_EQ(probe.kind, ITUN_PROBE_KIND_ANSWER);
	EXPECT_EQ(probe.nonce, 0x0102030405060708ull);
	EXPECT_EQ(probe.tunnels, 7u);
	EXPECT_EQ(probe.tunnel_type, 1);
	EXPECT_EQ(probe.accept_count, 2);
	EXPECT_EQ(probe.accept_marks[0], 0xf0u);
	EXPECT_EQ(probe.accept_marks[1], 0x40u);
	for (int i = 2; i < 16; i++)
		EXPECT_EQ(probe.accept_marks[i], 0u);
	EXPECT_STREQ(probe.version, "0.1.0");
}

TEST(Probe, EveryPrefixIsRefusedAndNotReadBeyond)
{
	itun_probe probe;

	for (std::size_t size = 0; size < example.size(); size++) {
		const Exact exact(example, size);

		EXPECT_EQ(itun_probe_parse(exact.get(), static_cast<u32>(size), &probe), -1)
			<< size;
	}
}

TEST(Probe, BytesBehindTheFrameAreIgnored)
{
	itun_probe probe;

	EXPECT_EQ(parse(example + hex("ff ff"), &probe), 0);
}

TEST(Probe, RefusesWhatIsNoProbe)
{
	itun_probe probe;

	EXPECT_EQ(parse(with(example, 12, "08 00"), &probe), -1) << "EtherType";
	EXPECT_EQ(parse(with(example, 14, "49 54 55 51"), &probe), -1) << "magic";
	EXPECT_EQ(parse(with(example, 19, "00"), &probe), -1) << "kind 0";
	EXPECT_EQ(parse(with(example, 19, "04"), &probe), -1) << "kind 4";
}

TEST(Probe, RefusesWrongLengths)
{
	itun_probe probe;

	EXPECT_EQ(parse(with(example, 20, "00 00"), &probe), -1);
	EXPECT_EQ(parse(with(example, 20, "00 77"), &probe), -1);
	EXPECT_EQ(parse(with(example, 20, "00 79"), &probe), -1);
	EXPECT_EQ(parse(with(example, 20, "ff ff"), &probe), -1);
}

TEST(Probe, AcceptsSixteenMarksAndRefusesSeventeen)
{
	itun_probe probe;

	ASSERT_EQ(parse(with(example, 35, "10"), &probe), 0);
	EXPECT_EQ(probe.accept_count, 16);
	EXPECT_EQ(parse(with(example, 35, "11"), &probe), -1);
	EXPECT_EQ(parse(with(example, 35, "ff"), &probe), -1);
}

TEST(Probe, MarksBeyondTheCountAreNotTaken)
{
	itun_probe probe;

	ASSERT_EQ(parse(with(example, 35, "01"), &probe), 0);
	EXPECT_EQ(probe.accept_marks[0], 0xf0u);
	EXPECT_EQ(probe.accept_marks[1], 0u);
}

TEST(Probe, TheVersionMustEndInsideItsField)
{
	Bytes frame = example;
	itun_probe probe;

	for (int i = 0; i < 31; i++)
		frame[102 + i] = 'x';
	ASSERT_EQ(parse(frame, &probe), 0);
	EXPECT_STREQ(probe.version, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	frame[133] = 'x';
	EXPECT_EQ(parse(frame, &probe), -1);
}

TEST(Probe, TheVersionIsPrintable)
{
	itun_probe probe;

	EXPECT_EQ(parse(with(example, 102, "1b"), &probe), -1) << "escape";
	EXPECT_EQ(parse(with(example, 102, "7f"), &probe), -1) << "delete";
	EXPECT_EQ(parse(with(example, 102, "80"), &probe), -1) << "not ASCII";
	EXPECT_EQ(parse(with(example, 102, "20"), &probe), 0) << "space";
	EXPECT_EQ(parse(with(example, 102, "7e"), &probe), 0) << "tilde";
}

TEST(Probe, AnUnknownProtocolVersionIsReadAsFarAsTheNonce)
{
	// Another count, another length, another kind: none of our business.
	const Bytes frame = with(with(with(example, 18, "02"), 35, "ff"), 19, "09");
	itun_probe probe;

	std::memset(&probe, 0xee, sizeof(probe));
	ASSERT_EQ(parse(with(frame, 20, "00 10"), &probe), 0);
	EXPECT_EQ(probe.protocol_version, 2);
	EXPECT_EQ(probe.kind, 9);
	EXPECT_EQ(probe.nonce, 0x0102030405060708ull);
	EXPECT_EQ(probe.src[5], 0x55);
	EXPECT_EQ(probe.tunnels, 0u);
	EXPECT_EQ(probe.accept_count, 0);
	EXPECT_STREQ(probe.version, "");

	EXPECT_EQ(parse(with(frame, 20, "00 0f"), &probe), -1) << "no room for the nonce";
	EXPECT_EQ(parse(with(frame, 20, "00 92"), &probe), 0) << "to the end of the frame";
	EXPECT_EQ(parse(with(frame, 20, "00 93"), &probe), -1) << "beyond the frame";
}

TEST(Probe, BuildCutsWhatDoesNotFit)
{
	itun_probe in = example_fields();
	Bytes frame(160);
	itun_probe out;

	in.accept_count = 200;
	std::memset(in.accept_marks, 0x11, sizeof(in.accept_marks));
	std::memset(in.version, 'v', sizeof(in.version));
	itun_probe_build(frame.data(), &in);
	ASSERT_EQ(parse(frame, &out), 0);
	EXPECT_EQ(out.accept_count, 16);
	EXPECT_EQ(out.accept_marks[15], 0x11111111u);
	EXPECT_EQ(std::strlen(out.version), 31u);
}
