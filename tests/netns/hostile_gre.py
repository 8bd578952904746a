# SPDX-License-Identifier: GPL-2.0
"""The outer headers of the scenario hostile in GRE. It has no ports and no length; C, K and S are options of its header.
All that is GRE comes to the socket, what the module does not know as well. Where GRE carries labels, they have the mark.
"""
import itertools
import struct

import frames
import hostile_mpls
from hostile_inner import TCP_OPTIONS
from hostile_lab import *  # noqa: F403

# What Linux puts in front of GRE in IPv6: the encapsulation limit.
LIMIT = b"\4\1\4\1\1\0"


def gre(inner, *, protocol=None, **fields):
    """Around a frame, or around the IP packet in it where tunnels carry those, with a label of its own if it has one."""
    if LABELS and protocol is None:
        return frames.gre(mpls(inner[14:], 100), protocol=MPLS, **{"flags": 0, **fields})
    if protocol is None:
        protocol = kind_inside(inner)
        inner = inner[14:] if protocol != TEB else inner
    return frames.gre(inner, protocol=protocol, **fields)


def can_be_marked(payload):
    """Is what arrived a whole tunnel packet with the mark?"""
    if len(payload) < 4 or payload[0] & 0x4F or payload[1] & 7:
        return False
    if payload[2:4] == struct.pack("!H", MPLS):
        return not payload[1] and hostile_mpls.can_be_marked(payload[header_size(payload):])
    return payload[1] == 0x80 and len(payload) >= header_size(payload)


def header_size(packet):
    return 4 + 4 * (packet[0] & 0xB0).bit_count()


def cleared(packet):
    """The same without its mark; a checksum, right or wrong, is brought up to that."""
    at = header_size(packet) if LABELS else 0  # the one label, or the Flags
    without = packet[at] & 0xF7 if LABELS else packet[0], packet[at + 1] if LABELS else packet[1] & 7
    plain = packet[:at] + bytes(without) + packet[at + 2:]
    if not packet[0] & 0x80:
        return plain
    field, old, new = (struct.unpack_from("!H", part, place)[0]
                       for part, place in ((packet, 4), (packet, at), (plain, at)))
    total = (~field & 0xFFFF) + (~old & 0xFFFF) + new
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return plain[:4] + struct.pack("!H", ~total & 0xFFFF) + plain[6:]


def marked(count, end, updated=0):
    """updated: those with a checksum."""
    counters = {"received_marked": count, end: count, "cleared": count}
    return dict(counters, checksum_updated=updated) if updated else counters


def frames_of(lab, packets, families=(4, 6), **fields):
    return [lab.underlay.ip(family, packet, protocol=GRE, **fields) for family in families for packet in packets]


def outer_cases(lab):
    u = lab.underlay
    inner = in4(TCP, tcp(2000, 80))
    packet = gre(inner, checked=True, sequence=1)
    for family, name, header in ((4, "IPv4", 20), (6, "IPv6", 40)):
        whole = u.ip(family, packet, protocol=GRE)
        frames = [whole[:n] for n in range(15, 14 + header + 16)]
        lab.expect(f"outer {name} and GRE cut at every byte, lengths as they were: the kernel's own counters",
                   frames, {}, [], len(frames))
        # The IP length fits.
        short = [packet[:n] for n in range(4)]
        lab.expect(f"outer {name}: GRE's first four bytes cut: no tunnel packet yet", frames_of(lab, short, [family]), {},
                   short)
        for checked, key, sequence in itertools.product((False, True), (None, 100), (None, 1)):
            part = gre(b"", checked=checked, key=key, sequence=sequence)
            cut = [part[:n] for n in range(4, len(part))]
            if cut:
                lab.expect(f"outer {name}: {what(checked, key, sequence)} cut at every byte: malformed_tunnel",
                           frames_of(lab, cut, [family]), {"malformed_tunnel": len(cut)}, cut)
    lab.expect("wrong versions of the outer header: the kernel's own counters",
               [u.ip(4, packet, protocol=GRE, version=version) for version in (0, 5, 6, 15)]
               + [u.ip(6, packet, protocol=GRE, version=version) for version in (0, 4, 7, 15)], {}, [], 8)
    lab.expect("wrong header lengths of outer IPv4",
               [u.ip(4, packet, protocol=GRE, ihl=ihl) for ihl in (0, 1, 4)], {}, [], 3)
    lab.expect("another protocol, the same bytes: no counter",
               [u.ip(family, packet, protocol=protocol) for family in (4, 6) for protocol in (46, 48, UDPLITE)], {}, [])
    lab.empty("none of them was recorded")
    lab.expect("outer IPv4 with options is recorded", frames_of(lab, [packet], [4], options=b"\1" * 39 + b"\0"),
               marked(1, "recorded", 1), [cleared(packet)])
    lab.flush()
    extension_cases(lab)


