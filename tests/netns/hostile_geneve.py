# SPDX-License-Identifier: GPL-2.0
"""What is Geneve's own in the scenario hostile: its version, its reserved bits, its options."""
import struct

from hostile_judge import classify
from hostile_lab import *  # noqa: F403


def can_be_marked(payload):
    """Is what arrived a whole tunnel packet with the mark?"""
    return (len(payload) >= 8 and not payload[0] >> 6 and payload[1] & 0x3F == 1
            and len(payload) >= 8 + (payload[0] & 0x3F) * 4)


def marked(count, end):
    return {"received_marked": count, end: count, "cleared": count, "checksum_updated": count}


def options(words):
    """So many words of options, each as long as one can be."""
    made = b""
    while words:
        part = min(words, 32)
        made += struct.pack("!HBB", 0x0102, 0x03, part - 1) + bytes(range(4 * part - 4))
        words -= part
    return made


def flag_cases(lab):
    """Every value of the reserved bits: one is ours. The other fields stay as they are."""
    u = lab.underlay
    inner = in4(TCP, tcp(2200, 80))
    others = [geneve(inner, flags=flags) for flags in range(2, 64)]
    lab.expect(f"the other {len(others)} values of the reserved bits go on unchanged: foreign_bits",
               [u.frame(4, payload, dport=SINK) for payload in others], {"foreign_bits": len(others)}, others)
    experiment = geneve(frame(PROBE, b"somebody's experiment"), flags=0x20)
    lab.expect("one of them with the probe's EtherType inside, and no probe, goes on unchanged",
               [u.frame(4, experiment, dport=SINK)], {"probe_malformed": 1, "foreign_bits": 1}, [experiment])
    versions = [geneve(inner, version=version) for version in (1, 2, 3)]
    lab.expect("other versions are none of ours: no counter",
               [u.frame(family, payload, dport=SINK) for family in (4, 6) for payload in versions], {}, versions * 2)
    plain = geneve(inner, flags=0)
    lab.expect("no bit moves no counter", [u.frame(4, plain, dport=SINK)], {}, [plain])
    broken = [geneve(inner[:n], flags=0) for n in range(len(inner))]
    broken += [geneve(b"", flags=0, words=words) for words in range(64)]
    lab.expect("nor does anything that is wrong in a packet without a mark",
               [u.frame(4, payload, dport=SINK) for payload in broken], {}, broken)
    others = [geneve(inner, protocol=protocol) for protocol in (0, 0x6559, 0xFFFF)]
    lab.expect("what has neither Ethernet nor IP inside is no flow",
               [u.frame(4, payload, dport=SINK) for payload in others], marked(len(others), "record_not_flow"),
               [payload[:1] + b"\0" + payload[2:] for payload in others])
    # A frame whose first byte, of a MAC address, is no version of IP.
    for protocol, counter in (IPV4, "malformed_ipv4"), (IPV6, "malformed_ipv6"):
        lie = geneve(inner, protocol=protocol)
        lab.expect(f"a frame that is called IP ({protocol:#06x}): {counter}", [u.frame(4, lie, dport=SINK)],
                   marked(1, counter), [lie[:1] + b"\0" + lie[2:]])
    lab.empty("none of them was recorded")
    odd = [{"control": 0x80}, {"control": 0x40}, {"control": 0xC0}, {"reserved": 0xFF}]
    inners = [in4(TCP, tcp(2210 + at, 80)) for at in range(len(odd))]
    lab.expect("the O and C bits and the reserved byte stay as they are",
               [u.frame(4, geneve(one, **fields), dport=SINK) for one, fields in zip(inners, odd)],
               marked(len(odd), "recorded"), [geneve(one, flags=0, **fields) for one, fields in zip(inners, odd)])
    lab.flush()


def option_cases(lab):
    """Stepped over, never touched."""
    u = lab.underlay
    for family in (4, 6):
        packets = [(in4(TCP, tcp(3000 + words, 80)), options(words)) for words in range(64)]
        lab.expect(f"0 to 63 words of options over IPv{family}: recorded, as they were",
                   [u.frame(family, geneve(inner, options=made), dport=SINK) for inner, made in packets],
                   marked(64, "recorded"), [geneve(inner, options=made, flags=0) for inner, made in packets])
        ports = sorted(row["src_port"] for row in lab.sessions())
        lab.result(ports == list(range(3000, 3064)), "each made its session", f"ports {ports}")
        lab.flush()
    inner = in4(TCP, tcp(3100, 80))
    garbage = [b"\xff" * 4 * words for words in (1, 2, 63)]
    lab.expect("options that make no sense are the receiver's business",
               [u.frame(4, geneve(inner, options=made), dport=SINK) for made in garbage],
               {"received_marked": 3, "recorded": 1, "refreshed": 2, "cleared": 3, "checksum_updated": 3},
               [geneve(inner, options=made, flags=0) for made in garbage])
    lab.flush()

    for family in (4, 6):
        missing = [geneve(b"", words=words) for words in range(1, 64)]
        lab.expect(f"options that are not there over IPv{family}: malformed_tunnel",
                   [u.frame(family, payload, dport=SINK) for payload in missing], {"malformed_tunnel": 63}, missing)
        whole = geneve(b"", options=options(63))
        cut = [whole[:n] for n in range(8, len(whole))]
        lab.expect(f"options cut at every byte over IPv{family}: malformed_tunnel",
                   [u.frame(family, payload, dport=SINK) for payload in cut], {"malformed_tunnel": len(cut)}, cut)
    short = [geneve(inner[:n], options=options(63)) for n in range(14)]
    lab.expect("63 words of options and a cut frame: malformed_ethernet",
               [u.frame(4, payload, dport=SINK) for payload in short], marked(14, "malformed_ethernet"),
               [geneve(inner[:n], options=options(63), flags=0) for n in range(14)])
    whole = geneve(inner, options=options(63))
    lengths = range(16, 8 + 8 + 252)
    lab.expect("UDP length leaves no room for the options: malformed_outer",
               [u.frame(4, whole, dport=SINK, checked=False, length=length) for length in lengths],
               {"malformed_outer": len(lengths)}, [whole[:length - 8] for length in lengths])
    lab.empty("none of them was recorded")
    option_lengths_wrong(lab, inner)
    lab.expect("the first outer IPv6 fragment ends within the options: malformed_ethernet, cleared",
               u.fragments(6, whole, 64, dport=SINK), marked(1, "malformed_ethernet"),
               [geneve(inner, options=options(63), flags=0)])
    lab.empty("and not recorded")
    lab.expect("outer IPv4 fragments of it are reassembled, verified, recorded", u.fragments(4, whole, 64, dport=SINK),
               marked(1, "recorded"), [geneve(inner, options=options(63), flags=0)])
    lab.flush()


def option_lengths_wrong(lab, inner):
    """The frame begins where the length says: a judge says what is there."""
    for words in range(1, 64):
        payload, end = geneve(inner, words=words), "malformed_tunnel"
        counters, arrives = {end: 1}, payload
        if 4 * words <= len(inner):
            end = classify(inner[4 * words:])[0]
            counters, arrives = marked(1, end), geneve(inner, words=words, flags=0)
        problems = lab.problems([lab.underlay.frame(4, payload, dport=SINK)], counters, [arrives], None)
        if problems:
            lab.result(False, f"options of {words} words that reach into the frame: {end}", *problems)
            return
    lab.result(True, "options that reach into the frame, of every length, are what the judge says")
