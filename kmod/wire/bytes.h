/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Big-endian fields in unaligned bytes.
 *
 * The headers in this directory are pure functions over bytes: the module
 * includes them, and so do unit tests and fuzzers in user space (C++).
 */
#ifndef ITUN_WIRE_BYTES_H
#define ITUN_WIRE_BYTES_H

#ifdef __KERNEL__
#include <linux/string.h>
#include <linux/types.h>
#else
#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
#endif
#include <asm/byteorder.h>

/**
 * wire_get_be16() - read 16 bits
 * @p: two bytes, most significant first
 *
 * Return: the value in host order.
 */
static inline u16 wire_get_be16(const u8 *p)
{
	return (u16)(p[0] << 8 | p[1]);
}

/**
 * wire_get_be24() - read 24 bits
 * @p: three bytes, most significant first
 *
 * Return: the value in host order.
 */
static inline u32 wire_get_be24(const u8 *p)
{
	return (u32)p[0] << 16 | (u32)p[1] << 8 | p[2];
}

/**
 * wire_get_be32() - read 32 bits
 * @p: four bytes, most significant first
 *
 * Return: the value in host order.
 */
static inline u32 wire_get_be32(const u8 *p)
{
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

/**
 * wire_get_be64() - read 64 bits
 * @p: eight bytes, most significant first
 *
 * Return: the value in host order.
 */
static inline u64 wire_get_be64(const u8 *p)
{
	return (u64)wire_get_be32(p) << 32 | wire_get_be32(p + 4);
}

/**
 * wire_put_be16() - write 16 bits
 * @p: two bytes to fill, most significant first
 * @v: the value in host order
 */
static inline void wire_put_be16(u8 *p, u16 v)
{
	p[0] = v >> 8;
	p[1] = v & 0xff;
}

/**
 * wire_put_be24() - write 24 bits
 * @p: three bytes to fill, most significant first
 * @v: the value in host order; its top 8 bits are not written
 */
static inline void wire_put_be24(u8 *p, u32 v)
{
	p[0] = v >> 16 & 0xff;
	p[1] = v >> 8 & 0xff;
	p[2] = v & 0xff;
}

/**
 * wire_put_be32() - write 32 bits
 * @p: four bytes to fill, most significant first
 * @v: the value in host order
 */
static inline void wire_put_be32(u8 *p, u32 v)
{
	p[0] = v >> 24;
	p[1] = v >> 16 & 0xff;
	p[2] = v >> 8 & 0xff;
	p[3] = v & 0xff;
}

/**
 * wire_put_be64() - write 64 bits
 * @p: eight bytes to fill, most significant first
 * @v: the value in host order
 */
static inline void wire_put_be64(u8 *p, u64 v)
{
	wire_put_be32(p, v >> 32);
	wire_put_be32(p + 4, v & 0xffffffff);
}

#endif /* ITUN_WIRE_BYTES_H */