def extension_cases(lab):
    """Outer IPv6: Linux's own destination options, and chains that nobody sends."""
    u = lab.underlay
    for name, checked in (("", False), (" and a checksum", True)):
        packet = gre(in4(TCP, tcp(2010 + checked, 80)), checked=checked)
        lab.expect(f"outer IPv6 with the encapsulation limit{name} is recorded",
                   [u.ip(6, extension(GRE, packet, body=LIMIT), protocol=DSTOPTS)], marked(1, "recorded", int(checked)),
                   [cleared(packet)])
    packet = gre(in4(TCP, tcp(2012, 80)), checked=True)
    lab.expect("outer IPv6 with a chain of extension headers is recorded",
               [u.ip(6, extension(DSTOPTS, extension(GRE, packet, body=LIMIT)), protocol=HOPOPTS)],
               marked(1, "recorded", 1), [cleared(packet)])
    lab.expect("destination options of 64 bytes, of a kind to be skipped, too",
               [u.ip(6, extension(GRE, packet, body=b"\x1e\x3c" + bytes(60)), protocol=DSTOPTS)],
               marked(1, "refreshed", 1), [cleared(packet)])
    lab.flush()
    lab.expect("outer IPv6 extension headers cut at every byte: the kernel's own counters",
               [u.ip(6, extension(GRE, packet, body=LIMIT)[:n], protocol=DSTOPTS) for n in range(8)], {}, [], 8)
    short = [packet[:n] for n in range(len(gre(b"", checked=True)))]
    lab.expect("GRE cut at every byte behind destination options: malformed_tunnel from its fourth byte on",
               [u.ip(6, extension(GRE, part, body=LIMIT), protocol=DSTOPTS) for part in short],
               {"malformed_tunnel": len(short) - 4}, short)
    lab.empty("none of them was recorded")


def what(checked, key, sequence):
    parts = [name for name, there in (("C", checked), ("K", key is not None), ("S", sequence is not None)) if there]
    return "GRE with " + ", ".join(parts) if parts else "GRE without options"


def option_cases(lab):
    """C, K and S in every combination, and whatever else can be in the first two bytes."""
    port = 2100
    for checked, key, sequence in itertools.product((False, True), (None, 100), (None, 7)):
        packets = {}
        for family in (4, 6):
            port += 1
            packets[family] = gre(in4(TCP, tcp(port, 80)), checked=checked, key=key, sequence=sequence)
        lab.expect(f"{what(checked, key, sequence)} is recorded, over IPv4 and IPv6",
                   [lab.underlay.ip(family, packet, protocol=GRE) for family, packet in packets.items()],
                   marked(2, "recorded", 2 * checked), [cleared(packet) for packet in packets.values()])
        rows = [(row["src_port"], row["vtep_ip"], row["vni"]) for row in lab.sessions()]
        network = 100 if LABELS else key or 0
        lab.result(sorted(rows) == sorted([(port - 1, PEER4, network), (port, PEER6, network)]),
                   "in the network of its " + ("label" if LABELS else "key, or in 0"), str(rows))
        lab.flush()
    foreign_cases(lab)
    lab.empty("none of them was recorded")


def foreign_cases(lab):
    """What only looks like ours."""
    inner = in4(TCP, tcp(2200, 80))
    old = [bytes((first,)) + gre(inner, key=None)[1:] + bytes(64) for first in range(256) if first & 0x4F]
    lab.expect(f"the {len(old)} first bytes with what RFC 1701 had (routing, recursion): none of ours",
               frames_of(lab, old, [4]), {}, old)
    lab.expect("over IPv6, too", frames_of(lab, old[:40], [6]), {}, old[:40])
    versions = [gre(inner, flags=flags, version=version) for version in range(1, 8) for flags in range(0, 256, 8)]
    lab.expect("every other version, with every value of the Flags: none of ours", frames_of(lab, versions, [4]), {},
               versions)
    tunnelling = [struct.pack("!BBHHHI", 0x30, 0x81, 0x880B, 60, 1, 1) + bytes(60)]
    lab.expect("PPTP's (version 1) with a bit in front", frames_of(lab, tunnelling), {}, tunnelling * 2)


