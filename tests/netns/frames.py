# SPDX-License-Identifier: GPL-2.0
"""Frames made byte by byte, and sockets in other network namespaces, for the scenarios that craft packets.

Every header is a function that puts itself in front of a payload; what is to be wrong is given by name. (scapy would
do, but its import alone takes seconds in a lab.)
"""
import contextlib
import ctypes
import json
import os
import socket
import struct
import subprocess

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000

IPV4, IPV6, ARP, VLAN, QINQ, PROBE = 0x0800, 0x86DD, 0x0806, 0x8100, 0x88A8, 0x88B5
ICMP, TCP, UDP, DCCP, ICMPV6, SCTP, UDPLITE = 1, 6, 17, 33, 58, 132, 136
HOPOPTS, ROUTING, FRAGMENT, AH, NO_NEXT, DSTOPTS = 0, 43, 44, 51, 59, 60
FIN, SYN, RST, ACK = 1, 2, 4, 16


@contextlib.contextmanager
def namespace(name):
    """The calling thread is in a network namespace; what is opened there stays there."""
    with open("/proc/self/ns/net") as home, open(f"/run/netns/{name}") as there:
        if LIBC.setns(there.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {name}")
        try:
            yield
        finally:
            LIBC.setns(home.fileno(), CLONE_NEWNET)


def packet_socket(ns, device, protocol=3):
    """Sends and receives whole frames; protocol 3 is all of them, 0 none."""
    with namespace(ns):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUFFORCE, 32 << 20)
        sock.bind((device, protocol))
    return sock


def mac_of(ns, device):
    """A device's address; not from /sys, which shows the namespace that mounted it."""
    answer = subprocess.run(["ip", "-n", ns, "-j", "link", "show", device], check=True, capture_output=True)
    return json.loads(answer.stdout)[0]["address"]


class Tool:
    """ipvs-tunctl on one host."""

    def __init__(self, ns):
        self.command = [os.environ["IPVS_TUNCTL"], "-j", "-n", ns]

    def __call__(self, *arguments):
        answer = subprocess.run(self.command + list(arguments), check=True, capture_output=True, timeout=60)
        return json.loads(answer.stdout) if answer.stdout.strip() else None

    def counters(self):
        return {name: value for name, value in self("stats", "show").items() if value}


def grown(before, after):
    """What moved between two looks at counters."""
    return {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}


# --- bytes -------------------------------------------------------------------


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def address(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def checksum(data):
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pseudo(source, destination, protocol, length):
    if len(source) == 4:
        return source + destination + struct.pack("!BBH", 0, protocol, length)
    return source + destination + struct.pack("!II", length, protocol)


# --- headers, from the outermost to the innermost ----------------------------


def ether(destination, source, kind, payload=b""):
    return mac(destination) + mac(source) + struct.pack("!H", kind) + payload


def tag(vid, kind, payload=b""):
    """What follows an EtherType of VLAN or QINQ; kind is the EtherType of the payload."""
    return struct.pack("!HH", vid, kind) + payload


def ipv4(source, destination, protocol, payload=b"", *, options=b"", version=4, ihl=None, length=None, ident=1,
         fragment=0, ttl=64, check=None):
    if ihl is None:
        ihl = 5 + len(options) // 4
    if length is None:
        length = 20 + len(options) + len(payload)
    header = struct.pack("!BBHHHBBH4s4s", version << 4 | ihl, 0, length, ident, fragment, ttl, protocol, 0,
                         address(source), address(destination)) + options
    if check is None:
        check = checksum(header)
    return header[:10] + struct.pack("!H", check) + header[12:] + payload


def ipv6(source, destination, protocol, payload=b"", *, version=6, length=None, hops=64):
    if length is None:
        length = len(payload)
    return struct.pack("!IHBB16s16s", version << 28, length, protocol, hops, address(source),
                       address(destination)) + payload


def extension(following, payload=b"", *, body=b"\1\4\0\0\0\0", units=None):
    """An IPv6 extension header; without a body it holds one PadN option. units: 8-byte units behind the first 8."""
    if units is None:
        units = (2 + len(body)) // 8 - 1
    return struct.pack("!BB", following, units) + body + payload


def fragment6(following, payload=b"", *, offset=0, more=0, ident=1):
    return struct.pack("!BBHI", following, 0, offset | more, ident) + payload


def udp(sport, dport, payload=b"", *, length=None, check=0):
    return struct.pack("!HHHH", sport, dport, 8 + len(payload) if length is None else length, check) + payload


def tcp(sport, dport, payload=b"", *, flags=SYN, options=b"", offset=None, seq=1):
    if offset is None:
        offset = 5 + len(options) // 4
    return struct.pack("!HHIIBBHHH", sport, dport, seq, 0, offset << 4, flags, 8192, 0, 0) + options + payload


def sctp(sport, dport, chunks=b""):
    return struct.pack("!HHII", sport, dport, 0, 0) + chunks


def icmp(kind, ident, payload=b"", *, code=0):
    """Without a checksum: nothing that is tested looks at it."""
    return struct.pack("!BBHHH", kind, code, 0, ident, 1) + payload


def vxlan(inner, *, flags=0xF8, vni=100):
    return struct.pack("!BBHI", flags, 0, 0, vni << 8) + inner


class Underlay:
    """Outer headers from one host to another."""

    def __init__(self, destination_mac, source_mac, addresses4, addresses6):
        self.macs = (destination_mac, source_mac)
        self.addresses = {4: addresses4, 6: addresses6}

    def datagram(self, family, payload, *, sport=40000, dport=4789, checked=True, wrong=0, **fields):
        """UDP; checked: with a checksum, wrong: added to it."""
        datagram = udp(sport, dport, payload, **fields)
        if not checked:
            return datagram
        source, destination = (address(text) for text in self.addresses[family])
        length = struct.unpack("!H", datagram[4:6])[0]
        value = checksum(pseudo(source, destination, UDP, length) + datagram) or 0xFFFF
        return datagram[:6] + struct.pack("!H", (value + wrong) & 0xFFFF) + datagram[8:]

    def ip(self, family, payload, *, protocol=UDP, **fields):
        """One frame."""
        build, kind = (ipv4, IPV4) if family == 4 else (ipv6, IPV6)
        return ether(*self.macs, kind, build(*self.addresses[family], protocol, payload, **fields))

    def frame(self, family, payload, **fields):
        return self.ip(family, self.datagram(family, payload, **fields))

    def fragments(self, family, payload, size, *, ident=7, **fields):
        """Several frames of one datagram, each with `size` bytes of it (a multiple of 8)."""
        datagram = self.datagram(family, payload, **fields)
        frames = []
        for start in range(0, len(datagram), size):
            part = datagram[start:start + size]
            more = start + size < len(datagram)
            if family == 4:
                frames.append(self.ip(4, part, ident=ident, fragment=start // 8 | more << 13))
            else:
                part = fragment6(UDP, part, offset=start, more=int(more), ident=ident)
                frames.append(self.ip(6, part, protocol=FRAGMENT))
        return frames
