// SPDX-License-Identifier: GPL-2.0
/** @file
 * Changes of the configuration, and the transaction that carries them.
 */
#pragma once

#include "client/limits.h"
#include "client/mark.h"
#include "client/names.h"
#include "client/peer.h"
#include "client/port.h"
#include "client/timeout.h"
#include "client/tunnel.h"
#include "client/zone.h"

#include <cstdint>
#include <variant>
#include <vector>

namespace ipvs_tun
{

/** The steps of a pause (Action::add) or resume (Action::del). */
struct Pause {
	std::uint32_t steps = 0; ///< mask of Step
};

/** One change: what is done to which object. Action::flush looks at the object's type only. */
struct Change {
	using Object = std::variant<Mark, Tunnel, Peer, Zone, Timeout, Limits, Pause, Port>;

	Action action = Action::add;
	Object object;

	/** The object's name in the contract, for example "mark". */
	const char *object_name() const;

	void put(wire::Builder &builder) const;
	static Change parse(wire::Attributes attributes);
};

/**
 * Collects changes and sends them in one message. The kernel prepares all of
 * them before the first takes effect; if one is refused, none does.
 */
class Transaction
{
public:
	Transaction &change(Action action, Change::Object object);

	bool empty() const { return changes_.empty(); }
	void put(wire::Builder &builder) const;

	/**
	 * @return the configuration's new generation.
	 * @throws KernelError, whose member "change" says which one was refused
	 */
	std::uint32_t commit(Connection &connection) const;

private:
	std::vector<Change> changes_;
};

} // namespace ipvs_tun
