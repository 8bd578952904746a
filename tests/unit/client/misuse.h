// SPDX-License-Identifier: GPL-2.0
/** @file
 * What a user is told whose command line is wrong.
 */
#pragma once

#include "client/error.h"

#include <string>

namespace ipvs_tun::test
{

/** The sentence of the misuse, or "none". */
template <class Call>
std::string misuse(Call &&call)
{
	try {
		call();
	} catch (const Misuse &error) {
		return error.what();
	}
	return "none";
}

} // namespace ipvs_tun::test
