# SPDX-License-Identifier: GPL-2.0
"""What is VXLAN's own in the scenario hostile."""
from hostile_lab import *  # noqa: F403


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


def can_be_marked(payload):
    """Is what arrived a whole tunnel packet with the mark?"""
    return payload[:1] == b"\xf8" and len(payload) >= 16
