// SPDX-License-Identifier: GPL-2.0
#include "client/error.h"

#include <cctype>

namespace ipvs_tun
{

std::string sentence(std::string_view text)
{
	std::string out;

	for (char c : text) {
		bool space = c == '\n' || c == '\r' || c == '\t' || c == ' ';

		if (!space)
			out += c;
		else if (!out.empty() && out.back() != ' ')
			out += ' ';
	}
	while (!out.empty() && out.back() == ' ')
		out.pop_back();
	if (out.empty())
		out = "unknown error";
	out[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(out[0])));
	if (out.back() != '.' && out.back() != '?' && out.back() != '!')
		out += '.';
	return out;
}

} // namespace ipvs_tun
