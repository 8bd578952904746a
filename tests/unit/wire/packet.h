/* SPDX-License-Identifier: GPL-2.0 */
/* Packets as hexadecimal text, and buffers with nothing around them. */
#ifndef ITUN_TESTS_PACKET_H
#define ITUN_TESTS_PACKET_H

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <vector>

using Bytes = std::vector<std::uint8_t>;

/* Digits two by two; anything else separates. */
inline Bytes hex(std::string_view text)
{
	Bytes out;
	int high = -1;

	for (char c : text) {
		int digit;

		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if (c >= 'a' && c <= 'f')
			digit = c - 'a' + 10;
		else if (high < 0)
			continue;
		else
			throw std::invalid_argument("half a byte");
		if (high < 0) {
			high = digit;
		} else {
			out.push_back(static_cast<std::uint8_t>(high << 4 | digit));
			high = -1;
		}
	}
	if (high >= 0)
		throw std::invalid_argument("half a byte");
	return out;
}

inline Bytes operator+(Bytes left, const Bytes &right)
{
	left.insert(left.end(), right.begin(), right.end());
	return left;
}

/* A copy of a packet with some bytes overwritten. */
inline Bytes with(Bytes packet, std::size_t offset, std::string_view text)
{
	const Bytes bytes = hex(text);

	for (std::size_t i = 0; i < bytes.size(); i++)
		packet.at(offset + i) = bytes[i];
	return packet;
}

inline Bytes zeros(std::size_t count)
{
	return Bytes(count);
}

/* Exactly as many bytes as there are: the sanitizer sees any read beyond. */
class Exact
{
public:
	Exact(const Bytes &from, std::size_t size) : data_(new std::uint8_t[size])
	{
		if (size)
			std::memcpy(data_.get(), from.data(), size);
	}

	explicit Exact(const Bytes &from) : Exact(from, from.size()) {}

	std::uint8_t *get() const { return data_.get(); }

private:
	std::unique_ptr<std::uint8_t[]> data_;
};

#endif /* ITUN_TESTS_PACKET_H */