def network_cases(lab):
    """Keys, and what they say is inside."""
    inner = in4(TCP, tcp(2200, 80))
    large = [gre(inner, key=key, checked=True) for key in (0x1000000, 0x12345678, 0xFFFFFFFF)]
    lab.expect("keys of more than 24 bits: record_large_id", frames_of(lab, large), marked(6, "record_large_id", 6),
               [cleared(packet) for packet in large] * 2)
    others = [gre(inner, protocol=protocol) for protocol in (0, 0x6559, 0x88BE, 0xFFFF)]
    lab.expect("what has neither Ethernet nor IP inside is no flow", frames_of(lab, others, [4]),
               marked(len(others), "record_not_flow"), [cleared(packet) for packet in others])
    # A frame whose first byte, of a MAC address, is no version of IP.
    for protocol, counter in (IPV4, "malformed_ipv4"), (IPV6, "malformed_ipv6"):
        lies = [gre(inner, protocol=protocol)]
        lab.expect(f"a frame that is called IP ({protocol:#06x}): {counter}", frames_of(lab, lies, [4]),
                   marked(1, counter), [cleared(packet) for packet in lies])
    lab.empty("none of them was recorded")


def checksum_cases(lab):
    """A session is made, and moved, on a right checksum only. The socket gets what is wrong, the driver drops it."""
    inner, moved, family, column, before, after = other_way(2300)
    bad = [gre(inner, checked=True, wrong=wrong) for wrong in (1, 0x100, 0x7FFF)]
    zero = gre(inner, checked=True)
    bad.append(zero[:4] + b"\0\0" + zero[6:])
    lab.expect("wrong checksums: malformed_checksum, and as wrong without the mark", frames_of(lab, bad),
               marked(8, "malformed_checksum", 8), [cleared(packet) for packet in bad] * 2)
    # What is covered is all of it: the field's other half, the sequence number, the last byte of an odd length.
    right = gre(inner + b"odd", checked=True, sequence=7)
    bad = [right[:6] + b"\1" + right[7:], right[:15] + b"\1" + right[16:], right[:-1] + b"!"]
    lab.expect("one other byte: malformed_checksum", frames_of(lab, bad, [4]), marked(3, "malformed_checksum", 3),
               [cleared(packet) for packet in bad])
    lab.empty("none of them was recorded")
    lab.expect("an odd length with a right one is recorded", frames_of(lab, [right], [4]), marked(1, "recorded", 1),
               [cleared(right)])
    lab.flush()

    lab.marked("a session for the next case", [inner], "recorded")
    wrong = gre(moved, checked=True, wrong=1)
    lab.expect(f"another way ({column}) with a wrong checksum moves nothing", frames_of(lab, [wrong], [family]),
               marked(1, "malformed_checksum", 1), [cleared(wrong)])
    lab.result([row[column] for row in lab.sessions()] == [before], "the session has its own still")
    lab.marked("with a right one it moves", [moved], "moved", family=family)
    lab.result([row[column] for row in lab.sessions()] == [after], "to where that came from")
    lab.flush()


def flag_cases(lab):
    """Every value of the Flags: one is ours."""
    inner = in4(TCP, tcp(2400, 80))
    others = [gre(inner, flags=flags, checked=True) for flags in range(8, 256, 8) if flags != 0x80]
    lab.expect(f"the other {len(others)} values of the Flags go on unchanged: foreign_bits", frames_of(lab, others),
               {"foreign_bits": 2 * len(others)}, others * 2)
    experiment = gre(frame(PROBE, b"somebody's experiment"), flags=0x40)
    lab.expect("one of them with the probe's EtherType inside, and no probe, goes on unchanged",
               frames_of(lab, [experiment], [4]), {"probe_malformed": 1, "foreign_bits": 1}, [experiment])
    plain = gre(inner, flags=0)
    lab.expect("no bit moves no counter", frames_of(lab, [plain]), {}, [plain] * 2)
    broken = [gre(inner[:n], flags=0) for n in range(len(inner))] + [gre(inner, flags=0, checked=True, wrong=1)]
    broken += [gre(b"", flags=0, checked=True, sequence=1)[:n] for n in range(4, 16)]
    lab.expect("nor does anything that is wrong in a packet without a mark", frames_of(lab, broken), {}, broken * 2)
    lab.empty("none of them was recorded")


