#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The attacker of the scenario hostile: crafted tunnel packets from an accept peer, and what became of them.

    hostile.py PEER HOST VM

PEER sends raw frames by its eth0 to HOST, whose UDP ports 4789 (a VXLAN device) and 4790 (a socket of this program)
are the module's tunnel ports. So 4790 shows byte for byte what leaves the record stage, and with all counters of the
module what it thought of each packet. One line per result, in the scenario's words: "ok NAME" or "not ok NAME".

expect() is the whole proof of a case: these packets move exactly these counters by exactly so much and no other
counter, and arrive exactly like this. classify() says by itself what a frame is, for frames that chance has made.
"""
import contextlib
import ipaddress
import os
import random
import socket
import sys

from frames import *  # noqa: F403

SLOW = float(os.environ.get("SLOW", "1"))
MUTATIONS = int(os.environ.get("MUTATIONS", "4000"))
SEED = int(os.environ.get("SEED", str(random.randrange(1 << 32))))
SINK, DEVICE = 4790, 4789

PEER4, HOST4, PEER6, HOST6 = "172.18.10.1", "172.18.10.2", "2001:db8:18::1", "2001:db8:18::2"
LB, RS = "02:00:00:00:00:fe", "02:00:00:00:00:02"
C4, S4, C6, S6 = "200.1.1.2", "10.1.1.2", "2001:db8:c1::2", "2001:db8:10::2"


def frame(kind, payload):
    return ether(RS, LB, kind, payload)


def in4(protocol, payload=b"", **fields):
    return frame(IPV4, ipv4(C4, S4, protocol, payload, **fields))


def in6(protocol, payload=b"", **fields):
    return frame(IPV6, ipv6(C6, S6, protocol, payload, **fields))


# --- the lab -----------------------------------------------------------------


class Lab:
    def __init__(self, peer, host, vm):
        self.host, self.netlink = host, Netlink(host)
        self.raw = packet_socket(peer, "eth0", 0)
        self.vm_ns, self.vm = vm, packet_socket(vm, "eth0")
        self.underlay = Underlay(mac_of(host, "eth0"), mac_of(peer, "eth0"), (PEER4, HOST4), (PEER6, HOST6))
        with namespace(host):
            self.sink = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.sink.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.sink.setsockopt(socket.IPPROTO_UDP, 102, 1)  # UDP_NO_CHECK6_RX
        self.sink.setsockopt(socket.SOL_SOCKET, RCVBUFFORCE, 32 << 20)
        self.sink.bind(("::", SINK))
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

    def arrived(self):
        """What the socket got up to a packet that nobody objects to."""
        self.sentinels += 1
        sentinel = vxlan(b"sentinel %d" % self.sentinels, flags=0x08)
        self.raw.send(self.underlay.frame(4, sentinel, dport=SINK))
        got = []
        self.sink.settimeout(5 * SLOW)
        while True:
            payload = self.sink.recv(70000)
            if payload == sentinel:
                return got
            got.append(payload)

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
        if arrives is not None and got != arrives:
            problems.append(f"{len(got)} packets arrived, expected {len(arrives)}")
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
        if checked:
            counters["checksum_updated"] = len(inners)
        return self.problems([self.underlay.frame(family, vxlan(inner), dport=SINK, checked=checked)
                              for inner in inners], counters, [vxlan(inner, flags=0x08) for inner in inners], None)

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

    def sessions(self):
        return self.netlink.sessions()

    def flush(self):
        self.netlink.flush()
        self.last = None

    def empty(self, name):
        rows = self.sessions()
        self.result(rows == [], name, f"{len(rows)} sessions: {rows[:3]}")


# --- an independent judge ----------------------------------------------------


def word(data, at):
    return int.from_bytes(data[at:at + 2], "big")


def host_address(value):
    value = ipaddress.ip_address(value)
    if value.version == 4:
        return not (value.is_loopback or value.is_multicast or int(value) in (0, 0xFFFFFFFF))
    return not (value.is_multicast or int(value) in (0, 1))


def classify(data):
    """(counter, session) of an inner frame; the session is (src, sport, dst, dport, protocol) or None."""
    if len(data) < 14 or data[6] & 1 or not any(data[6:12]):
        return "malformed_ethernet", None
    kind, data, group, tags = word(data, 12), data[14:], data[0] & 1, 0
    if kind == PROBE:
        return "probe_malformed", None
    while kind in (VLAN, QINQ):
        tags += 1
        if tags > 2 or len(data) < 4:
            return "malformed_vlan", None
        kind, data = word(data, 2), data[4:]
    if group or kind not in (IPV4, IPV6):
        return "record_not_flow", None
    return (classify4 if kind == IPV4 else classify6)(data)


def options4_good(options):
    while options and options[0] != 0:
        if options[0] == 1:
            options = options[1:]
            continue
        if len(options) < 2 or options[1] < 2 or options[1] > len(options):
            return False
        options = options[options[1]:]
    return True


def classify4(data):
    if len(data) < 20:
        return "malformed_ipv4", None
    header, length = (data[0] & 15) * 4, word(data, 2)
    if data[0] >> 4 != 4 or header < 20 or not header <= length <= len(data) or not options4_good(data[20:header]):
        return "malformed_ipv4", None
    source, destination = data[12:16], data[16:20]
    if not host_address(source) or not host_address(destination):
        return "record_not_flow", None
    if word(data, 6) & 0x1FFF:
        return "record_fragment", None
    return transport(data[9], source, destination, data[header:length], bool(word(data, 6) & 0x2000))


def options6_good(options):
    while options:
        if options[0] == 0:
            options = options[1:]
            continue
        if len(options) < 2 or 2 + options[1] > len(options):
            return False
        options = options[2 + options[1]:]
    return True


def classify6(data):
    if len(data) < 40 or data[0] >> 4 != 6 or word(data, 4) > len(data) - 40:
        return "malformed_ipv6", None
    source, destination = data[8:24], data[24:40]
    if not host_address(source) or not host_address(destination):
        return "record_not_flow", None
    following, data = data[6], data[40:40 + word(data, 4)]
    headers, walked, first_fragment, fragments = 0, 0, False, 0
    while following in (HOPOPTS, ROUTING, FRAGMENT, AH, DSTOPTS, 135):
        headers += 1
        if headers > 8 or len(data) < 8 or (following == HOPOPTS and headers > 1):
            return "malformed_extension", None
        size = 8 * (data[1] + 1)
        if following == FRAGMENT:
            fragments += 1
            if fragments > 1:
                return "malformed_extension", None
            size = 8
            if word(data, 2) >> 3:
                return "record_fragment", None
            first_fragment = bool(data[3] & 1)
        elif following == AH:
            size = 4 * (data[1] + 2)
        walked += size
        if size > len(data) or walked > 512:
            return "malformed_extension", None
        if following in (HOPOPTS, DSTOPTS) and not options6_good(data[2:size]):
            return "malformed_extension", None
        following, data = data[0], data[size:]
    if following == NO_NEXT:
        return "record_not_flow", None
    return transport(following, source, destination, data, first_fragment)


def transport(protocol, source, destination, data, first_fragment):
    bad = "malformed_transport", None
    ends = str(ipaddress.ip_address(source)), str(ipaddress.ip_address(destination))
    ports = (0, 0)
    if protocol == TCP:
        if len(data) < 20 or not 20 <= (data[12] >> 4) * 4 <= len(data):
            return bad
        ports = word(data, 0), word(data, 2)
    elif protocol in (UDP, UDPLITE):
        if len(data) < 8:
            return bad
        length = word(data, 4)
        if (length and length < 8) or (length > len(data) and not first_fragment):
            return bad
        ports = word(data, 0), word(data, 2)
    elif protocol in (SCTP, DCCP):
        if len(data) < 12:
            return bad
        ports = word(data, 0), word(data, 2)
    elif protocol == (ICMP if len(source) == 4 else ICMPV6):
        if len(data) < 8:
            return bad
        request, reply = (8, 0) if len(source) == 4 else (128, 129)
        if data[0] in ((3, 4, 5, 11, 12) if len(source) == 4 else (1, 2, 3, 4)):
            return "record_icmp_error", None
        if data[0] == request:
            ports = word(data, 4), request
        elif data[0] == reply:
            ports = request, word(data, 4)
        else:
            return "record_not_flow", None
    return "flow", (ends[0], ports[0], ends[1], ports[1], protocol)


# --- valid packets -----------------------------------------------------------

IP_OPTIONS = bytes([7, 7, 4, 0, 0, 0, 0, 1])  # record route and a NOP
TCP_OPTIONS = bytes([2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7])


def chain(payload, protocol):
    """Hop-by-hop, destination, routing, (whole) fragment, authentication, destination: six of eight allowed."""
    last = extension(protocol, payload)
    authentication = extension(DSTOPTS, last, body=bytes(14), units=2)
    return extension(DSTOPTS, extension(ROUTING, extension(FRAGMENT, fragment6(AH, authentication), body=bytes(6))))


# (name, frame, protocol, bytes of the transport header), each a flow of its own.
def samples():
    transports4 = {
        TCP: (tcp(1001, 80, b"payload", options=TCP_OPTIONS), 40), UDP: (udp(1002, 53, b"payload"), 8),
        SCTP: (sctp(1003, 36412, b"\1\0\0\4"), 12), DCCP: (udp(1004, 5001) + bytes(8), 12),
        ICMP: (icmp(8, 77, b"payload"), 8), UDPLITE: (udp(1005, 53, b"payload", length=8), 8)}
    transports6 = {ICMPV6 if protocol == ICMP else protocol: value for protocol, value in transports4.items()}
    transports6[ICMPV6] = (icmp(128, 78, b"payload"), 8)
    for protocol, (payload, header) in transports4.items():
        yield f"IPv4, protocol {protocol}", in4(protocol, payload), protocol, header
    for protocol, (payload, header) in transports6.items():
        yield f"IPv6, protocol {protocol}", in6(protocol, payload), protocol, header


def control(lab):
    """Valid packets are sessions, or the rest of this file shows nothing."""
    cases = [(f"{name} is a session", inner) for name, inner, _, _ in samples()]
    cases += [
        ("IPv4 with options is a session", in4(TCP, tcp(1100, 80), options=IP_OPTIONS)),
        ("one VLAN tag is a session", frame(VLAN, tag(7, IPV4, ipv4(C4, S4, TCP, tcp(1101, 80))))),
        ("two VLAN tags are a session", frame(QINQ, tag(7, VLAN, tag(8, IPV6, ipv6(C6, S6, UDP, udp(1102, 53)))))),
        ("IPv6 with a chain of six extension headers is a session", in6(HOPOPTS, chain(tcp(1103, 80), TCP))),
        ("an unknown protocol is a session by its addresses", in4(253, b"payload")),
        ("TCP options that make no sense are the server's business",
         in4(TCP, tcp(1104, 80, options=b"\x02\x00\x08\xff"))),
    ]
    lab.table((name, inner, "recorded") for name, inner in cases)
    rows = lab.sessions()
    lab.result(len(rows) == len(cases), "each made one session", f"{len(rows)} of {len(cases)}: {rows}")
    wrong = [row for row in rows if (row["mac"], row["vtep_ip"], row["vni"]) != (LB, PEER4, 100)]
    lab.result(not wrong, "with the balancer's MAC, endpoint and VNI", str(wrong))
    lab.flush()
    lab.marked("over IPv6 too", [in6(TCP, tcp(1105, 80))], "recorded", family=6)
    lab.marked("without an outer checksum", [in4(TCP, tcp(1106, 80))], "recorded", checked=False)
    lab.marked("without one over IPv6", [in6(TCP, tcp(1107, 80))], "recorded", family=6, checked=False)
    lab.flush()


# --- headers cut at every byte -----------------------------------------------


def group(lab, name, inners, family=4):
    """Cuts by the counter that each must end in."""
    ends = {}
    for inner, end in inners:
        ends.setdefault(end, []).append(inner)
    for end, packets in ends.items():
        lab.marked(name, packets, end, family=family)


def cuts(lab):
    """What is missing is the tail; the lengths in front of it are once as they were and once made to fit."""
    tagged4 = frame(QINQ, tag(7, VLAN, tag(8, IPV4, b"")))
    tagged6 = frame(QINQ, tag(7, VLAN, tag(8, IPV6, b"")))
    link = [(tagged4[:n], "malformed_ethernet" if n < 14 else "malformed_vlan") for n in range(len(tagged4))]
    group(lab, "Ethernet with two tags cut at every byte", link)

    packet = ipv4(C4, S4, TCP, tcp(1, 2, options=TCP_OPTIONS), options=IP_OPTIONS)
    group(lab, "IPv4 with options and TCP with options cut at every byte, lengths as they were",
          [(tagged4 + packet[:n], "malformed_ipv4") for n in range(len(packet))])
    header = 20 + len(IP_OPTIONS)
    group(lab, "the same with IPv4's length made to fit",
          [(tagged4 + packet[:2] + struct.pack("!H", n) + packet[4:n],
            "malformed_ipv4" if n < header else "malformed_transport") for n in range(4, len(packet))])
    packet = ipv6(C6, S6, HOPOPTS, chain(tcp(1, 2, options=TCP_OPTIONS), TCP))
    group(lab, "IPv6 with extension headers and TCP cut at every byte, lengths as they were",
          [(tagged6 + packet[:n], "malformed_ipv6") for n in range(len(packet))], family=6)
    first_transport = len(packet) - 40
    group(lab, "the same with IPv6's length made to fit",
          [(tagged6 + packet[:4] + struct.pack("!H", n - 40) + packet[6:n],
            "malformed_extension" if n < first_transport else "malformed_transport")
           for n in range(40, len(packet))], family=6)
    for name, inner, protocol, header in samples():
        size = 14 + (20 if name.startswith("IPv4") else 40)
        # SCTP's and DCCP's header is all that they need; UDP's length tells on a cut payload too.
        end = len(inner) if protocol == UDP else size + header
        packets = []
        for n in range(size, end):
            at, length = (16, n - 14) if size == 34 else (18, n - 54)
            packets.append((inner[:at] + struct.pack("!H", length) + inner[at + 2:n], "malformed_transport"))
        group(lab, f"{name} cut at every byte of its header", packets)
    lab.empty("no cut packet was recorded")


# --- wrong in one place ------------------------------------------------------


def inner_cases():
    whole4, whole6 = tcp(1, 2), udp(1, 2, b"payload")
    nine = whole6
    for count in range(9):
        nine = extension(UDP if count == 0 else DSTOPTS, nine)
    long = extension(DSTOPTS, extension(UDP, whole6, body=b"\1\xfe" + bytes(254) + b"\1\4" + bytes(4)), body=b"\1\xfe" + bytes(254) + b"\1\4" + bytes(4))
    yield "source MAC of a group", ether(RS, "03:00:00:00:00:01", IPV4, ipv4(C4, S4, TCP, whole4)), "malformed_ethernet"
    yield "source MAC zero", ether(RS, "00:00:00:00:00:00", IPV4, ipv4(C4, S4, TCP, whole4)), "malformed_ethernet"
    three = tag(7, VLAN, tag(8, VLAN, tag(9, IPV4, ipv4(C4, S4, TCP, whole4))))
    yield "three nested VLANs", frame(VLAN, three), "malformed_vlan"
    yield "three nested VLANs, 802.1ad outside", frame(QINQ, three), "malformed_vlan"
    yield "a hundred nested VLANs", frame(VLAN, tag(1, VLAN) * 100 + tag(1, IPV4)), "malformed_vlan"

    for version in (0, 5, 6, 15):
        yield f"IPv4 with version {version}", in4(TCP, whole4, version=version), "malformed_ipv4"
    for ihl in (0, 1, 4):
        yield f"IPv4 header length {ihl}", in4(TCP, whole4, ihl=ihl), "malformed_ipv4"
    yield "IPv4 header longer than the packet", in4(TCP, whole4, ihl=15), "malformed_ipv4"
    for length in (0, 1, 19):
        yield f"IPv4 length {length}", in4(TCP, whole4, length=length), "malformed_ipv4"
    yield "IPv4 length one too much", in4(TCP, whole4, length=41), "malformed_ipv4"
    yield "IPv4 length 65535", in4(TCP, whole4, length=65535), "malformed_ipv4"
    yield "IPv4 option of length 0", in4(TCP, whole4, options=b"\x83\0\0\0"), "malformed_ipv4"
    yield "IPv4 option of length 1", in4(TCP, whole4, options=b"\x83\1\0\0"), "malformed_ipv4"
    yield "IPv4 option beyond the header", in4(TCP, whole4, options=b"\x83\5\0\0"), "malformed_ipv4"
    yield "IPv4 option without a length", in4(TCP, whole4, options=b"\1\1\1\x83"), "malformed_ipv4"
    yield "IPv4 options all 0xff", in4(TCP, whole4, options=b"\xff" * 40), "malformed_ipv4"

    for version in (0, 4, 7, 15):
        yield f"IPv6 with version {version}", in6(UDP, whole6, version=version), "malformed_ipv6"
    yield "IPv6 length one too much", in6(UDP, whole6, length=len(whole6) + 1), "malformed_ipv6"
    yield "IPv6 length 65535", in6(UDP, whole6, length=65535), "malformed_ipv6"
    yield "nine extension headers", in6(DSTOPTS, nine), "malformed_extension"
    yield "520 bytes of extension headers", in6(DSTOPTS, long), "malformed_extension"
    yield "hop-by-hop in second place", in6(DSTOPTS, extension(HOPOPTS, extension(UDP, whole6))), "malformed_extension"
    yield "two fragment headers", in6(FRAGMENT, fragment6(FRAGMENT, fragment6(UDP, whole6))), "malformed_extension"
    yield "extension header longer than the packet", in6(DSTOPTS, extension(UDP, whole6, units=255)), \
        "malformed_extension"
    yield "authentication header longer than the packet", in6(AH, extension(UDP, whole6, units=200)), \
        "malformed_extension"
    yield "IPv6 option beyond its header", in6(DSTOPTS, extension(UDP, whole6, body=b"\1\5\0\0\0\0")), \
        "malformed_extension"
    yield "IPv6 option without a length", in6(HOPOPTS, extension(UDP, whole6, body=b"\1\3\0\0\0\x05")), \
        "malformed_extension"

    for offset in (0, 1, 4):
        yield f"TCP header length {offset}", in4(TCP, tcp(1, 2, offset=offset)), "malformed_transport"
    yield "TCP header longer than the packet", in4(TCP, tcp(1, 2, offset=15)), "malformed_transport"
    for length in (1, 7):
        yield f"UDP length {length}", in4(UDP, udp(1, 2, b"payload", length=length)), "malformed_transport"
    yield "UDP length one too much", in6(UDP, udp(1, 2, b"payload", length=16)), "malformed_transport"
    yield "UDP length 65535", in4(UDP, udp(1, 2, b"payload", length=65535)), "malformed_transport"
    yield "UDP-Lite covers 7 bytes", in4(UDPLITE, udp(1, 2, b"payload", length=7)), "malformed_transport"
    yield "UDP-Lite covers more than there is", in6(UDPLITE, udp(1, 2, length=9)), "malformed_transport"

    group_mac = "01:00:5e:00:00:05"
    yield "ARP", frame(ARP, bytes(28)), "record_not_flow"
    yield "broadcast", ether("ff:ff:ff:ff:ff:ff", LB, IPV4, ipv4(C4, S4, UDP, whole6)), "record_not_flow"
    yield "multicast MAC", ether(group_mac, LB, IPV4, ipv4(C4, "224.0.0.5", UDP, whole6)), "record_not_flow"
    yield "multicast address", frame(IPV4, ipv4(C4, "224.0.0.5", UDP, whole6)), "record_not_flow"
    yield "IPv6 multicast address", frame(IPV6, ipv6(C6, "ff0e::5", UDP, whole6)), "record_not_flow"
    yield "loopback as source", frame(IPV4, ipv4("127.0.0.1", S4, UDP, whole6)), "record_not_flow"
    yield "IPv6 loopback as source", frame(IPV6, ipv6("::1", S6, UDP, whole6)), "record_not_flow"
    yield "no address as source", frame(IPV4, ipv4("0.0.0.0", S4, UDP, whole6)), "record_not_flow"
    yield "no IPv6 address as source", frame(IPV6, ipv6("::", S6, UDP, whole6)), "record_not_flow"
    yield "limited broadcast", frame(IPV4, ipv4(C4, "255.255.255.255", UDP, whole6)), "record_not_flow"
    for kind in (133, 134, 135, 136, 137):
        yield f"neighbour discovery {kind}", in6(ICMPV6, icmp(kind, 0, bytes(16))), "record_not_flow"
    yield "ICMP timestamp", in4(ICMP, icmp(13, 1, bytes(12))), "record_not_flow"
    yield "no next header", in6(NO_NEXT, b""), "record_not_flow"
    yield "no next header behind others", in6(DSTOPTS, extension(NO_NEXT)), "record_not_flow"
    yield "LLDP", ether("01:80:c2:00:00:0e", LB, 0x88CC, bytes(40)), "record_not_flow"
    yield "802.3 length instead of a type", frame(46, bytes(46)), "record_not_flow"
    yield "later inner fragment", in4(UDP, whole6, fragment=185), "record_fragment"
    yield "last possible inner fragment", in4(UDP, whole6, fragment=0x1FFF), "record_fragment"
    yield "later inner IPv6 fragment", in6(FRAGMENT, fragment6(UDP, whole6, offset=1480)), "record_fragment"
    yield "ICMP error", in4(ICMP, icmp(3, 0, ipv4(S4, C4, TCP, whole4), code=4)), "record_icmp_error"
    yield "ICMP error that quotes nothing", in4(ICMP, icmp(11, 0)), "record_icmp_error"
    yield "ICMPv6 error", in6(ICMPV6, icmp(2, 0, ipv6(S6, C6, TCP, whole4))), "record_icmp_error"
    yield "a probe's EtherType and no probe", frame(PROBE, b"somebody's experiment"), "probe_malformed"
    yield "a probe's EtherType and nothing", frame(PROBE, b""), "probe_malformed"
    yield "a probe with a wrong magic", frame(PROBE, b"ITUQ" + bytes(142)), "probe_malformed"


def wrong_inside(lab):
    lab.table(inner_cases())
    lab.empty("none of them was recorded")


# --- the outer headers -------------------------------------------------------


def outer_cases(lab):
    u = lab.underlay
    inner = in4(TCP, tcp(2000, 80))
    payload, plain = vxlan(inner), vxlan(inner, flags=0x08)

    for family, name, header in ((4, "IPv4", 20), (6, "IPv6", 40)):
        whole = u.frame(family, payload, dport=SINK)
        top = 14 + header + 16
        frames = [whole[:n] for n in range(15, top)]
        lab.expect(f"outer {name}, UDP and VXLAN cut at every byte, lengths as they were: the kernel's own counters",
                   frames, {}, [], len(frames))
        # The IP length fits, so the packet comes to its port.
        lab.expect(f"outer {name}: UDP cut at every byte: no tunnel packet yet",
                   [u.ip(family, u.datagram(family, payload, dport=SINK)[:n]) for n in range(8)], {}, [], 8)
        short = [payload[:n] for n in range(8)]
        lab.expect(f"outer {name}: VXLAN cut at every byte: malformed_tunnel",
                   [u.frame(family, part, dport=SINK) for part in short], {"malformed_tunnel": 8}, short)
        lab.expect(f"outer {name}: the same with UDP's length as it was",
                   [u.ip(family, u.datagram(family, payload, dport=SINK, checked=False)[:8 + n]) for n in range(8)],
                   {"malformed_tunnel": 8}, [], 8)
        size = len(payload) + 8
        # In IPv6, 0 stands for all there is: see below.
        wrong = [1, 7, size + 1, 65535] + [0] * (family == 4)
        lab.expect(f"outer {name}: UDP length wrong, which UDP refuses: malformed_outer",
                   [u.frame(family, payload, dport=SINK, checked=False, length=length) for length in wrong],
                   {"malformed_outer": len(wrong)}, [], len(wrong))
        lab.expect(f"outer {name}: UDP length leaves no room for VXLAN: malformed_outer",
                   [u.frame(family, payload, dport=SINK, checked=False, length=length) for length in range(8, 16)],
                   {"malformed_outer": 8}, [payload[:n] for n in range(8)])
        lab.expect(f"outer {name}: bytes behind the UDP datagram: malformed_outer, the mark removed",
                   [u.frame(family, payload, dport=SINK, checked=False, length=length) for length in (16, size - 1)],
                   {"malformed_outer": 2, "received_marked": 2, "cleared": 2}, [plain[:8], plain[:-1]])
        lab.expect(f"outer {name}: wrong checksum: malformed_checksum, dropped by UDP",
                   [u.frame(family, payload, dport=SINK, wrong=n) for n in (1, 0x100, 0x7FFF)],
                   {"received_marked": 3, "malformed_checksum": 3, "cleared": 3, "checksum_updated": 3}, [], 3)

    lab.expect("wrong versions of the outer header: the kernel's own counters",
               [u.ip(4, u.datagram(4, payload, dport=SINK), version=version) for version in (0, 5, 6, 15)]
               + [u.ip(6, u.datagram(6, payload, dport=SINK), version=version) for version in (0, 4, 7, 15)],
               {}, [], 8)
    lab.expect("wrong header lengths of outer IPv4",
               [u.ip(4, u.datagram(4, payload, dport=SINK), ihl=ihl) for ihl in (0, 1, 4)], {}, [], 3)
    lab.expect("wrong header checksum of outer IPv4",
               [u.ip(4, u.datagram(4, payload, dport=SINK), check=0x1234)], {}, [], 1)
    lab.expect("bad options of outer IPv4",
               [u.ip(4, u.datagram(4, payload, dport=SINK), options=options)
                for options in (b"\x83\0\0\0", b"\x83\x09\0\0", b"\x44\xff\0\0")], {}, [], 3)
    lab.expect("another protocol, the same bytes: no counter",
               [u.ip(family, u.datagram(family, payload, dport=SINK), protocol=UDPLITE) for family in (4, 6)], {}, [])
    lab.expect("another UDP port: no counter",
               [u.frame(family, payload, dport=port) for family in (4, 6) for port in (4788, 4791, 0, 65535)], {}, [])
    lab.empty("none of them was recorded")

    # What is unusual and right.
    lab.expect("outer IPv4 with options is recorded",
               [u.ip(4, u.datagram(4, vxlan(in4(TCP, tcp(2001, 80))), dport=SINK), options=b"\1" * 39 + b"\0")],
               {"received_marked": 1, "recorded": 1, "cleared": 1, "checksum_updated": 1},
               [vxlan(in4(TCP, tcp(2001, 80)), flags=0x08)])
    lab.expect("outer IPv6 with UDP length 0, which stands for all there is (RFC 2675), is recorded",
               [u.frame(6, vxlan(in4(TCP, tcp(2100, 80))), dport=SINK, checked=False, length=0)],
               {"received_marked": 1, "recorded": 1, "cleared": 1},
               [vxlan(in4(TCP, tcp(2100, 80)), flags=0x08)])
    lab.expect("outer IPv6 with extension headers is recorded",
               [u.ip(6, extension(DSTOPTS, extension(UDP, u.datagram(6, vxlan(in4(TCP, tcp(2002, 80))), dport=SINK))),
                     protocol=HOPOPTS)],
               {"received_marked": 1, "recorded": 1, "cleared": 1, "checksum_updated": 1},
               [vxlan(in4(TCP, tcp(2002, 80)), flags=0x08)])
    lab.expect("outer IPv6 extension headers cut at every byte: the kernel's own counters",
               [u.ip(6, extension(UDP, u.datagram(6, payload, dport=SINK), units=3)[:n], protocol=DSTOPTS)
                for n in range(8)], {}, [], 8)
    lab.flush()


def checksum_cases(lab):
    """A session is made, and moved, on a right checksum only."""
    u = lab.underlay
    inner, moved = in4(TCP, tcp(2100, 80)), ether(RS, "02:00:00:00:00:fd", IPV4, ipv4(C4, S4, TCP, tcp(2100, 80)))
    lab.marked("a session for the next case", [inner], "recorded")
    lab.expect("another MAC with a wrong checksum moves nothing", [u.frame(4, vxlan(moved), dport=SINK, wrong=1)],
               {"received_marked": 1, "malformed_checksum": 1, "cleared": 1, "checksum_updated": 1}, [], 1)
    lab.result([row["mac"] for row in lab.sessions()] == [LB], "the session has its MAC still")
    lab.marked("with a right one it moves", [moved], "moved")
    lab.flush()


def flag_cases(lab):
    """Every flag byte: two are ours."""
    inner = in4(TCP, tcp(2200, 80))
    named = {0x88: "GBP", 0x0C: "GPE with a protocol", 0x0D: "GPE with OAM", 0x3C: "GPE, version 3", 0x8C: "GBP and GPE",
             0xF0: "the mark without the I bit", 0xFF: "all bits", 0x00: "no bit", 0x48: "another second mark"}
    for flags, name in named.items():
        payload = vxlan(inner, flags=flags)
        lab.expect(f"flag byte 0x{flags:02x} ({name}) goes on unchanged: foreign_bits",
                   [lab.underlay.frame(family, payload, dport=SINK) for family in (4, 6)], {"foreign_bits": 2},
                   [payload] * 2)
    rest = [vxlan(inner, flags=flags) for flags in range(256) if flags not in (0x08, 0xF8) and flags not in named]
    lab.expect(f"all the other {len(rest)} flag bytes",
               [lab.underlay.frame(4, payload, dport=SINK) for payload in rest], {"foreign_bits": len(rest)}, rest)
    experiment = vxlan(frame(PROBE, b"somebody's experiment"), flags=0x88)
    lab.expect("GBP with the probe's EtherType inside, and no probe, goes on unchanged",
               [lab.underlay.frame(4, experiment, dport=SINK)], {"probe_malformed": 1, "foreign_bits": 1}, [experiment])
    plain = vxlan(inner, flags=0x08)
    lab.expect("flag byte 0x08 moves no counter", [lab.underlay.frame(4, plain, dport=SINK)], {}, [plain])
    broken = [vxlan(inner[:n], flags=0x08) for n in range(len(inner))]
    lab.expect("nor does anything that is wrong in a packet without a mark",
               [lab.underlay.frame(4, payload, dport=SINK) for payload in broken], {}, broken)
    lab.empty("none of them was recorded")


def fragment_cases(lab):
    """Without defragmentation by conntrack. IPv4 is reassembled before LOCAL_IN, IPv6 is not."""
    u = lab.underlay
    large = tcp(2300, 80, bytes(range(256)) * 5)
    inner4, inner6 = in4(TCP, large), in4(TCP, tcp(2301, 80, bytes(range(256)) * 5))
    one = {"received_marked": 1, "recorded": 1, "cleared": 1, "checksum_updated": 1}
    lab.expect("outer IPv4 fragments are reassembled, verified, recorded", u.fragments(4, vxlan(inner4), 512, dport=SINK),
               one, [vxlan(inner4, flags=0x08)])
    small = in4(TCP, tcp(2302, 80))
    lab.expect("outer IPv4 in fragments of 8 bytes, every header in pieces",
               u.fragments(4, vxlan(small), 8, ident=8, dport=SINK), one, [vxlan(small, flags=0x08)])
    lab.expect("and in the wrong order",
               u.fragments(4, vxlan(in4(TCP, tcp(2303, 80))), 8, ident=9, dport=SINK)[::-1], one,
               [vxlan(in4(TCP, tcp(2303, 80)), flags=0x08)])
    lab.expect("outer IPv4 fragments with a wrong checksum: malformed_checksum",
               u.fragments(4, vxlan(in4(TCP, tcp(2304, 80))), 16, ident=10, dport=SINK, wrong=1),
               {"received_marked": 1, "malformed_checksum": 1, "cleared": 1, "checksum_updated": 1}, [], 1)
    lab.expect("an outer IPv4 fragment alone", u.fragments(4, vxlan(small), 32, ident=11, dport=SINK)[:1], {}, [])

    first = dict(one, unverified=1)
    lab.expect("the first outer IPv6 fragment is recorded and cleared, and the whole arrives with a right checksum",
               u.fragments(6, vxlan(inner6), 512, ident=20, dport=SINK), first, [vxlan(inner6, flags=0x08)])
    lab.expect("in the wrong order too", u.fragments(6, vxlan(inner6), 512, ident=21, dport=SINK)[::-1],
               {"received_marked": 1, "refreshed": 1, "cleared": 1, "checksum_updated": 1},
               [vxlan(inner6, flags=0x08)])
    tiny = in4(TCP, tcp(2305, 80, options=TCP_OPTIONS))
    for size, end in ((32, "malformed_transport"), (48, "malformed_transport"), (64, "malformed_transport")):
        lab.expect(f"a first IPv6 fragment of {size} bytes, without all inner headers: {end}, cleared",
                   u.fragments(6, vxlan(tiny), size, ident=30 + size, dport=SINK),
                   {"received_marked": 1, end: 1, "cleared": 1, "checksum_updated": 1}, [vxlan(tiny, flags=0x08)])
    lab.expect("a first IPv6 fragment of UDP alone: malformed_tunnel, goes on unchanged",
               u.fragments(6, vxlan(tiny), 8, ident=40, dport=SINK), {"malformed_tunnel": 1}, [vxlan(tiny)])
    lab.expect("a whole datagram behind a fragment header is verified",
               u.fragments(6, vxlan(in4(TCP, tcp(2306, 80))), 4096, ident=41, dport=SINK), one,
               [vxlan(in4(TCP, tcp(2306, 80)), flags=0x08)])
    lab.expect("later IPv6 fragments alone", u.fragments(6, vxlan(inner6), 512, ident=42, dport=SINK)[1:], {}, [])
    ports = sorted(row["src_port"] for row in lab.sessions())
    lab.result(ports == [2300, 2301, 2302, 2303, 2306], "the session table holds what was whole, and nothing else",
               f"ports {ports}")
    lab.flush()


# --- chance ------------------------------------------------------------------


class Judge:
    """What the table must hold after each packet."""

    def __init__(self):
        self.table = {}
        self.counters = {}

    def see(self, inner, vni, endpoints, port):
        end, session = classify(inner)
        if end == "flow":
            key, path = (vni, session), (inner[6:12].hex(":"), vni, endpoints, port)
            end = "recorded" if key not in self.table else "refreshed" if self.table[key] == path else "moved"
            self.table[key] = path
        self.counters[end] = self.counters.get(end, 0) + 1

    def rows(self):
        return {(*session, path[0], path[2][0], vni) for (vni, session), path in self.table.items()}


def mutate(rng, data, others):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        kind = rng.randrange(8)
        at = rng.randrange(len(data)) if data else 0
        if kind == 0:
            data = data[:at]
        elif kind == 1:
            data[at:at] = rng.randbytes(rng.choice((1, 2, 4, 8, 40)))
        elif kind == 2:
            del data[at:at + rng.choice((1, 2, 4, 8, 20))]
        elif kind == 3:
            other = rng.choice(others)
            data = data[:at] + bytearray(other[rng.randrange(len(other)):])
        elif kind == 4 and data:
            data[at] = rng.choice((0, 1, 4, 5, 6, 17, 43, 44, 58, 60, 0x45, 0x60, 0x7F, 0x80, 0x81, 0xFF))
        elif data:
            data[at] ^= 1 << rng.randrange(8)
    return bytes(data[:1400])


def mutations(lab):
    rng = random.Random(SEED)
    seeds = [inner for _, inner, _, _ in samples()]
    seeds += [in4(TCP, tcp(1100, 80), options=IP_OPTIONS), frame(VLAN, tag(7, IPV4, ipv4(C4, S4, TCP, tcp(1101, 80)))),
              frame(QINQ, tag(7, VLAN, tag(8, IPV6, ipv6(C6, S6, UDP, udp(1102, 53))))),
              in6(HOPOPTS, chain(tcp(1103, 80), TCP))]
    lab.last = None
    judge, before = Judge(), lab.netlink.counters()
    endpoints = {4: (PEER4, HOST4), 6: (PEER6, HOST6)}
    wrong, count, checked = [], 0, 0
    while count < MUTATIONS:
        inners = [mutate(rng, rng.choice(seeds), seeds) for _ in range(min(100, MUTATIONS - count))]
        expected = []
        for inner in inners:
            family, port = rng.choice((4, 6)), rng.choice((SINK, SINK, SINK, DEVICE))
            vni = rng.choice((100, 100, 100, 200, 0, 0xFFFFFF))
            has_checksum = rng.random() < 0.8
            checked += has_checksum
            lab.send([lab.underlay.frame(family, vxlan(inner, vni=vni), dport=port, checked=has_checksum)])
            judge.see(inner, vni, endpoints[family], port)
            if port == SINK:
                expected.append(vxlan(inner, flags=0x08, vni=vni))
        got = lab.arrived()
        if got != expected:
            wrong += [f"arrived {a.hex()}, expected {b.hex()}" for a, b in zip(got, expected) if a != b][:2]
            wrong += [f"{len(got)} arrived, expected {len(expected)}"]
        count += len(inners)
    moved = grown(before, lab.netlink.counters())
    lab.result(not wrong, f"{count} random mutations (seed {SEED}) arrive as they left, without their mark", *wrong[:4])
    expected = dict(judge.counters, received_marked=count, cleared=count, checksum_updated=checked)
    lab.result(moved == expected, "each ended in the counter that an independent judge says",
               f"moved {moved}", f"expected {expected}")
    rows = {(row["src_ip"], row["src_port"], row["dst_ip"], row["dst_port"], row["protocol"], row["mac"],
             row["vtep_ip"], row["vni"]) for row in lab.sessions()}
    lab.result(rows == judge.rows(), f"the table holds the {len(judge.rows())} sessions of the judge, no other",
               f"too many: {list(rows - judge.rows())[:5]}", f"missing: {list(judge.rows() - rows)[:5]}")
    print("# " + ", ".join(f"{name} {value}" for name, value in sorted(judge.counters.items())))
    lab.flush()


def outer_mutations(lab):
    """All of the frame from its IP header on, lengths and checksums as they fall. No judge but two laws: every marked
    packet that came has one end and leaves without its mark."""
    rng = random.Random(SEED + 1)
    seeds = []
    for family in (4, 6):
        for _, inner, _, _ in samples():
            for port in (SINK, DEVICE):
                seeds.append(lab.underlay.frame(family, vxlan(inner), dport=port, checked=rng.random() < 0.3))
        seeds += lab.underlay.fragments(family, vxlan(in4(TCP, tcp(1, 2, bytes(64)))), 48, dport=SINK, checked=False)
        seeds.append(lab.underlay.ip(6, extension(DSTOPTS, extension(UDP, lab.underlay.datagram(
            6, vxlan(in6(UDP, udp(5, 6))), dport=SINK))), protocol=HOPOPTS))
    before, marked = lab.netlink.counters(), 0
    for start in range(0, MUTATIONS, 100):
        for _ in range(min(100, MUTATIONS - start)):
            seed = rng.choice(seeds)
            body = mutate(rng, seed[14:], seeds)
            if len(body) >= 20 and body[0] >> 4 == 4 and rng.random() < 0.9:  # else nearly all end at IP's checksum
                header = max(20, (body[0] & 15) * 4)
                body = body[:2] + struct.pack("!H", len(body)) + body[4:10] + b"\0\0" + body[12:]
                body = body[:10] + struct.pack("!H", checksum(body[:header])) + body[12:]
            elif len(body) >= 40 and body[0] >> 4 == 6 and rng.random() < 0.9:
                body = body[:4] + struct.pack("!H", len(body) - 40) + body[6:]
            lab.send([seed[:14] + body])
        # What came by fragments of chance may be older than this round.
        marked += sum(1 for payload in lab.arrived() if payload[:1] == b"\xf8" and len(payload) >= 16)
    moved = grown(before, lab.netlink.counters())
    came = moved.get("received_marked", 0)
    lab.result(came > MUTATIONS // 10, f"{MUTATIONS} mutations of whole frames, {came} of them marked tunnel packets",
               str(moved))
    lab.result(came == moved.get("cleared", 0), "each marked one was cleared", str(moved))
    lab.result(not marked, "nothing that can be a tunnel packet arrived with a mark", f"{marked} did")
    print("# " + ", ".join(f"{name} {value}" for name, value in sorted(moved.items())))
    lab.flush()


def alive(lab):
    """The way through the driver and the bridge to the server works still."""
    with contextlib.suppress(BlockingIOError):
        lab.vm.setblocking(False)
        while True:
            lab.vm.recv(70000)
    inner = ether(mac_of(lab.vm_ns, "eth0"), LB, IPV4, ipv4(C4, S4, TCP, tcp(3000, 80)))
    lab.expect("after all that a valid packet is a session", [lab.underlay.frame(4, vxlan(inner))],
               {"received_marked": 1, "recorded": 1, "cleared": 1, "checksum_updated": 1})
    lab.vm.settimeout(5 * SLOW)
    try:
        while lab.vm.recv(70000) != inner:
            pass
        lab.result(True, "and reaches the server as it was")
    except TimeoutError:
        lab.result(False, "and reaches the server as it was")
    lab.result([row["src_port"] for row in lab.sessions()] == [3000], "and is in the table, alone")


def main():
    lab = Lab(*sys.argv[1:4])
    os.sched_setaffinity(0, {0})  # in order: a veth's packets are handled where they are sent
    for part in (control, cuts, wrong_inside, outer_cases, checksum_cases, flag_cases, fragment_cases, mutations,
                 outer_mutations, alive):
        part(lab)
    print(f"# {lab.sent} packets")


if __name__ == "__main__":
    main()
