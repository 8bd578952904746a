# SPDX-License-Identifier: GPL-2.0
"""Where the crafted packets of the scenario hostile are sent, and how their end is looked at.

expect() is the whole proof of a case: these packets move exactly these counters by exactly so much and no other
counter, and arrive exactly like this.
"""
import os
import socket
import struct

from frames import *  # noqa: F403

SLOW = float(os.environ.get("SLOW", "1"))
# Of the two tunnel ports one has a tunnel device, the other a socket of ours. GRE has no ports: there everything comes
# to the socket, labels in GRE too, and what is of the device's network to the device as well.
DEVICE, SINK = (PORT, PORT + 1) if PORT else (None, None)

PEER4, HOST4, PEER6, HOST6 = "172.18.10.1", "172.18.10.2", "2001:db8:18::1", "2001:db8:18::2"
LB, OTHER_LB, RS = "02:00:00:00:00:fe", "02:00:00:00:00:fd", "02:00:00:00:00:02"
# Of the path to the peer, as the table has it.
NO_MAC = "00:00:00:00:00:00"
C4, S4, C6, S6 = "200.1.1.2", "10.1.1.2", "2001:db8:c1::2", "2001:db8:10::2"


def frame(kind, payload):
    return ether(RS, LB, kind, payload)


def in4(protocol, payload=b"", **fields):
    return frame(IPV4, ipv4(C4, S4, protocol, payload, **fields))


def in6(protocol, payload=b"", **fields):
    return frame(IPV6, ipv6(C6, S6, protocol, payload, **fields))


def other_way(port):
    """A flow by the way of the other cases and by another one: the inner frame of each, the second's family, and the
    column of the session's row that differs, with both values. Where IP is inside, that is the endpoint."""
    inner = in4(TCP, tcp(port, 80))
    if IP_INSIDE:
        return inner, inner, 6, "vtep_ip", PEER4, PEER6
    return inner, ether(RS, OTHER_LB, IPV4, ipv4(C4, S4, TCP, tcp(port, 80))), 4, "mac", LB, OTHER_LB


def plain(text):
    """A tunnel packet without a mark that no other one is like."""
    return labels(mpls(text, 100, mark=0), 100) if LABELS else tunnel(text, flags=NORMAL)


class UdpSink:
    """What leaves the record stage for the second port, byte for byte."""

    def __init__(self, host):
        with namespace(host):
            self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.setsockopt(socket.IPPROTO_UDP, 102, 1)  # UDP_NO_CHECK6_RX
        self.socket.setsockopt(socket.SOL_SOCKET, RCVBUFFORCE, 32 << 20)
        self.socket.bind(("::", SINK))
        self.socket.settimeout(5 * SLOW)

    def until(self, send, sentinel):
        """What came in front of a packet that nobody objects to."""
        sentinel = plain(sentinel)
        send(4, sentinel)
        got = []
        while (payload := self.socket.recv(70000)) != sentinel:
            got.append(payload)
        return got


class LinkSink:
    """The same for MPLS: a socket for its EtherType stands behind the hook of the device."""

    def __init__(self, host):
        self.socket = packet_socket(host, "eth0", MPLS)
        self.socket.settimeout(5 * SLOW)

    def until(self, send, sentinel):
        sentinel = plain(sentinel)
        send(4, sentinel)
        got = []
        while (payload := self.socket.recv(70000)[14:]) != sentinel:
            got.append(payload)
        return got


class RawSink:
    """The same for all packets of a protocol: those of IPv4 first, then those of IPv6, both without an IP header."""

    def __init__(self, host):
        self.sockets = {}
        for family, domain in ((4, socket.AF_INET), (6, socket.AF_INET6)):
            with namespace(host):
                self.sockets[family] = socket.socket(domain, socket.SOCK_RAW, GRE)
            self.sockets[family].setsockopt(socket.SOL_SOCKET, RCVBUFFORCE, 32 << 20)
            self.sockets[family].settimeout(5 * SLOW)

    def until(self, send, sentinel):
        got = []
        sentinel = gre(sentinel, flags=0, key=0xFFFFFE)
        for family, sock in self.sockets.items():
            send(family, sentinel)
            while (payload := self.payload(family, sock.recv(70000))) != sentinel:
                got.append(payload)
        return got

    @staticmethod
    def payload(family, packet):
        return packet[(packet[0] & 15) * 4:] if family == 4 else packet


