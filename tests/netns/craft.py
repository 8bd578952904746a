#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Sends crafted VXLAN packets by a raw socket, outer headers included, whoever they claim to be from.

    craft.py OUTER-SOURCE OUTER-DESTINATION INNER-SOURCE:PORT INNER-DESTINATION:PORT [OPTIONS]

The inner packet is a UDP datagram; an IPv6 address with its port is written [2001:db8::1]:7. Prints nothing.
"""
import argparse
import ipaddress
import os
import socket
import struct


def ones_complement(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def udp(source, destination, sport, dport, payload, covered=None):
    """A datagram with the checksum of another one, if the test is to see that found out."""
    length = 8 + len(payload)
    header = struct.pack("!HHHH", sport, dport, length, 0)
    pseudo = source.packed + destination.packed + struct.pack("!II", length, 17)
    checksum = ~ones_complement(pseudo + header + (payload if covered is None else covered)) & 0xffff
    return struct.pack("!HHHH", sport, dport, length, checksum or 0xffff) + payload


def ip(source, destination, body, hop_limit=64):
    if source.version == 6:
        return struct.pack("!IHBB", 6 << 28, len(body), 17, hop_limit) + source.packed + destination.packed + body
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, hop_limit, 17, 0)
    header += source.packed + destination.packed
    checksum = ~ones_complement(header) & 0xffff
    return header[:10] + struct.pack("!H", checksum) + header[12:] + body


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def number(text):
    return int(text, 0)


def end(text):
    address, _, port = text.rpartition(":")
    return ipaddress.ip_address(address.strip("[]")), int(port)


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("outer_source", type=ipaddress.ip_address)
parser.add_argument("outer_destination", type=ipaddress.ip_address)
parser.add_argument("inner_source", type=end)
parser.add_argument("inner_destination", type=end)
parser.add_argument("--flags", type=number, default=0xf8, help="the VXLAN flag byte (0xf8)")
parser.add_argument("--vni", type=number, default=100)
parser.add_argument("--source-mac", type=mac, default=mac("02:00:00:00:66:66"), metavar="MAC")
parser.add_argument("--destination-mac", type=mac, default=mac("02:00:00:00:00:02"), metavar="MAC")
parser.add_argument("--text", default="crafted", help="what the datagram says")
parser.add_argument("--checksum", choices=("good", "naive", "none"), default="good",
                    help="of the outer UDP header; naive: right before the flag byte was changed from 0x08")
parser.add_argument("--probe", type=number, metavar="KIND",
                    help="no datagram inside, but a readiness message of that kind with a random nonce")
parser.add_argument("--count", type=int, default=1)
arguments = parser.parse_args()

(inner_source, sport), (inner_destination, dport) = arguments.inner_source, arguments.inner_destination
if arguments.probe:
    # The frame of kmod/wire/probe.h.
    message = b"ITUP" + struct.pack("!BBH", 1, arguments.probe, 120) + os.urandom(8) + struct.pack("!IBBH", 1, 0, 0, 0)
    inner = bytes.fromhex("0180c200000e") + arguments.source_mac + b"\x88\xb5" + message
    inner = inner.ljust(102, b"\0") + b"0".ljust(58, b"\0")
else:
    inner = arguments.destination_mac + arguments.source_mac
    inner += b"\x86\xdd" if inner_source.version == 6 else b"\x08\x00"
    inner += ip(inner_source, inner_destination,
                udp(inner_source, inner_destination, sport, dport, arguments.text.encode() + b"\n"))


def vxlan(flags):
    return struct.pack("!II", flags << 24, arguments.vni << 8) + inner


covered = vxlan(0x08) if arguments.checksum == "naive" else None
datagram = udp(arguments.outer_source, arguments.outer_destination, 55555, 4789, vxlan(arguments.flags), covered)
if arguments.checksum == "none":
    datagram = datagram[:6] + b"\0\0" + datagram[8:]
packet = ip(arguments.outer_source, arguments.outer_destination, datagram)

if arguments.outer_source.version == 6:
    raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
else:
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
for _ in range(arguments.count):
    raw.sendto(packet, (str(arguments.outer_destination), 0))
