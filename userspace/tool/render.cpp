// SPDX-License-Identifier: GPL-2.0
#include "tool/render.h"

#include <type_traits>

namespace ipvs_tun::render
{

namespace
{

using Json = Value::Json;

template <class T>
Json maybe(const std::optional<T> &value)
{
	return value ? Json(*value) : Json();
}

template <class T>
Json text(const std::optional<T> &value)
{
	return value ? Json(value->str()) : Json();
}

template <class T>
Json named(const std::optional<T> &value)
{
	return value ? Json(name(*value)) : Json();
}

} // namespace

std::string hex(std::uint32_t value, unsigned digits)
{
	return fmt::format("0x{:0{}x}", value, digits);
}

std::string fwmark(std::uint32_t value)
{
	return fmt::format("{:#x}", value);
}

std::string seconds(std::uint32_t value)
{
	if (value < 60)
		return fmt::format("{}s", value);
	if (value < 3600)
		return fmt::format("{}m{}s", value / 60, value % 60);
	return fmt::format("{}h{}m", value / 3600, value / 60 % 60);
}

std::string second_mark(std::uint32_t bits, TunnelType type)
{
	unsigned digits = 1;

	for (std::uint32_t limit = field_limit(type) - 1; limit >>= 4;)
		digits++;
	return hex(bits | normal_bits(type), digits);
}

Json mark(const Mark &mark)
{
	Json out;

	out["value"] = fwmark(mark.value);
	out["mask"] = fwmark(mark.mask);
	out["tunnel"] = tunnel_names(mark.tunnels);
	out["vni"] = mark.vnis;
	out["dst"] = text(mark.dst);
	out["prio"] = mark.prio.value_or(0);
	out["name"] = maybe(mark.name);
	return out;
}

Json key(const Mark &mark)
{
	return {{"value", fwmark(mark.value)}, {"mask", fwmark(mark.mask)}};
}

Json tunnel(const Tunnel &tunnel)
{
	std::vector<std::string> accept;
	Json out;

	for (std::uint32_t bits : tunnel.accept_marks)
		accept.push_back(second_mark(bits, tunnel.type));
	out["type"] = name(tunnel.type);
	out["second_mark"] =
		tunnel.second_mark ? Json(second_mark(*tunnel.second_mark, tunnel.type)) : Json();
	out["accept_mark"] = accept;
	if (tunnel.nvgre)
		out["nvgre"] = *tunnel.nvgre;
	out["port"] = tunnel.automatic ? Json("auto") : Json(tunnel.ports);
	if (tunnel.symmetric)
		out["return_label"] = "none";
	for (const ReturnLabel &label : tunnel.return_labels)
		out["return_label"].push_back(fmt::format("{}={}", label.forward, label.reply));
	return out;
}

Json zone(const Zone &zone)
{
	Json out;

	out["name"] = zone.name;
	out["vni"] = zone.vnis;
	out["id"] = maybe(zone.id);
	return out;
}

std::vector<std::string> accept_marks(const Endpoint &endpoint)
{
	std::vector<std::string> out;

	for (std::uint32_t bits : endpoint.accept_marks)
		out.push_back(second_mark(bits, endpoint.tunnel));
	return out;
}

Json endpoint(const Endpoint &endpoint, bool statistics)
{
	Json out;

	out["address"] = endpoint.address.str();
	out["tunnel"] = name(endpoint.tunnel);
	out["state"] = name(endpoint.state);
	out["last_seen"] = maybe(endpoint.last_seen);
	out["version"] = maybe(endpoint.version);
	out["reason"] = maybe(endpoint.reason);
	out["accept_mark"] = accept_marks(endpoint);
	if (statistics) {
		out["marked"] = endpoint.marked;
		out["recorded"] = endpoint.recorded;
		out["untrusted"] = endpoint.untrusted;
	}
	return out;
}

Json peer(const Peer &peer)
{
	Json out;

	out["prefix"] = peer.prefix.str();
	if (!peer.complete)
		return out;
	out["send"] = peer.send_always ? Json("always") : Json(peer.send);
	out["accept"] = peer.accept;
	out["none"] = peer.none;
	out["dev"] = maybe(peer.dev);
	out["vni"] = peer.vnis;
	return out;
}

Json key(const Port &port)
{
	Json out;

	if (port.dev)
		out["dev"] = *port.dev;
	else
		out["group"] = maybe(port.group);
	return out;
}

Json port(const Port &port)
{
	Json out;

	out["dev"] = maybe(port.dev);
	out["group"] = maybe(port.group);
	out["vni"] = maybe(port.vni);
	out["direct"] = port.direct;
	out["balancer"] = port.balancer;
	out["own"] = Json::array();
	for (const Prefix &prefix : port.own)
		out["own"].push_back(prefix.str());
	return out;
}

Json port_device(const PortDevice &device, bool statistics)
{
	Json out;

	out["name"] = device.name;
	out["ifindex"] = device.ifindex;
	out["warnings"] = device.warnings;
	if (statistics) {
		out["direct_packets"] = device.direct;
		out["balanced_packets"] = device.balanced;
	}
	return out;
}

Json session(const Session &session)
{
	const Tuple &tuple = session.tuple;
	Json out;

	out["src_ip"] = tuple.src.str();
	out["src_port"] = tuple.sport;
	out["dst_ip"] = tuple.dst.str();
	out["dst_port"] = tuple.dport;
	out["protocol"] = tuple.protocol;
	out["protocol_name"] = protocol_name(tuple.protocol);
	out["mac"] = text(session.mac);
	out["vtep_ip"] = text(session.vtep);
	if (session.vtep_mac)
		out["vtep_mac"] = session.vtep_mac->str();
	out["vni"] = maybe(tuple.vni);
	out["tunnel"] = named(session.tunnel);
	out["state"] = named(session.state);
	return out;
}

namespace
{

/* What names the object, for changes that delete it. */
Json key_of(const Change::Object &object)
{
	if (const auto *value = std::get_if<Mark>(&object))
		return key(*value);
	if (const auto *value = std::get_if<Peer>(&object))
		return {{"prefix", value->prefix.str()}};
	if (const auto *value = std::get_if<Zone>(&object))
		return {{"name", value->name}};
	if (const auto *value = std::get_if<Port>(&object))
		return key(*value);
	if (const auto *value = std::get_if<Pause>(&object))
		return {{"steps", step_names(value->steps)}};
	return Json::object();
}

struct Whole {
	Json operator()(const Mark &value) const { return mark(value); }
	Json operator()(const Tunnel &value) const { return tunnel(value); }
	Json operator()(const Peer &value) const { return peer(value); }
	Json operator()(const Zone &value) const { return zone(value); }
	Json operator()(const Port &value) const { return port(value); }
	Json operator()(const Timeout &value) const
	{
		return {{"name", name(value.state)}, {"seconds", value.seconds}};
	}
	Json operator()(const Limits &value) const
	{
		return {{"sessions", maybe(value.sessions)},
			{"sessions_per_vni", maybe(value.sessions_per_vni)},
			{"accounting", maybe(value.accounting)}};
	}
	Json operator()(const Pause &value) const { return {{"steps", step_names(value.steps)}}; }
};

} // namespace

Json change(const Change &change)
{
	Json object;
	Json out;

	out["action"] = name(change.action);
	out["object"] = change.object_name();
	if (change.action == Action::flush)
		return out;
	if (change.action == Action::del) {
		out[change.object_name()] = key_of(change.object);
		return out;
	}
	object = std::visit(Whole(), change.object);
	// A setting that the change does not name stays as it is.
	if (change.action == Action::set)
		for (auto at = object.begin(); at != object.end();)
			at = at->is_null() || (at->is_array() && at->empty()) ? object.erase(at)
									      : std::next(at);
	out[change.object_name()] = std::move(object);
	return out;
}

} // namespace ipvs_tun::render
