# SPDX-License-Identifier: GPL-2.0
"""The outer headers of the scenario hostile in MPLS: label stacks, whatever carries them."""
import struct

from hostile_judge import DEEPEST, OVER, marked_label
from hostile_lab import *  # noqa: F403

OTHER_CHANNEL = struct.pack("!I", 0x10007FF7)
FAMILIES = (4,) if STATION else (4, 6)


def can_be_marked(payload):
    """Is what arrived a whole stack with a mark in its bottom label?"""
    return marked_label(payload) is not None


def carried(stacks):
    """As the socket sees them: in GRE with its header, whose checksum is right."""
    return [labels(stack, 100, checked=True) for stack in stacks]


def frames_of(lab, stacks, family):
    return [lab.underlay.tunnelled(family, payload, port=SINK) for payload in carried(stacks)]


def marked(count, end):
    counters = {"received_marked": count, "cleared": count, end: count}
    return counters if STATION else dict(counters, checksum_updated=count)


def flow(port):
    return ipv4(C4, S4, TCP, tcp(port, 80))


def expect(lab, name, stacks, counters, arrive, families=FAMILIES):
    """These stacks move the counters, and arrive as those."""
    for family in families:
        lab.expect(name if STATION else f"{name}, over IPv{family}", frames_of(lab, stacks, family), counters,
                   carried(arrive))


def recorded(lab, name, stacks, without, bottoms):
    """Each is a flow of its own."""
    expect(lab, name, stacks, marked(len(stacks), "recorded"), without, families=(4,))
    rows = sorted(row["vni"] for row in lab.sessions())
    lab.result(rows == sorted(bottoms), f"{name}: in the rows the bottom labels", f"{rows}, expected {sorted(bottoms)}")
    lab.flush()


def stack_cases(lab):
    inner = flow(2000)
    for depth in (1, 2, 3, DEEPEST):
        whole = mpls(inner, *range(300, 299 + depth), 100)
        cut = [whole[:n] for n in range(4 * depth)]
        expect(lab, f"a stack of {depth} cut at every byte: malformed_tunnel", cut, {"malformed_tunnel": len(cut)}, cut)
    # Behind 16 entries nothing is looked for, so nothing is missing.
    deep = mpls(inner, *range(300, 300 + DEEPEST), 100)
    cut = [deep[:n] for n in range(4 * DEEPEST, len(deep))]
    cut.append(deep)
    expect(lab, f"{DEEPEST + 1} labels, whole and cut behind the sixteenth, go on unchanged", cut, {}, cut)
    endless = [mpls(b"", *[100] * depth, bottom=False) for depth in (1, 2, DEEPEST - 1)]
    expect(lab, "no bottom, and nothing behind: malformed_tunnel", endless, {"malformed_tunnel": len(endless)}, endless)
    endless = [mpls(b"", *[100] * depth, bottom=False) for depth in (DEEPEST, DEEPEST + 1, 100, 350)]
    expect(lab, "no bottom in a deep one: goes on unchanged", endless, {}, endless)
    # What stands behind is read as labels: IPv4's length, 0x100, makes its first four bytes a bottom without the bit.
    bottomless = [mpls(ipv4(C4, S4, UDP, udp(1, 2, bytes(228))), 100, bottom=False)]
    expect(lab, "no bottom in front of IP, whose length looks like one: no label of ours", bottomless, {}, bottomless)
    lab.empty("none of them was recorded")
    depths = (1, 2, 3, 8, DEEPEST)
    stacks = {mark: [mpls(flow(2100 + depth), *range(300, 299 + depth), 100, mark=mark) for depth in depths]
              for mark in (MARKED, NORMAL)}
    recorded(lab, f"stacks of up to {DEEPEST} labels are recorded", stacks[MARKED], stacks[NORMAL], [100] * len(depths))


def label_cases(lab):
    inner = flow(2200)
    reserved = [mpls(inner, label) for label in range(16)]
    expect(lab, "labels below 16 were never marked: with the bit they go on unchanged", reserved, {}, reserved)
    above = [mpls(inner, 100 | 0x08000, 200, mark=0), mpls(inner, 15 | 0x08000, 200, mark=0)]
    expect(lab, "the bit in a label that is not the bottom one is no mark", above, {}, above)
    plain = [mpls(inner, label, mark=0) for label in (0, 3, 15, 16, 100, 0x07FFF, 0x10000, 0xF7FFF)]
    expect(lab, "labels without the bit move no counter", plain, {}, plain)
    others = [mpls(inner, 16, mark=bit) for bit in (0x40, 0x80, 0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000, 0x4000)]
    others += [mpls(inner, 100, mark=bit) for bit in (0x20, 0x10000, 0x80000)]
    expect(lab, "nor do other bits", others, {}, others)
    broken = [mpls(inner[:n], 100, mark=0) for n in range(len(inner))]
    expect(lab, "nor does anything that is wrong in a packet without a mark", broken, {}, broken)
    lab.empty("none of them was recorded")

    others = [16, 17, 0x20, 100, 0x07FFF, 0x10000, 0x70000, 0xF7FFF]
    recorded(lab, "all other labels are recorded", [mpls(flow(2300 + at), label) for at, label in enumerate(others)],
             [mpls(flow(2300 + at), label, mark=0) for at, label in enumerate(others)], others)
    # Traffic class and TTL belong to others.
    kept = [(kind, ttl) for kind in range(8) for ttl in (0, 1, 64, 255)]
    stacks = {mark: [struct.pack("!I", (100 | mark) << 12 | kind << 9 | 0x100 | ttl) + flow(2400 + at)
                     for at, (kind, ttl) in enumerate(kept)] for mark in (MARKED, NORMAL)}
    recorded(lab, "every traffic class, every end of the TTL", stacks[MARKED], stacks[NORMAL], [100] * len(kept))


