// SPDX-License-Identifier: GPL-2.0
#include "client/extack.h"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <initializer_list>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/ipvs_tun.h>

namespace ipvs_tun::wire
{

namespace
{

/* The names that the specification gives to the attributes of a request. */
struct Name {
	std::uint16_t type;
	const char *name;
	std::span<const Name> nested = {};
};

constexpr Name mark_names[] = {
	{IPVS_TUN_A_MARK_VALUE, "value"},     {IPVS_TUN_A_MARK_MASK, "mask"},
	{IPVS_TUN_A_MARK_TUNNELS, "tunnels"}, {IPVS_TUN_A_MARK_VNI, "vni"},
	{IPVS_TUN_A_MARK_DST, "dst"},	      {IPVS_TUN_A_MARK_DST_LEN, "dst-len"},
	{IPVS_TUN_A_MARK_PRIO, "prio"},	      {IPVS_TUN_A_MARK_NAME, "name"},
};
constexpr Name tunnel_names[] = {
	{IPVS_TUN_A_TUNNEL_TYPE, "type"},
	{IPVS_TUN_A_TUNNEL_SECOND_MARK, "second-mark"},
	{IPVS_TUN_A_TUNNEL_ACCEPT_MARK, "accept-mark"},
	{IPVS_TUN_A_TUNNEL_AUTO, "auto"},
	{IPVS_TUN_A_TUNNEL_PORT, "port"},
};
constexpr Name peer_names[] = {
	{IPVS_TUN_A_PEER_PREFIX, "prefix"}, {IPVS_TUN_A_PEER_PREFIX_LEN, "prefix-len"},
	{IPVS_TUN_A_PEER_FLAGS, "flags"},   {IPVS_TUN_A_PEER_DEV, "dev"},
	{IPVS_TUN_A_PEER_VNI, "vni"},
};
constexpr Name zone_names[] = {
	{IPVS_TUN_A_ZONE_NAME, "name"},
	{IPVS_TUN_A_ZONE_VNI, "vni"},
	{IPVS_TUN_A_ZONE_ID, "id"},
};
constexpr Name timeout_names[] = {
	{IPVS_TUN_A_TIMEOUT_STATE, "state"},
	{IPVS_TUN_A_TIMEOUT_SECONDS, "seconds"},
};
constexpr Name limit_names[] = {
	{IPVS_TUN_A_LIMIT_SESSIONS, "sessions"},
	{IPVS_TUN_A_LIMIT_SESSIONS_PER_VNI, "sessions-per-vni"},
	{IPVS_TUN_A_LIMIT_ACCOUNTING, "accounting"},
};
constexpr Name pause_names[] = {{IPVS_TUN_A_PAUSE_STEPS, "steps"}};
constexpr Name own_names[] = {
	{IPVS_TUN_A_OWN_PREFIX, "prefix"},
	{IPVS_TUN_A_OWN_PREFIX_LEN, "prefix-len"},
};
constexpr Name port_names[] = {
	{IPVS_TUN_A_PORT_NAME, "name"},
	{IPVS_TUN_A_PORT_GROUP, "group"},
	{IPVS_TUN_A_PORT_VNI, "vni"},
	{IPVS_TUN_A_PORT_FLAGS, "flags"},
	{IPVS_TUN_A_PORT_OWN, "own", own_names},
};
constexpr Name change_names[] = {
	{IPVS_TUN_A_CHANGE_ACTION, "action"},
	{IPVS_TUN_A_CHANGE_MARK, "mark", mark_names},
	{IPVS_TUN_A_CHANGE_TUNNEL, "tunnel", tunnel_names},
	{IPVS_TUN_A_CHANGE_PEER, "peer", peer_names},
	{IPVS_TUN_A_CHANGE_ZONE, "zone", zone_names},
	{IPVS_TUN_A_CHANGE_TIMEOUT, "timeout", timeout_names},
	{IPVS_TUN_A_CHANGE_LIMIT, "limit", limit_names},
	{IPVS_TUN_A_CHANGE_PAUSE, "pause", pause_names},
	{IPVS_TUN_A_CHANGE_PORT, "port", port_names},
};
constexpr Name session_names[] = {
	{IPVS_TUN_A_SESSION_SRC, "src"},	   {IPVS_TUN_A_SESSION_DST, "dst"},
	{IPVS_TUN_A_SESSION_SPORT, "sport"},	   {IPVS_TUN_A_SESSION_DPORT, "dport"},
	{IPVS_TUN_A_SESSION_PROTOCOL, "protocol"}, {IPVS_TUN_A_SESSION_VNI, "vni"},
	{IPVS_TUN_A_SESSION_MAC, "mac"},	   {IPVS_TUN_A_SESSION_VTEP, "vtep"},
	{IPVS_TUN_A_SESSION_LOCAL, "local"},	   {IPVS_TUN_A_SESSION_TUNNEL, "tunnel"},
};
constexpr Name filter_names[] = {
	{IPVS_TUN_A_FILTER_SRC, "src"},		  {IPVS_TUN_A_FILTER_SRC_LEN, "src-len"},
	{IPVS_TUN_A_FILTER_DST, "dst"},		  {IPVS_TUN_A_FILTER_DST_LEN, "dst-len"},
	{IPVS_TUN_A_FILTER_SPORT, "sport"},	  {IPVS_TUN_A_FILTER_DPORT, "dport"},
	{IPVS_TUN_A_FILTER_PROTOCOL, "protocol"}, {IPVS_TUN_A_FILTER_VNI, "vni"},
	{IPVS_TUN_A_FILTER_VTEP, "vtep"},	  {IPVS_TUN_A_FILTER_VTEP_LEN, "vtep-len"},
	{IPVS_TUN_A_FILTER_MAC, "mac"},		  {IPVS_TUN_A_FILTER_TUNNEL, "tunnel"},
	{IPVS_TUN_A_FILTER_STATE, "state"},
};
constexpr Name path_names[] = {
	{IPVS_TUN_A_PATH_TUNNEL, "tunnel"},
	{IPVS_TUN_A_PATH_MAC, "mac"},
	{IPVS_TUN_A_PATH_VTEP, "vtep"},
};
constexpr Name message_names[] = {
	{IPVS_TUN_A_MESSAGE_CHANGE, "change", change_names},
	{IPVS_TUN_A_MESSAGE_SESSION, "session", session_names},
	{IPVS_TUN_A_MESSAGE_FILTER, "filter", filter_names},
	{IPVS_TUN_A_MESSAGE_PATH, "path", path_names},
};

Name lookup(std::span<const Name> names, std::uint16_t type)
{
	for (const Name &entry : names) {
		if (entry.type == type)
			return entry;
	}
	return {type, nullptr};
}

std::string label(const Name &entry)
{
	return entry.name ? entry.name : fmt::format("{}", entry.type);
}

/* Finds the attribute at @offset among those in @bytes, which start at @base. */
bool find(Bytes bytes, std::size_t base, std::size_t offset, std::span<const Name> names,
	  Place &place, std::span<const Name> &inside)
{
	std::size_t index = 0;

	for (Attribute attr : Attributes(bytes)) {
		std::size_t end = base + NLA_HDRLEN + attr.payload().size();
		Name entry = lookup(names, attr.type());

		if (offset >= base && offset < end) {
			if (!place.path.empty())
				place.path += '.';
			else if (attr.type() == IPVS_TUN_A_MESSAGE_CHANGE)
				place.change = index;
			place.path += label(entry);
			inside = entry.nested;
			return offset == base || entry.nested.empty() ||
			       find(attr.payload(), base + NLA_HDRLEN, offset, entry.nested, place,
				    inside);
		}
		base += MNL_ALIGN(NLA_HDRLEN + attr.payload().size());
		index += attr.type() == IPVS_TUN_A_MESSAGE_CHANGE;
	}
	return false;
}

/* What to say where the kernel gives only a number. */
std::string describe(int code)
{
	switch (code) {
	case EPERM:
	case EACCES:
		return "permission denied; this needs CAP_NET_ADMIN in the network namespace";
	case EOPNOTSUPP:
		return "the module does not know this command; it is older than the tool";
	case EEXIST:
		return "there is one already";
	case ENOENT:
	case ESRCH:
		return "there is no such object";
	case EBUSY:
		return "the module is busy; try again";
	case ENOMEM:
		return "the kernel is out of memory";
	case ENOTUNIQ:
		return "the tuple is in more than one zone; give --vni";
	default:
		return fmt::format("the kernel refused it: {}", std::strerror(code));
	}
}

/* Texts of the kernel's own policy check, which say nothing without the attribute. */
bool is_generic(std::string_view text)
{
	for (std::string_view part : {"ttribute", "integer out of range", "policy", "reserved bit"})
		if (text.find(part) != text.npos)
			return true;
	return false;
}

} // namespace

Ack parse_ack(const nlmsghdr *message)
{
	auto *start = reinterpret_cast<const std::uint8_t *>(message);
	std::size_t skip = MNL_NLMSG_HDRLEN;
	int code = 0;
	Ack ack;

	if (message->nlmsg_len < skip + sizeof(code)) {
		if (message->nlmsg_type == NLMSG_ERROR)
			ack.error = EPROTO;
		return ack;
	}
	std::memcpy(&code, start + skip, sizeof(code));
	ack.error = code < 0 ? -code : 0;
	if (!(message->nlmsg_flags & NLM_F_ACK_TLVS))
		return ack;
	if (message->nlmsg_type == NLMSG_ERROR) {
		nlmsgerr error;

		if (message->nlmsg_len < skip + sizeof(error))
			return ack;
		std::memcpy(&error, start + skip, sizeof(error));
		skip += sizeof(error);
		if (!(message->nlmsg_flags & NLM_F_CAPPED) &&
		    error.msg.nlmsg_len > sizeof(nlmsghdr))
			skip += MNL_ALIGN(error.msg.nlmsg_len - sizeof(nlmsghdr));
	} else {
		skip += MNL_ALIGN(sizeof(code));
	}
	if (skip > message->nlmsg_len)
		return ack;
	for (Attribute attr : Attributes(Bytes(start + skip, message->nlmsg_len - skip))) {
		switch (attr.type()) {
		case NLMSGERR_ATTR_MSG:
			ack.message = attr.string();
			break;
		case NLMSGERR_ATTR_OFFS:
			ack.offset = attr.u32();
			break;
		case NLMSGERR_ATTR_MISS_TYPE:
			ack.missing = attr.u32();
			break;
		case NLMSGERR_ATTR_MISS_NEST:
			ack.missing_nest = attr.u32();
			break;
		}
	}
	return ack;
}

std::optional<Place> find_attribute(Bytes request, std::size_t offset,
				    std::optional<std::uint16_t> missing)
{
	constexpr std::size_t skip = NLMSG_HDRLEN + GENL_HDRLEN;
	std::span<const Name> inside = message_names;
	Place place;

	if (offset >= skip && request.size() > skip &&
	    !find(request.subspan(skip), skip, offset, message_names, place, inside))
		return std::nullopt;
	if (missing) {
		if (!place.path.empty())
			place.path += '.';
		place.path += label(lookup(inside, *missing));
	}
	if (place.path.empty())
		return std::nullopt;
	return place;
}

KernelError make_error(const Ack &ack, Bytes request)
{
	std::string text = ack.message.value_or("");
	std::optional<Place> place;

	if (ack.missing)
		place = find_attribute(request, ack.missing_nest.value_or(0),
				       static_cast<std::uint16_t>(*ack.missing));
	else if (ack.offset)
		place = find_attribute(request, *ack.offset);

	if (text.empty() && ack.missing && place)
		text = fmt::format("{} is missing", place->path);
	else if (text.empty() && place)
		text = fmt::format("{} ({})", describe(ack.error), place->path);
	else if (text.empty())
		text = describe(ack.error);
	else if (place && is_generic(text))
		text = fmt::format("{} ({})", text, place->path);

	KernelError error(text, ack.error);
	if (place) {
		error.attribute = place->path;
		error.change = place->change;
	}
	return error;
}

} // namespace ipvs_tun::wire
