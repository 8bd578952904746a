// SPDX-License-Identifier: GPL-2.0
/** @file
 * Objects as JSON values, the same in lists and in events.
 */
#pragma once

#include "client/event.h"
#include "tool/output.h"

#include <string>

namespace ipvs_tun::render
{

/** 0x and at least the digits of a byte, for the marks. */
std::string hex(std::uint32_t value, unsigned digits = 2);

/** A firewall mark as iproute2 prints it. */
std::string fwmark(std::uint32_t value);

/** A time for people: "5s", "3m10s", "2h5m". */
std::string seconds(std::uint32_t value);

/** A second mark as the field on the wire. */
std::string second_mark(std::uint32_t bits, TunnelType type);

Value::Json mark(const Mark &mark);
Value::Json tunnel(const Tunnel &tunnel);
Value::Json zone(const Zone &zone);
Value::Json endpoint(const Endpoint &endpoint, bool statistics);

/** What names an object in a "del". */
Value::Json key(const Mark &mark);
Value::Json key(const Port &port);

/** Without the endpoints. */
Value::Json peer(const Peer &peer);

/** Without the devices. */
Value::Json port(const Port &port);
Value::Json port_device(const PortDevice &device, bool statistics);
Value::Json session(const Session &session);
Value::Json change(const Change &change);

/** The accepted second marks of an endpoint, as fields on the wire. */
std::vector<std::string> accept_marks(const Endpoint &endpoint);

} // namespace ipvs_tun::render