def label_cases(lab):
    """Labels inside, by what the GRE header says."""
    inner = in4(TCP, tcp(2600, 80))
    stacks = [mpls(inner[14:], 100, mark=mark) for mark in (MARKED, NORMAL)]
    others = [frames.gre(stack, flags=flags, protocol=MPLS, checked=True)
              for flags in range(8, 256, 8) for stack in stacks]
    lab.expect(f"labels behind the other {len(others) // 2} values of GRE's Flags go on unchanged: foreign_bits",
               frames_of(lab, others), {"foreign_bits": 2 * len(others)}, others * 2)
    others = [frames.gre(stacks[0], flags=0, protocol=protocol, checked=True)
              for protocol in (0, 0x6559, TEB, IPV4, IPV6, 0x8848, 0x88BE, 0xFFFF)]
    lab.expect("labels that GRE calls something else go on unchanged", frames_of(lab, others), {}, others * 2)
    broken = [frames.gre(stacks[1], flags=0, protocol=MPLS, checked=True, wrong=1)]
    lab.expect("a wrong checksum of labels without a mark moves no counter", frames_of(lab, broken), {}, broken * 2)
    lab.empty("none of them was recorded")

    for key, end in ((1, "recorded"), (0xFFFFFFFF, "moved"), (None, "moved"), (None, "refreshed")):
        packet = gre(inner, key=key, checked=True)
        lab.expect(f"keys of any size are a part of the way (now {key}): {end}", frames_of(lab, [packet], [4]),
                   marked(1, end, 1), [cleared(packet)])
    lab.result([row["vni"] for row in lab.sessions()] == [100], "in the row the label still")
    lab.flush()


def pieces(lab, family, packet, size, ident):
    return lab.underlay.pieces(family, packet, size, protocol=GRE, ident=ident)


def fragment_cases(lab):
    """Without defragmentation by conntrack. IPv4 is reassembled before LOCAL_IN, IPv6 is not."""
    payload = bytes(range(256)) * 5
    large = gre(in4(TCP, tcp(2500, 80, payload)), checked=True)
    small = gre(in4(TCP, tcp(2501, 80)), checked=True, sequence=3)
    one = marked(1, "recorded", 1)
    lab.expect("outer IPv4 fragments are reassembled, verified, recorded", pieces(lab, 4, large, 512, 1), one,
               [cleared(large)])
    lab.expect("outer IPv4 in fragments of 8 bytes, every header in pieces", pieces(lab, 4, small, 8, 2), one,
               [cleared(small)])
    again = gre(in4(TCP, tcp(2502, 80)), checked=True)
    lab.expect("and in the wrong order", pieces(lab, 4, again, 8, 3)[::-1], one, [cleared(again)])
    wrong = gre(in4(TCP, tcp(2503, 80)), checked=True, wrong=1)
    lab.expect("outer IPv4 fragments with a wrong checksum: malformed_checksum", pieces(lab, 4, wrong, 16, 4),
               marked(1, "malformed_checksum", 1), [cleared(wrong)])
    lab.expect("an outer IPv4 fragment alone", pieces(lab, 4, small, 32, 5)[:1], {}, [])

    for at, checked in enumerate((True, False)):
        packet = gre(in4(TCP, tcp(2510 + at, 80, payload)), checked=checked)
        lab.expect("the first outer IPv6 fragment is recorded and cleared, and the whole arrives"
                   + (" with a right checksum" if checked else ", without a checksum"),
                   pieces(lab, 6, packet, 512, 10 + at), dict(marked(1, "recorded", int(checked)), unverified=1),
                   [cleared(packet)])
        lab.expect("in the wrong order too", pieces(lab, 6, packet, 512, 12 + at)[::-1],
                   marked(1, "refreshed", int(checked)), [cleared(packet)])
    tiny = gre(in4(TCP, tcp(2520, 80, options=TCP_OPTIONS)), checked=True)
    if LABELS:  # nothing but the label is in it, and that does not say what is behind
        lab.expect("a first IPv6 fragment with all but what is inside: record_not_flow, cleared",
                   pieces(lab, 6, tiny, 16, 29), marked(1, "record_not_flow", 1), [cleared(tiny)])
    for size in (24 if LABELS else 16, 32, 48 if IP_INSIDE else 64):
        lab.expect(f"a first IPv6 fragment of {size} bytes, without all inner headers: malformed_transport, cleared",
                   pieces(lab, 6, tiny, size, 20 + size), marked(1, "malformed_transport", 1), [cleared(tiny)])
    lab.expect("a first IPv6 fragment of eight bytes: malformed_tunnel, goes on unchanged",
               pieces(lab, 6, tiny, 8, 30), {"malformed_tunnel": 1}, [tiny])
    whole = gre(in4(TCP, tcp(2521, 80)), checked=True)
    lab.expect("a whole packet behind a fragment header is verified", pieces(lab, 6, whole, 4096, 31), one,
               [cleared(whole)])
    lab.expect("later IPv6 fragments alone", pieces(lab, 6, large, 512, 32)[1:], {}, [])
    ports = sorted(row["src_port"] for row in lab.sessions())
    lab.result(ports == [2500, 2501, 2502, 2510, 2511, 2521], "the session table holds what was whole, and nothing else",
               f"ports {ports}")
    lab.flush()