def first_look_cases(lab):
    """In UDP: what four bytes in front say, and those that differ from them in one."""
    over = [OVER + mpls(flow(2600), 100)]
    expect(lab, "behind a label whose TTL is over nothing is looked for", over, {}, over)
    expect(lab, "nor in a stack that ends there: malformed_tunnel", [OVER], {"malformed_tunnel": 1}, [OVER])
    lab.empty("none of them was recorded")
    others = [0x08000001, 0x08000200, 0x08001000, 0x0C000000]
    stacks = {mark: [struct.pack("!I", first) + mpls(flow(2610 + at), 100, mark=mark)
                     for at, first in enumerate(others)] for mark in (MARKED, NORMAL)}
    recorded(lab, "behind any other label", stacks[MARKED], stacks[NORMAL], [100] * len(others))


def split_cases(lab):
    """In fragments of what carries the stack. IPv4 is reassembled before LOCAL_IN, IPv6 is not."""
    whole, without = carried([mpls(flow(2700), 300, 301, 302, 100, mark=mark) for mark in (MARKED, NORMAL)])
    frames = {family: lab.underlay.pieces(family, lab.packet(family, whole), 16, protocol=lab.protocol, ident=50)
              for family in (4, 6)}
    lab.expect("a first IPv6 fragment that ends within the stack: malformed_tunnel, goes on unchanged", frames[6],
               {"malformed_tunnel": 1}, [whole])
    lab.empty("it was not recorded")
    lab.expect("an IPv4 fragment that does is reassembled before", frames[4], marked(1, "recorded"), [without])
    lab.flush()


def link_cases(lab):
    """What the frame around it says."""
    u = lab.underlay
    inner, ours = flow(2500), mpls(flow(2500), 100)
    host, peer = u.macs
    others = [ether("02:00:00:00:77:77", peer, MPLS, ours), ether("ff:ff:ff:ff:ff:ff", peer, MPLS, ours),
              ether("01:00:5e:80:00:01", peer, MPLS, ours)]
    lab.expect("for another station, or for all: not for this host", others, {}, [ours] * len(others))
    lab.expect("multicast MPLS is none of ours", [ether(host, peer, 0x8848, ours)], {}, [])
    tagged = [ether(host, peer, kind, tag(vid, MPLS, ours)) for kind in (VLAN, QINQ) for vid in (7, 4094)]
    lab.expect("with the tag of a VLAN that this host has not", tagged, {})
    lab.empty("none of them was recorded")
    stranger = ether(host, "02:00:00:00:66:66", MPLS, ours)
    lab.expect("from a station that nobody knows: untrusted, cleared", [stranger], marked(1, "untrusted"),
               [mpls(inner, 100, mark=0)])
    lab.empty("and not recorded")


def channel_cases(lab):
    """Associated channels, of which one has readiness messages."""
    garbage = [MESSAGE + rest for rest in (b"", b"x", b"somebody's experiment", bytes(200), b"ITUQ" + bytes(170))]
    for number, mark in ((0, NORMAL), (1, MARKED)):
        stacks = [mpls(body, 100, mark=mark) for body in garbage]
        counters = {"probe_malformed": len(stacks)}
        if number:
            counters.update(marked(len(stacks), "record_not_flow"))
        expect(lab, "a message's channel and no message" + (", marked" if number else ""), stacks, counters,
               [mpls(body, 100, mark=0) for body in garbage])
    cut = [MESSAGE[:n] for n in range(4)] + [OTHER_CHANNEL[:n] for n in range(4)]
    expect(lab, "a channel cut at every byte: record_not_flow", [mpls(body, 100) for body in cut],
           marked(len(cut), "record_not_flow"), [mpls(body, 100, mark=0) for body in cut])
    others = [OTHER_CHANNEL + bytes(60)] + [bytes((version << 4,)) + bytes(59) for version in (0, 1, 2, 3, 5, 7, 8, 15)]
    expect(lab, "other channels, control words, and what begins as nothing known: record_not_flow",
           [mpls(body, 100) for body in others], marked(len(others), "record_not_flow"),
           [mpls(body, 100, mark=0) for body in others])
    lab.empty("none of them was recorded")
