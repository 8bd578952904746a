// SPDX-License-Identifier: GPL-2.0
/** @file
 * The list of ports.
 */
#pragma once

#include "client/port.h"
#include "tool/output.h"

#include <vector>

namespace ipvs_tun
{

/**
 * Prints a row a port, with the names of its devices; in text with
 * @p statistics a row a device, for each has counters of its own.
 */
void print_ports(Output &output, const std::vector<Port> &ports, bool statistics);

} // namespace ipvs_tun
