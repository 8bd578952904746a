// SPDX-License-Identifier: GPL-2.0
/** @file
 * What the module reports by itself.
 */
#pragma once

#include "client/change.h"
#include "client/peer.h"
#include "client/session.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <variant>
#include <vector>

namespace ipvs_tun
{

class Connection;

/** A transaction was committed. */
struct ConfigEvent {
	std::uint32_t generation = 0;
	std::uint32_t portid = 0; ///< who asked for it; 0 for the kernel itself
	std::vector<Change> changes;
};

/** One event: its name ("new", "moved", "ready", …) and the object that it is about. */
struct Event {
	const char *name = "";
	std::variant<Session, Peer, ConfigEvent> object;

	/** Nothing for commands that are no events, or unknown ones. */
	static std::optional<Event> parse(std::uint8_t command, wire::Attributes attributes);
};

/**
 * Waits for events on a connection that joined groups.
 * @return false if some were lost because nobody read them in time.
 */
bool receive_events(Connection &connection, const std::function<void(const Event &)> &handle);

} // namespace ipvs_tun
