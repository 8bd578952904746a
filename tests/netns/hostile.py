#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The attacker of the scenario hostile: crafted tunnel packets from an accept peer, and what became of them.

    hostile.py PEER HOST VM

PEER sends raw frames by its eth0 to HOST. Of its two tunnel ports one has a tunnel device, the other a socket of this
program; GRE has a device and a raw socket, with labels inside as well. So the socket shows byte for byte what leaves the
record stage, and with all counters of the module what it thought of each packet. One line per result, in the scenario's
words: "ok NAME" or "not ok NAME".

This file has what chance makes. hostile_lab.py has the lab, hostile_judge.py the judge, hostile_inner.py the inner
frames, hostile_udp.py and the files of the types the outer headers.
"""
import contextlib
import os
import random
import struct
import sys

import hostile_geneve
import hostile_gre
import hostile_inner
import hostile_mpls
import hostile_udp
import hostile_vxlan
from hostile_inner import IP_OPTIONS, chain, samples
from hostile_judge import Judge, marked_label
from hostile_lab import *  # noqa: F403

MUTATIONS = int(os.environ.get("MUTATIONS", "4000"))
SEED = int(os.environ.get("SEED", str(random.randrange(1 << 32))))

# The parts of each type of tunnel.
OUTER = {
    "vxlan": (hostile_udp.outer_cases, hostile_udp.checksum_cases, hostile_vxlan.flag_cases, hostile_udp.fragment_cases),
    "geneve": (hostile_udp.outer_cases, hostile_udp.checksum_cases, hostile_geneve.flag_cases,
               hostile_geneve.option_cases, hostile_udp.fragment_cases),
    "gre": (hostile_gre.outer_cases, hostile_gre.option_cases, hostile_gre.network_cases, hostile_gre.checksum_cases,
            hostile_gre.flag_cases, hostile_gre.fragment_cases),
    "mpls": (hostile_mpls.stack_cases, hostile_mpls.label_cases, hostile_mpls.link_cases, hostile_mpls.channel_cases)}
OUTER["ipgre"] = OUTER["gre"]
# Labels first, then what carries them.
STACKS = (hostile_mpls.stack_cases, hostile_mpls.label_cases, hostile_mpls.channel_cases)
OUTER["mplsgre"] = STACKS + (hostile_mpls.split_cases, hostile_gre.outer_cases, hostile_gre.option_cases,
                             hostile_gre.label_cases, hostile_gre.checksum_cases, hostile_gre.fragment_cases)
OUTER["mplsudp"] = STACKS + (hostile_mpls.split_cases, hostile_mpls.first_look_cases, hostile_udp.outer_cases,
                             hostile_udp.checksum_cases, hostile_udp.fragment_cases)
CAN_BE_MARKED = {"vxlan": hostile_vxlan.can_be_marked, "geneve": hostile_geneve.can_be_marked,
                 "gre": hostile_gre.can_be_marked, "ipgre": hostile_gre.can_be_marked,
                 "mpls": hostile_mpls.can_be_marked, "mplsgre": hostile_gre.can_be_marked,
                 "mplsudp": hostile_mpls.can_be_marked}[TUNNEL]
# Labels below 16 have a meaning of their own, and those with the bit go unmarked.
NETWORKS = (100, 100, 100, 200, 16, 0xF7FFF) if LABELS else (100, 100, 100, 200, 0, 0xFFFFFF)


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
    seeds += [in4(TCP, tcp(1100, 80), options=IP_OPTIONS), in6(HOPOPTS, chain(tcp(1103, 80), TCP))]
    if not IP_INSIDE:
        seeds += [frame(VLAN, tag(7, IPV4, ipv4(C4, S4, TCP, tcp(1101, 80)))),
                  frame(QINQ, tag(7, VLAN, tag(8, IPV6, ipv6(C6, S6, UDP, udp(1102, 53)))))]
    lab.last = None
    judge, before = Judge(), lab.netlink.counters()
    endpoints = lab.endpoints()
    wrong, count, checked = [], 0, 0
    while count < MUTATIONS:
        inners = [mutate(rng, rng.choice(seeds), seeds) for _ in range(min(100, MUTATIONS - count))]
        expected = []
        for inner in inners:
            family, port = rng.choice((4, 6)), rng.choice((SINK, SINK, SINK, DEVICE))
            vni = rng.choice(NETWORKS)
            has_checksum = not STATION and rng.random() < 0.8
            checked += has_checksum
            lab.send([lab.underlay.tunnelled(family, tunnel(inner, vni=vni, checked=has_checksum), port=port,
                                             checked=has_checksum)])
            # GRE's options belong to the path as a port does.
            judge.see(inner, vni, endpoints[family], port or has_checksum)
            if port == SINK:
                expected.append(tunnel(inner, flags=NORMAL, vni=vni, checked=has_checksum))
        wrong += unlike(lab, expected)
        count += len(inners)
    lab.result(not wrong, f"{count} random mutations (seed {SEED}) arrive as they left, without their mark", *wrong[:4])
    judged(lab, judge, before, dict(judge.counters, received_marked=count, cleared=count), checked)


def unlike(lab, expected):
    """What arrived otherwise."""
    got = lab.arrived()
    if lab.same(got, expected):
        return []
    return [*[f"arrived {a.hex()}, expected {b.hex()}" for a, b in zip(got, expected) if a != b][:2],
            f"{len(got)} arrived, expected {len(expected)}"]


def judged(lab, judge, before, expected, checked):
    """checked: so many had a checksum and a mark."""
    moved = grown(before, lab.netlink.counters())
    if checked:
        expected["checksum_updated"] = checked
    lab.result(moved == expected, "each ended in the counter that an independent judge says",
               f"moved {moved}", f"expected {expected}")
    rows = {(row["src_ip"], row["src_port"], row["dst_ip"], row["dst_port"], row["protocol"], row["mac"],
             row["vtep_ip"], row["vni"]) for row in lab.sessions()}
    lab.result(rows == judge.rows(), f"the table holds the {len(judge.rows())} sessions of the judge, no other",
               f"too many: {list(rows - judge.rows())[:5]}", f"missing: {list(judge.rows() - rows)[:5]}")
    print("# " + ", ".join(f"{name} {value}" for name, value in sorted(judge.counters.items())))
    lab.flush()


def stack_mutations(lab):
    """Of label stacks, and of the first bytes behind them."""
    rng = random.Random(SEED + 2)
    inners = [inner[14:] for _, inner, _, _ in samples()]
    stacks = [mpls(b"", *range(300, 299 + depth), 100, mark=mark) for depth in (1, 1, 2, 3, 15, 16, 17)
              for mark in (MARKED, MARKED, NORMAL)]
    judge, before = Judge(), lab.netlink.counters()
    wrong, endpoints, checked = [], lab.endpoints(), 0
    for _ in range(0, MUTATIONS, 100):
        expected = []
        for _ in range(100):
            packet = rng.choice(stacks) + rng.choice(inners)
            end = rng.randrange(1, len(packet))
            stack = mutate(rng, packet[:end], stacks) + packet[end:]
            if MESSAGE in stack:  # which only the module can judge
                continue
            family, has_checksum = rng.choice((4, 6)), not STATION and rng.random() < 0.8
            checked += has_checksum and marked_label(stack) is not None
            lab.send([lab.underlay.tunnelled(family, labels(stack, 100, has_checksum), port=SINK,
                                             checked=has_checksum)])
            leaves = judge.see_stack(stack, endpoints[family], SINK or has_checksum)
            expected.append(labels(leaves, 100, has_checksum))
        wrong += unlike(lab, expected)
    lab.result(not wrong, f"random mutations of {MUTATIONS} label stacks (seed {SEED}) arrive as they should",
               *wrong[:4])
    judged(lab, judge, before, dict(judge.counters), checked)


def outer_seeds(lab, rng):
    seeds = []
    for family in (4, 6):
        for _, inner, _, _ in samples():
            for port in (SINK, DEVICE):
                has_checksum = rng.random() < 0.3
                seeds.append(lab.underlay.tunnelled(family, tunnel(inner, checked=has_checksum), port=port,
                                                    checked=has_checksum))
        if LABELS:
            deep = labels(mpls(ipv4(C4, S4, UDP, udp(5, 6)), *range(300, 315), 100), 100)
            seeds.append(lab.underlay.tunnelled(4, deep, port=SINK))
        if STATION:
            continue
        fragmented = tunnel(in4(TCP, tcp(1, 2, bytes(64))), checked=False)
        seeds += lab.underlay.pieces(family, lab.packet(family, fragmented, checked=False), 48, protocol=lab.protocol)
        seeds.append(lab.underlay.ip(6, extension(DSTOPTS, extension(lab.protocol, lab.packet(6, tunnel(
            in6(UDP, udp(5, 6)))))), protocol=HOPOPTS))
    return seeds


def fitting(rng, body):
    """IP's length and checksum as they should be, and half of UDP's lengths: else nearly all would end there."""
    family = body[0] >> 4 if body else 0
    header = max(20, (body[0] & 15) * 4) if family == 4 else 40
    if family not in (4, 6) or len(body) < header:
        return body
    if body[9 if family == 4 else 6] == UDP and len(body) >= header + 8 and rng.random() < 0.5:
        body = body[:header + 4] + struct.pack("!H", len(body) - header) + body[header + 6:]
    if family == 6:
        return body[:4] + struct.pack("!H", len(body) - header) + body[6:]
    body = body[:2] + struct.pack("!H", len(body)) + body[4:10] + b"\0\0" + body[12:]
    return body[:10] + struct.pack("!H", checksum(body[:header])) + body[12:]


def outer_mutations(lab):
    """All of the frame from its IP header on. No judge but two laws: every marked packet that came has one end and leaves
    without its mark."""
    rng = random.Random(SEED + 1)
    seeds = outer_seeds(lab, rng)
    before, marked = lab.netlink.counters(), []
    for start in range(0, MUTATIONS, 100):
        for _ in range(min(100, MUTATIONS - start)):
            seed = rng.choice(seeds)
            body = mutate(rng, seed[14:], seeds)
            if not STATION and rng.random() < 0.9:  # which has neither lengths nor checksums
                body = fitting(rng, body)
            lab.send([seed[:14] + body])
        # What came by fragments of chance may be older than this round.
        marked += filter(CAN_BE_MARKED, lab.arrived())
    moved = grown(before, lab.netlink.counters())
    came = moved.get("received_marked", 0)
    lab.result(came > MUTATIONS // 10, f"{MUTATIONS} mutations of whole frames, {came} of them marked tunnel packets",
               str(moved))
    lab.result(came == moved.get("cleared", 0), "each marked one was cleared", str(moved))
    lab.result(not marked, "nothing that can be a tunnel packet arrived with a mark",
               f"{len(marked)} did", *(packet.hex() for packet in marked[:4]))
    print("# " + ", ".join(f"{name} {value}" for name, value in sorted(moved.items())))
    lab.flush()


def alive(lab):
    """The way through the driver and the bridge, or the host's routes, to the server works still."""
    with contextlib.suppress(BlockingIOError):
        lab.vm.setblocking(False)
        while True:
            lab.vm.recv(70000)
    inner = ether(mac_of(lab.vm_ns, "eth0"), LB, IPV4, ipv4(C4, S4, TCP, tcp(3000, 80)))
    counters = {"received_marked": 1, "recorded": 1, "cleared": 1}
    if not STATION:
        counters["checksum_updated"] = 1
    if IP_INSIDE:
        with namespace(lab.host), open("/proc/sys/net/ipv4/ip_forward", "w") as file:
            file.write("1")
    lab.expect("after all that a valid packet is a session", [lab.underlay.tunnelled(4, tunnel(inner))], counters)
    lab.vm.settimeout(5 * SLOW)
    # A router gives it another header in front, and a smaller TTL.
    whole = 34 if IP_INSIDE else 0
    try:
        while lab.vm.recv(70000)[whole:] != inner[whole:]:
            pass
        lab.result(True, "and reaches the server as it was")
    except TimeoutError:
        lab.result(False, "and reaches the server as it was")
    lab.result([row["src_port"] for row in lab.sessions()] == [3000], "and is in the table, alone")


def main():
    lab = Lab(*sys.argv[1:4])
    os.sched_setaffinity(0, {0})  # in order: a veth's packets are handled where they are sent
    chance = (mutations, stack_mutations, outer_mutations) if LABELS else (mutations, outer_mutations)
    for part in (hostile_inner.control, hostile_inner.cuts, hostile_inner.wrong_inside, *OUTER[TUNNEL], *chance, alive):
        part(lab)
    print(f"# {lab.sent} packets")


if __name__ == "__main__":
    main()
