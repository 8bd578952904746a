// SPDX-License-Identifier: GPL-2.0
/** @file
 * What can go wrong, as exceptions whose text is a sentence for the user.
 */
#pragma once

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ipvs_tun
{

/** Turns @p text into a sentence: its first letter a capital, a period at its end, on one line. */
std::string sentence(std::string_view text);

/** The user asked for something that cannot be meant; nothing was sent to the kernel. */
class Misuse : public std::invalid_argument
{
public:
	using std::invalid_argument::invalid_argument;
};

/** The system cannot do it: no module, no permission, an answer that makes no sense. */
class Error : public std::runtime_error
{
public:
	using std::runtime_error::runtime_error;
};

/** The module is not loaded, or speaks another version of the protocol. */
class ModuleError : public Error
{
public:
	using Error::Error;
};

/** The kernel refused a request. */
class KernelError : public Error
{
public:
	KernelError(const std::string &text, int code) : Error(text), code_(code) {}

	/** The positive errno value. */
	int code() const { return code_; }

	/** Which attribute the kernel complained about, for example "change.mark.vni". */
	std::optional<std::string> attribute;

	/** Which change of a transaction was refused, counted from 0. */
	std::optional<std::size_t> change;

private:
	int code_;
};

} // namespace ipvs_tun
