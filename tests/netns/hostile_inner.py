# SPDX-License-Identifier: GPL-2.0
"""The inner frames of the scenario hostile: valid ones, cut ones, and those that are wrong in one place. They are the
same in every type of tunnel.
"""
import struct

from hostile_judge import classify
from hostile_lab import *  # noqa: F403

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
        ("IPv6 with a chain of six extension headers is a session", in6(HOPOPTS, chain(tcp(1103, 80), TCP))),
        ("an unknown protocol is a session by its addresses", in4(253, b"payload")),
        ("TCP options that make no sense are the server's business",
         in4(TCP, tcp(1104, 80, options=b"\x02\x00\x08\xff"))),
    ]
    if not IP_INSIDE:
        cases += [
            ("one VLAN tag is a session", frame(VLAN, tag(7, IPV4, ipv4(C4, S4, TCP, tcp(1101, 80))))),
            ("two VLAN tags are a session", frame(QINQ, tag(7, VLAN, tag(8, IPV6, ipv6(C6, S6, UDP, udp(1102, 53))))))]
    lab.table((name, inner, "recorded") for name, inner in cases)
    rows = lab.sessions()
    lab.result(len(rows) == len(cases), "each made one session", f"{len(rows)} of {len(cases)}: {rows}")
    wrong = [row for row in rows if (row["mac"], row["vtep_ip"], row["vni"]) != (lab.peer_mac, lab.peer4, 100)]
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
        if LABELS and len(inner) == 14:
            end = "record_not_flow"  # nothing says what it was to be
        ends.setdefault(end, []).append(inner)
    for end, packets in ends.items():
        lab.marked(name, packets, end, family=family)


def cuts(lab):
    """What is missing is the tail; the lengths in front of it are once as they were and once made to fit."""
    if IP_INSIDE:
        tagged4, tagged6 = frame(IPV4, b""), frame(IPV6, b"")
    else:
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


def ip_cases():
    """Those that say something of IP. Of MPLS it is IP's version that says what is inside."""
    for name, inner, end in inner_cases():
        if end in ("malformed_ethernet", "malformed_vlan") or name == "broadcast" or \
                (LABELS and end == "probe_malformed"):
            continue
        yield name, inner, classify(inner)[0] if LABELS and "with version" in name else end


def wrong_inside(lab):
    lab.table(ip_cases() if IP_INSIDE else inner_cases())
    lab.empty("none of them was recorded")