class Lab:
    def __init__(self, peer, host, vm):
        self.host, self.netlink = host, Netlink(host)
        self.raw = packet_socket(peer, "eth0", 0)
        self.vm_ns, self.vm = vm, packet_socket(vm, "eth0")
        self.underlay = Underlay(mac_of(host, "eth0"), mac_of(peer, "eth0"), (PEER4, HOST4), (PEER6, HOST6))
        self.sink = (LinkSink if STATION else UdpSink if PORT else RawSink)(host)
        # What a row says of the peer: its MAC inside, its endpoint.
        self.peer_mac = NO_MAC if IP_INSIDE else LB
        self.peer4 = mac_of(peer, "eth0") if STATION else PEER4
        self.sentinels = 0
        self.last = None  # the counters, as they were when nothing was under way
        self.sent = 0

    def kernel(self):
        """What the kernel itself counts as bad, summed over IP, IPv6 and UDP; each packet in one of these."""
        values = {}
        with namespace(self.host):
            for name in ("snmp", "netstat"):
                with open(f"/proc/net/{name}") as file:
                    for names in file:
                        family, *names = names.split()
                        numbers = next(file).split()[1:]
                        values.update({family[:-1] + key: int(value) for key, value in zip(names, numbers)})
            with open("/proc/net/snmp6") as file:
                values.update({key: int(value) for key, value in map(str.split, file)})
        return sum(value for key, value in values.items()
                   if key in ("IpInHdrErrors", "IpExtInTruncatedPkts", "UdpInErrors", "Ip6InHdrErrors",
                              "Ip6InTruncatedPkts", "Udp6InErrors"))

    def send(self, frames):
        for one in frames:
            self.raw.send(one)
        self.sent += len(frames)

    # The outer packet of a tunnel: its IP protocol, and what stands behind the IP header.
    protocol = UDP if PORT else GRE

    def packet(self, family, payload, **how):
        return self.underlay.datagram(family, payload, dport=SINK, **how) if PORT else payload

    def arrived(self):
        """What the socket got up to now."""
        self.sentinels += 1

        def send(family, sentinel):
            self.raw.send(self.underlay.tunnelled(family, sentinel, port=SINK))

        return self.sink.until(send, b"sentinel %d" % self.sentinels)

    @staticmethod
    def same(got, expected):
        """In this order, if one socket got them all."""
        return got == expected if PORT or STATION else sorted(got) == sorted(expected)

    def result(self, good, name, *details):
        print(("ok " if good else "not ok ") + name, flush=True)
        if not good:
            for detail in details:
                print("# " + detail[:1500])

    def problems(self, frames, counters, arrives, kernel):
        """What is other than expected after these frames."""
        before, kernel_before = self.last or self.netlink.counters(), self.kernel() if kernel is not None else 0
        self.send(frames)
        try:
            got = self.arrived()
        except TimeoutError:
            self.last = None
            return ["the packet behind them never arrived"]
        self.last = self.netlink.counters()
        moved = grown(before, self.last)
        problems = []
        if moved != counters:
            problems.append(f"counters moved {moved}, expected {counters}")
        if arrives is not None and not self.same(got, arrives):
            problems.append(f"{len(got)} packets arrived, expected {len(arrives)}")
            if not PORT and not STATION:
                got, arrives = sorted(got), sorted(arrives)
            problems += [f"arrived {a.hex()}, expected {b.hex()}" for a, b in zip(got, arrives) if a != b][:3]
        if kernel is not None and (dropped := self.kernel() - kernel_before) != kernel:
            problems.append(f"the kernel counted {dropped}, expected {kernel}")
        return problems

    def expect(self, name, frames, counters, arrives=None, kernel=None):
        """counters: exactly what moves. arrives: payloads at the socket, None: not looked at. kernel: how much it
        must have counted itself."""
        problems = self.problems(frames, counters, arrives, kernel)
        self.result(not problems, name, *problems)

    def marked_problems(self, inners, end, family=4, checked=True):
        counters = {"received_marked": len(inners), "cleared": len(inners), end: len(inners)}
        if checked and not STATION:
            counters["checksum_updated"] = len(inners)
        return self.problems([self.underlay.tunnelled(family, tunnel(inner, checked=checked), port=SINK, checked=checked)
                              for inner in inners], counters,
                             [tunnel(inner, flags=NORMAL, checked=checked) for inner in inners], None)

    def marked(self, name, inners, end, **how):
        """Marked packets with these inner frames all end in one counter, and arrive as they are but for the mark."""
        problems = self.marked_problems(inners, end, **how)
        if problems and len(inners) > 1:  # which?
            problems += [f"{one.hex()}: {wrong}" for one in inners for wrong in self.marked_problems([one], end, **how)]
        self.result(not problems, f"{name}: {end}" + (f" ({len(inners)} packets)" if len(inners) > 1 else ""),
                    *problems[:8])

    def table(self, cases):
        """(name, inner frame, counter): sent together by counter, and one by one where that is not as expected."""
        ends = {}
        for name, inner, end in cases:
            ends.setdefault(end, []).append((name, inner))
        for end, together in ends.items():
            problems = self.marked_problems([inner for _, inner in together], end)
            for name, inner in together:
                mine = problems and self.marked_problems([inner], end)
                self.result(not mine, f"{name}: {end}", *mine)

    def endpoints(self):
        """Of the peer's packets, by family; the first one as rows have it. Labels over Ethernet know a station alone."""
        return dict.fromkeys((4, 6), (self.peer4,)) if STATION else {4: (PEER4, HOST4), 6: (PEER6, HOST6)}

    def sessions(self):
        return self.netlink.sessions()

    def flush(self):
        self.netlink.flush()
        self.last = None

    def empty(self, name):
        rows = self.sessions()
        self.result(rows == [], name, f"{len(rows)} sessions: {rows[:3]}")
