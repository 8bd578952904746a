# SPDX-License-Identifier: GPL-2.0
"""The outer headers of the scenario hostile in the tunnels that are UDP: VXLAN, Geneve, and MPLS in UDP."""
from hostile_inner import TCP_OPTIONS
from hostile_lab import *  # noqa: F403

NAME = {"vxlan": "VXLAN", "geneve": "Geneve"}.get(TUNNEL, "a label")
HEADER = 4 if LABELS else 8


def outer_cases(lab):
    u = lab.underlay
    inner = in4(TCP, tcp(2000, 80))
    payload, plain = tunnel(inner), tunnel(inner, flags=NORMAL)

    for family, name, header in ((4, "IPv4", 20), (6, "IPv6", 40)):
        whole = u.frame(family, payload, dport=SINK)
        top = 14 + header + 8 + HEADER
        frames = [whole[:n] for n in range(15, top)]
        lab.expect(f"outer {name}, UDP and {NAME} cut at every byte, lengths as they were: the kernel's own counters",
                   frames, {}, [], len(frames))
        # The IP length fits, so the packet comes to its port.
        lab.expect(f"outer {name}: UDP cut at every byte: no tunnel packet yet",
                   [u.ip(family, u.datagram(family, payload, dport=SINK)[:n]) for n in range(8)], {}, [], 8)
        short = [payload[:n] for n in range(HEADER)]
        lab.expect(f"outer {name}: {NAME} cut at every byte: malformed_tunnel",
                   [u.frame(family, part, dport=SINK) for part in short], {"malformed_tunnel": HEADER}, short)
        # Labels are looked for in a datagram that is whole.
        end = "malformed_outer" if LABELS else "malformed_tunnel"
        lab.expect(f"outer {name}: the same with UDP's length as it was: {end}",
                   [u.ip(family, u.datagram(family, payload, dport=SINK, checked=False)[:8 + n]) for n in range(HEADER)],
                   {end: HEADER}, [], HEADER)
        size = len(payload) + 8
        # In IPv6, 0 stands for all there is: see below.
        wrong = [1, 7, size + 1, 65535] + [0] * (family == 4)
        lab.expect(f"outer {name}: UDP length wrong, which UDP refuses: malformed_outer",
                   [u.frame(family, payload, dport=SINK, checked=False, length=length) for length in wrong],
                   {"malformed_outer": len(wrong)}, [], len(wrong))
        lab.expect(f"outer {name}: UDP length leaves no room for {NAME}: malformed_outer",
                   [u.frame(family, payload, dport=SINK, checked=False, length=8 + n) for n in range(HEADER)],
                   {"malformed_outer": HEADER}, short)
        lab.expect(f"outer {name}: the same with a checksum of what is in it: goes on as it is",
                   [u.ip(family, u.datagram(family, payload[:n], dport=SINK) + payload[n:]) for n in range(HEADER)],
                   {"malformed_outer": HEADER}, short)
        ends = (HEADER, len(payload) - 1)
        lab.expect(f"outer {name}: bytes behind the UDP datagram: malformed_outer, the mark removed",
                   [u.frame(family, payload, dport=SINK, checked=False, length=8 + n) for n in ends],
                   {"malformed_outer": 2, "received_marked": 2, "cleared": 2}, [plain[:n] for n in ends])
        lab.expect(f"outer {name}: the same with a checksum of what is in it, which is still right",
                   [u.ip(family, u.datagram(family, payload[:n], dport=SINK) + payload[n:]) for n in ends],
                   {"malformed_outer": 2, "received_marked": 2, "cleared": 2, "checksum_updated": 2},
                   [plain[:n] for n in ends])
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
               [u.frame(family, payload, dport=port) for family in (4, 6)
                for port in (DEVICE - 1, SINK + 1, 0, 65535)], {}, [])
    lab.empty("none of them was recorded")

    # What is unusual and right.
    lab.expect("outer IPv4 with options is recorded",
               [u.ip(4, u.datagram(4, tunnel(in4(TCP, tcp(2001, 80))), dport=SINK), options=b"\1" * 39 + b"\0")],
               {"received_marked": 1, "recorded": 1, "cleared": 1, "checksum_updated": 1},
               [tunnel(in4(TCP, tcp(2001, 80)), flags=NORMAL)])
    lab.expect("outer IPv6 with UDP length 0, which stands for all there is (RFC 2675), is recorded",
               [u.frame(6, tunnel(in4(TCP, tcp(2100, 80))), dport=SINK, checked=False, length=0)],
               {"received_marked": 1, "recorded": 1, "cleared": 1},
               [tunnel(in4(TCP, tcp(2100, 80)), flags=NORMAL)])
    lab.expect("outer IPv6 with extension headers is recorded",
               [u.ip(6, extension(DSTOPTS, extension(UDP, u.datagram(6, tunnel(in4(TCP, tcp(2002, 80))), dport=SINK))),
                     protocol=HOPOPTS)],
               {"received_marked": 1, "recorded": 1, "cleared": 1, "checksum_updated": 1},
               [tunnel(in4(TCP, tcp(2002, 80)), flags=NORMAL)])
    lab.expect("outer IPv6 extension headers cut at every byte: the kernel's own counters",
               [u.ip(6, extension(UDP, u.datagram(6, payload, dport=SINK), units=3)[:n], protocol=DSTOPTS)
                for n in range(8)], {}, [], 8)
    lab.flush()


