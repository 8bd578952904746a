// SPDX-License-Identifier: GPL-2.0
/* The kernel's extended acknowledgements, and the sentences made of them. */
#include "client/change.h"
#include "client/extack.h"
#include "fake.h"

#include <gtest/gtest.h>

using namespace ipvs_tun;
using namespace ipvs_tun::test;

namespace
{

wire::Ack parse(const Buffer &buffer)
{
	return wire::parse_ack(reinterpret_cast<const nlmsghdr *>(buffer.data()));
}

Buffer tlvs(const char *message, std::optional<std::uint32_t> offset = {})
{
	Buffer out;

	if (message)
		attribute(out, NLMSGERR_ATTR_MSG, text(message));
	if (offset)
		attribute(out, NLMSGERR_ATTR_OFFS, value(*offset));
	return out;
}

/* A request with two changes: a mark rule and a peer. */
Buffer request()
{
	wire::Builder builder(family_id, 0, IPVS_TUN_CMD_CHANGE_SET, 1);
	Mark mark;
	Peer peer;

	mark.vnis = {100, 200};
	peer.prefix = *Prefix::parse("192.0.2.0/24");
	peer.accept = true;
	Transaction().change(Action::add, mark).change(Action::add, peer).put(builder);
	wire::Bytes bytes = builder.finish(1);
	return {bytes.begin(), bytes.end()};
}

/* Where the n-th occurrence of an attribute's header starts. */
std::uint32_t offset_of(const Buffer &buffer, const Buffer &header, int n = 1)
{
	auto at = buffer.begin() + 20;

	for (;; at++) {
		at = std::search(at, buffer.end(), header.begin(), header.end());
		if (--n == 0)
			return static_cast<std::uint32_t>(at - buffer.begin());
	}
}

} // namespace

TEST(Ack, Success)
{
	EXPECT_EQ(parse(ack(0)).error, 0);
	EXPECT_EQ(parse(done()).error, 0);
}

TEST(Ack, MessageAndOffset)
{
	wire::Ack out = parse(ack(-EEXIST, tlvs("mark rule exists", 44)));

	EXPECT_EQ(out.error, EEXIST);
	EXPECT_EQ(out.message, "mark rule exists");
	EXPECT_EQ(out.offset, 44u);
}

TEST(Ack, BehindTheRequestWhereTheKernelRepeatsIt)
{
	Buffer attributes = tlvs("no", 40);
	Buffer body, buffer;

	append(body, int(-EINVAL));
	append(body, nlmsghdr{26, family_id, 0, 0, 0});
	body.resize(body.size() + 12); // ten bytes of the request, padded
	body = body + attributes;
	append(buffer, nlmsghdr{static_cast<std::uint32_t>(16 + body.size()), NLMSG_ERROR,
				NLM_F_ACK_TLVS, 0, 0});
	wire::Ack out = parse(buffer + body);
	EXPECT_EQ(out.message, "no");
	EXPECT_EQ(out.offset, 40u);
}

TEST(Ack, AtTheEndOfADump)
{
	wire::Ack out = parse(done(-EPERM, tlvs("needs CAP_NET_ADMIN")));

	EXPECT_EQ(out.error, EPERM);
	EXPECT_EQ(out.message, "needs CAP_NET_ADMIN");
}

TEST(Ack, CutAnywhereItDoesNotReadBeyond)
{
	Buffer whole = ack(-EINVAL, tlvs("a message", 40));

	for (std::uint32_t size = 16; size < whole.size(); size++) {
		Buffer cut(whole.begin(), whole.begin() + size);

		std::memcpy(cut.data(), &size, sizeof(size));
		wire::Ack out = parse(cut);
		EXPECT_NE(out.error, 0) << size;
		EXPECT_EQ(out.message.value_or("a message"), "a message");
	}
}

TEST(Place, OfAnAttributeInTheFirstChange)
{
	Buffer bytes = request();
	auto place =
		wire::find_attribute(bytes, offset_of(bytes, {8, 0, IPVS_TUN_A_MARK_VNI, 0, 200}));

	ASSERT_TRUE(place);
	EXPECT_EQ(place->path, "change.mark.vni");
	EXPECT_EQ(place->change, 0u);
}

TEST(Place, OfAnAttributeInTheSecondChange)
{
	Buffer bytes = request();
	auto place = wire::find_attribute(
		bytes, offset_of(bytes, {8, 0, IPVS_TUN_A_PEER_PREFIX, 0, 192, 0, 2, 0}));

	ASSERT_TRUE(place);
	EXPECT_EQ(place->path, "change.peer.prefix");
	EXPECT_EQ(place->change, 1u);
}

TEST(Place, OutsideOfTheRequestIsNowhere)
{
	Buffer bytes = request();

	EXPECT_FALSE(wire::find_attribute(bytes, bytes.size() + 4));
	EXPECT_FALSE(wire::find_attribute(bytes, 0));
}

TEST(KernelErrors, TakeTheKernelsOwnText)
{
	Buffer bytes = request();
	std::uint32_t offset = offset_of(bytes, {8, 0, IPVS_TUN_A_MARK_VNI, 0, 100});
	KernelError error =
		wire::make_error(parse(ack(-EINVAL, tlvs("zone 100 is full", offset))), bytes);

	EXPECT_STREQ(error.what(), "zone 100 is full");
	EXPECT_EQ(error.code(), EINVAL);
	EXPECT_EQ(error.attribute, "change.mark.vni");
	EXPECT_EQ(error.change, 0u);
}

TEST(KernelErrors, NameTheAttributeWhereTheTextIsTheCores)
{
	Buffer bytes = request();
	std::uint32_t offset = offset_of(bytes, {8, 0, IPVS_TUN_A_MARK_VNI, 0, 100});
	KernelError error =
		wire::make_error(parse(ack(-ERANGE, tlvs("integer out of range", offset))), bytes);

	EXPECT_STREQ(error.what(), "integer out of range (change.mark.vni)");
}

TEST(KernelErrors, NameAMissingAttribute)
{
	Buffer bytes = request();
	Buffer top, inside;

	attribute(top, NLMSGERR_ATTR_MISS_TYPE, value<std::uint32_t>(IPVS_TUN_A_MESSAGE_CHANGE));
	EXPECT_STREQ(wire::make_error(parse(ack(-EINVAL, top)), bytes).what(), "change is missing");
	// The first change's mark nest: headers, the change's own header, its action.
	attribute(inside, NLMSGERR_ATTR_MISS_TYPE, value<std::uint32_t>(IPVS_TUN_A_MARK_VALUE));
	attribute(inside, NLMSGERR_ATTR_MISS_NEST, value<std::uint32_t>(20 + 4 + 8));
	EXPECT_STREQ(wire::make_error(parse(ack(-EINVAL, inside)), bytes).what(),
		     "change.mark.value is missing");
}

TEST(KernelErrors, HaveASentenceForANakedNumber)
{
	EXPECT_STREQ(wire::make_error(parse(ack(-EPERM)), {}).what(),
		     "permission denied; this needs CAP_NET_ADMIN in the network namespace");
	EXPECT_STREQ(wire::make_error(parse(ack(-EIO)), {}).what(),
		     "the kernel refused it: Input/output error");
}

TEST(Sentence, CapitalAndPeriod)
{
	EXPECT_EQ(sentence("cannot find peer 192.0.2.1"), "Cannot find peer 192.0.2.1.");
	EXPECT_EQ(sentence("Already one."), "Already one.");
	EXPECT_EQ(sentence("two\nlines\t here \n"), "Two lines here.");
	EXPECT_EQ(sentence("10.0.0.0/8 exists"), "10.0.0.0/8 exists.");
	EXPECT_EQ(sentence(""), "Unknown error.");
}