def checksum_cases(lab):
    """A session is made, and moved, on a right checksum only."""
    u = lab.underlay
    inner, moved, family, column, before, after = other_way(2100)
    lab.marked("a session for the next case", [inner], "recorded")
    lab.expect(f"another way ({column}) with a wrong checksum moves nothing",
               [u.frame(family, tunnel(moved), dport=SINK, wrong=1)],
               {"received_marked": 1, "malformed_checksum": 1, "cleared": 1, "checksum_updated": 1}, [], 1)
    lab.result([row[column] for row in lab.sessions()] == [before], "the session has its own still")
    lab.marked("with a right one it moves", [moved], "moved", family=family)
    lab.result([row[column] for row in lab.sessions()] == [after], "to where that came from")
    lab.flush()


def fragment_cases(lab):
    """Without defragmentation by conntrack. IPv4 is reassembled before LOCAL_IN, IPv6 is not."""
    u = lab.underlay
    large = tcp(2300, 80, bytes(range(256)) * 5)
    inner4, inner6 = in4(TCP, large), in4(TCP, tcp(2301, 80, bytes(range(256)) * 5))
    one = {"received_marked": 1, "recorded": 1, "cleared": 1, "checksum_updated": 1}
    lab.expect("outer IPv4 fragments are reassembled, verified, recorded", u.fragments(4, tunnel(inner4), 512, dport=SINK),
               one, [tunnel(inner4, flags=NORMAL)])
    small = in4(TCP, tcp(2302, 80))
    lab.expect("outer IPv4 in fragments of 8 bytes, every header in pieces",
               u.fragments(4, tunnel(small), 8, ident=8, dport=SINK), one, [tunnel(small, flags=NORMAL)])
    lab.expect("and in the wrong order",
               u.fragments(4, tunnel(in4(TCP, tcp(2303, 80))), 8, ident=9, dport=SINK)[::-1], one,
               [tunnel(in4(TCP, tcp(2303, 80)), flags=NORMAL)])
    lab.expect("outer IPv4 fragments with a wrong checksum: malformed_checksum",
               u.fragments(4, tunnel(in4(TCP, tcp(2304, 80))), 16, ident=10, dport=SINK, wrong=1),
               {"received_marked": 1, "malformed_checksum": 1, "cleared": 1, "checksum_updated": 1}, [], 1)
    lab.expect("an outer IPv4 fragment alone", u.fragments(4, tunnel(small), 32, ident=11, dport=SINK)[:1], {}, [])

    first = dict(one, unverified=1)
    lab.expect("the first outer IPv6 fragment is recorded and cleared, and the whole arrives with a right checksum",
               u.fragments(6, tunnel(inner6), 512, ident=20, dport=SINK), first, [tunnel(inner6, flags=NORMAL)])
    lab.expect("in the wrong order too", u.fragments(6, tunnel(inner6), 512, ident=21, dport=SINK)[::-1],
               {"received_marked": 1, "refreshed": 1, "cleared": 1, "checksum_updated": 1},
               [tunnel(inner6, flags=NORMAL)])
    tiny = in4(TCP, tcp(2305, 80, options=TCP_OPTIONS))
    for size in (16, 32, 48) if LABELS else (16, 32, 48, 64):
        lab.expect(f"a first IPv6 fragment of {size} bytes, without all inner headers: malformed_transport, cleared",
                   u.fragments(6, tunnel(tiny), size, ident=30 + size, dport=SINK),
                   {"received_marked": 1, "malformed_transport": 1, "cleared": 1, "checksum_updated": 1},
                   [tunnel(tiny, flags=NORMAL)])
    lab.expect("a first IPv6 fragment of UDP alone: malformed_tunnel, goes on unchanged",
               u.fragments(6, tunnel(tiny), 8, ident=40, dport=SINK), {"malformed_tunnel": 1}, [tunnel(tiny)])
    lab.expect("a whole datagram behind a fragment header is verified",
               u.fragments(6, tunnel(in4(TCP, tcp(2306, 80))), 4096, ident=41, dport=SINK), one,
               [tunnel(in4(TCP, tcp(2306, 80)), flags=NORMAL)])
    lab.expect("later IPv6 fragments alone", u.fragments(6, tunnel(inner6), 512, ident=42, dport=SINK)[1:], {}, [])
    ports = sorted(row["src_port"] for row in lab.sessions())
    lab.result(ports == [2300, 2301, 2302, 2303, 2306], "the session table holds what was whole, and nothing else",
               f"ports {ports}")
    lab.flush()
