#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The crafted part of the scenario expiry: how sessions live and end, seen from both sides.

    expiry.py LBHOST RSHOST GWHOST RS RS2 FLOOD

Marked requests leave LBHOST's eth0 as raw frames. Replies leave RS (VNI 100) or RS2 (VNI 200) as raw frames to the
foreign gateway's MAC, each with a number of its own, and are looked for at LBHOST and at GWHOST: that is what "there is
a session" and "there is none" mean. The server's address is nobody's, so that no kernel answers by itself. One line per
result: "ok NAME" or "not ok NAME".
"""
import os
import select
import subprocess
import sys
import time

from frames import *  # noqa: F403

SLOW = float(os.environ.get("SLOW", "1"))
FLOOD = int(os.environ.get("FLOOD", "200000"))

LB4, RS4, GW4 = "172.18.10.1", "172.18.10.2", "172.18.10.3"
LB, GW = "02:00:00:00:00:fe", "02:00:00:00:00:01"
CLIENT, SERVER = "200.1.1.2", "10.1.1.50"

# Seconds; large enough for a slow machine to look in time, and no two alike where they are told apart.
TIMEOUT = {name: round(seconds * max(1, SLOW / 2)) for name, seconds in {
    "tcp-syn": 4, "tcp-established": 8, "tcp-fin": 3, "udp": 5, "icmp": 2, "other": 3}.items()}
ENDED = ("expired", "path_expired", "deleted", "evicted")


class Lab:
    def __init__(self, lbhost, rshost, gwhost, rs, rs2, flood):
        self.netlink, self.tool, self.lbhost, self.flood_program = Netlink(rshost), Tool(rshost), lbhost, flood
        self.raw = packet_socket(lbhost, "eth0", 0)
        self.ends = {"lb": packet_socket(lbhost, "eth0", IPV4), "gw": packet_socket(gwhost, "eth0", IPV4)}
        self.vm = {100: packet_socket(rs, "eth0", 0), 200: packet_socket(rs2, "eth0", 0)}
        self.server_end = packet_socket(rs, "eth0", IPV4)
        self.macs = {100: mac_of(rs, "eth0"), 200: mac_of(rs2, "eth0")}
        self.underlay = Underlay(mac_of(rshost, "eth0"), mac_of(lbhost, "eth0"), (LB4, RS4), ("::", "::"))
        self.number = 0
        self.start = self.netlink.counters()

    def result(self, good, name, *details):
        print(("ok " if good else "not ok ") + name, flush=True)
        if not good:
            for detail in details:
                print("# " + str(detail)[:1500])

    def request(self, protocol, payload, vni=100, client=CLIENT, mac=LB):
        inner = ether(self.macs[vni], mac, IPV4, ipv4(client, SERVER, protocol, payload))
        self.raw.send(self.underlay.frame(4, vxlan(inner, vni=vni)))

    def reply(self, protocol, payload, vni=100, client=CLIENT):
        """Where it goes: "lb", "gw", "" or several. The number in its payload is looked for."""
        self.number += 1
        text = b"reply %08d" % self.number
        for sock in self.ends.values():
            drain(sock)
        self.vm[vni].send(ether(GW, self.macs[vni], IPV4, ipv4(SERVER, client, protocol, payload + text)))
        found, end = set(), time.monotonic() + 5 * SLOW
        names = {sock: name for name, sock in self.ends.items()}
        while time.monotonic() < end:
            ready, _, _ = select.select(list(names), [], [], 0.05 if found else 0.5)
            if not ready and found:
                break
            for sock in ready:
                data, who = sock.recvfrom(2048)
                if who[2] != socket.PACKET_OUTGOING and text in data:
                    found.add(names[sock])
        return "+".join(sorted(found))

    def row(self, sport, **values):
        rows = [row for row in self.netlink.sessions(**values) if row["src_port"] == sport]
        return rows[0] if len(rows) == 1 else None

    def state(self, sport, **values):
        row = self.row(sport, **values)
        return row and row["state"]

    def until(self, seconds, condition):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def established(self, sports, vni=100, client=CLIENT):
        """The three segments that open a connection; those of all connections together, for speed."""
        for sport in sports:
            self.request(TCP, tcp(sport, 80, flags=SYN), vni, client)
        for sport in sports:
            self.vm[vni].send(ether(GW, self.macs[vni], IPV4,
                                    ipv4(SERVER, client, TCP, tcp(80, sport, flags=SYN | ACK))))
        for sport in sports:
            self.request(TCP, tcp(sport, 80, flags=ACK), vni, client)
        return self.until(10 * SLOW, lambda: self.netlink.count(vni=vni, state=1) >= len(sports))

    def limit(self, name, value):
        self.tool("limit", "set", name, str(value))

    def timeout(self, name, seconds):
        self.tool("timeout", "set", name, str(seconds))

    def moved(self, before):
        return grown(before, self.netlink.counters())

    def books(self, when):
        """Every session that was made and is not there any more has an end that was counted."""
        self.until(12 * SLOW, lambda: self.balance() == 0)
        self.result(self.balance() == 0, f"sessions made, ended and present add up {when}",
                    f"difference {self.balance()}: {self.moved(self.start)}")

    def balance(self):
        moved = self.moved(self.start)
        return moved.get("recorded", 0) - sum(moved.get(name, 0) for name in ENDED) - self.netlink.count()


def drain(sock):
    sock.setblocking(False)
    try:
        while True:
            sock.recv(2048)
    except BlockingIOError:
        pass


# --- states and timeouts -----------------------------------------------------

FIRST = {  # the first packet of a flow by its state: protocol, request, reply
    "tcp-syn": (TCP, tcp(1001, 80), tcp(80, 1001, flags=SYN | ACK)),
    "tcp-fin": (TCP, tcp(1002, 80, flags=RST), tcp(80, 1002, flags=ACK)),
    "udp": (UDP, udp(1003, 53), None),
    "icmp": (ICMP, icmp(8, 1004), icmp(0, 1004)),
    "other": (SCTP, sctp(1005, 99, b"\1\0\0\4"), sctp(99, 1005)),
}


def dport(state):
    return {"tcp-syn": 1001, "tcp-fin": 1002, "udp": 1003, "icmp": 1004, "other": 1005}[state]


def answer(state):
    protocol, _, reply = FIRST[state]
    return (protocol, reply) if reply else (protocol, udp(53, 1003, length=8 + 14))


def first_packets(lab):
    """One packet each; nothing but time ends them."""
    shown = lab.tool("timeout", "list")
    lab.result({one["name"]: one["seconds"] for one in shown} == TIMEOUT, "timeout list shows what was set", shown)
    made, last = {}, {}
    for state, (protocol, request, _) in FIRST.items():
        made[state] = time.monotonic()
        lab.request(protocol, request)
        row = lab.row(dport(state))
        lab.result(row and row["state"] == state, f"its first packet makes a session of state {state}", row)
        lab.result(row and TIMEOUT[state] - 1 <= row["expires"] <= TIMEOUT[state],
                   f"which expires after its timeout ({state})", row)
    gone = {}

    def look():
        there = {row["src_port"] for row in lab.netlink.sessions()}
        now = time.monotonic()
        for state in FIRST:
            if dport(state) in there:
                last[state] = now
            elif state not in gone:
                gone[state] = now
        return len(gone) == len(FIRST)

    lab.until(max(TIMEOUT.values()) + 10 * SLOW, look)
    for state in FIRST:
        lived = gone.get(state, 1e9) - made[state]
        # At least its time; and seen to be gone within what a busy machine needs to look.
        lab.result(TIMEOUT[state] - 0.1 <= lived <= TIMEOUT[state] + 1 + 2 * SLOW,
                   f"{state} is absent after {TIMEOUT[state]} s", f"after {lived:.2f} s")
    for state in FIRST:
        where = lab.reply(*answer(state))
        lab.result(where == "gw", f"a reply to it then goes the ordinary way ({state})", f"went to '{where}'")


def absent_at_once(lab):
    """A shorter timeout makes sessions absent long before the collector comes: it looks every five seconds when there
    is little to do. Where it comes just then, once more."""
    lab.books("after each had its time")  # none is left that a longer timeout would bring back
    for attempt in range(4):
        lab.timeout("icmp", 100)
        before = lab.netlink.counters()
        for number in range(40):
            lab.request(ICMP, icmp(8, 2000 + number))
        alive = lab.reply(ICMP, icmp(0, 2000))
        lab.until(3 * SLOW, lambda: lab.netlink.count(state=4) == 40)
        time.sleep(1.2)  # the shortest timeout is a second
        lab.timeout("icmp", 1)
        present = lab.netlink.count()
        where = lab.reply(ICMP, icmp(0, 2001))
        listed = lab.tool("session", "list")
        moved = lab.moved(before)
        if moved.get("expired", 0) < 40 or attempt == 3:
            break
    lab.result(alive == "lb", "a reply of a session that is alive reaches the balancer", f"went to '{alive}'")
    lab.result(moved.get("recorded") == 40 and moved.get("expired", 0) < 40 and present == 0 and listed == [],
               "expired sessions are absent before the collector has come", f"present {present}, moved {moved}", listed)
    lab.result(where == "gw" and moved.get("replies") == 1, "a lookup misses them", f"went to '{where}', moved {moved}")
    lab.result(lab.until(10 * SLOW, lambda: lab.moved(before).get("expired", 0) == 40),
               "the collector removes and counts each", lab.moved(before))
    # Before the collector, a packet may find the expired one and begin it anew.
    lab.timeout("icmp", TIMEOUT["icmp"])


def tcp_states(lab):
    lab.request(TCP, tcp(3000, 80, flags=SYN))
    states = [lab.state(3000)]
    went = [lab.reply(TCP, tcp(80, 3000, flags=SYN | ACK))]
    states.append(lab.state(3000))
    lab.request(TCP, tcp(3000, 80, flags=ACK))
    opened = time.monotonic()
    row = lab.row(3000)
    states.append(row and row["state"])
    lab.result(states == ["tcp-syn", "tcp-syn", "tcp-established"], "SYN, SYN-ACK and ACK establish a session", states)
    lab.result(row and TIMEOUT["tcp-established"] - 2 <= row["expires"] <= TIMEOUT["tcp-established"],
               "which has the timeout of an established one", row)
    lab.request(TCP, tcp(3001, 80, flags=ACK))
    lab.result(lab.state(3001) == "tcp-syn", "an ACK alone establishes nothing", lab.state(3001))
    went.append(lab.reply(TCP, tcp(80, 3001, flags=ACK)))
    lab.result(lab.state(3001) == "tcp-established", "but with a reply it does: the table may have been lost",
               lab.state(3001))
    lab.result(went == ["lb", "lb"], "their replies reach the balancer", went)

    ends = {"FIN from the client": 3010, "FIN from the server": 3011, "RST from the client": 3012,
            "RST from the server": 3013}
    lab.established(ends.values())
    for name, sport in ends.items():
        flag = FIN | ACK if name.startswith("FIN") else RST
        was = lab.state(sport)
        if name.endswith("client"):
            lab.request(TCP, tcp(sport, 80, flags=flag))
        else:
            lab.reply(TCP, tcp(80, sport, flags=flag))
        row = lab.row(sport)
        lab.result(was == "tcp-established" and row and row["state"] == "tcp-fin"
                   and TIMEOUT["tcp-fin"] - 1 <= row["expires"] <= TIMEOUT["tcp-fin"],
                   f"{name} ends an established session, with the timeout of its own", was, row)
    where = lab.reply(TCP, tcp(80, 3010, flags=ACK))
    lab.result(where == "lb", "what the server still says reaches the balancer", f"went to '{where}'")
    lab.request(TCP, tcp(3011, 80, flags=SYN))
    lab.result(lab.state(3011) == "tcp-syn", "a SYN on the same ports begins anew", lab.state(3011))

    stays = lab.until(20 * SLOW, lambda: time.monotonic() - opened > TIMEOUT["tcp-syn"] + 1 or not lab.row(3000))
    lab.result(stays and lab.state(3000) == "tcp-established", "the established one outlives SYN's timeout",
               lab.row(3000))
    lab.result(lab.until(TIMEOUT["tcp-established"] + 5 * SLOW, lambda: not lab.netlink.count()),
               "and all are absent in the end", lab.netlink.sessions())
    lived = time.monotonic() - opened
    lab.result(lived >= TIMEOUT["tcp-established"] - 1.1, "the established one had its time", f"{lived:.2f} s")
    where = lab.reply(TCP, tcp(80, 3000, flags=ACK))
    lab.result(where == "gw", "its server's segments go the ordinary way again", f"went to '{where}'")


def server_only(lab):
    """One request, then the server alone speaks, for longer than twice any timeout."""
    lab.request(UDP, udp(4000, 53))
    lab.established([4001])
    before = lab.netlink.counters()
    end, sent, wrong = time.monotonic() + 2 * max(TIMEOUT.values()) + 1, 0, []
    while time.monotonic() < end:
        began = time.monotonic()
        for where in (lab.reply(UDP, udp(53, 4000, length=22)), lab.reply(TCP, tcp(80, 4001, flags=ACK))):
            sent += 1
            if where != "lb":
                wrong.append((sent, where))
        time.sleep(max(0, 0.5 - (time.monotonic() - began)))
    moved = lab.moved(before)
    lab.result(not wrong, f"{sent} packets of streams that only the server feeds all reach the balancer", wrong[:5])
    lab.result(moved.get("replies") == sent and not moved.get("refreshed") and not moved.get("recorded"),
               "without one more request", moved)
    states = [lab.state(4000), lab.state(4001)]
    lab.result(states == ["udp", "tcp-established"], "their sessions outlive every timeout", states)
    lab.result(lab.until(max(TIMEOUT.values()) + 5 * SLOW, lambda: not lab.netlink.count()),
               "and end when the server falls silent", lab.netlink.sessions())
    lab.books("after all that has expired")


def killed_path(lab):
    lab.timeout("udp", 100)  # time must not end them before the collector comes
    lab.request(UDP, udp(4100, 53))
    lab.request(UDP, udp(4101, 53), mac="02:00:00:00:00:fd")
    before = lab.netlink.counters()
    went = [lab.reply(UDP, udp(53, 4100, length=22))]
    lab.tool("path", "kill", "--vtep", LB4, "--mac", LB)
    there = [row["src_port"] for row in lab.netlink.sessions()]
    went.append(lab.reply(UDP, udp(53, 4100, length=22)))
    lab.result(there == [4101], "path kill makes a path's sessions absent at once, and no other", there)
    lab.result(went == ["lb", "gw"], "their replies go the ordinary way", went)
    lab.request(UDP, udp(4100, 53))
    went = lab.reply(UDP, udp(53, 4100, length=22))
    lab.result(lab.state(4100) == "udp" and went == "lb", "the next marked packet makes the way anew", went)
    lab.tool("path", "kill", "--vtep", LB4)
    lab.result(lab.netlink.count() == 0 and lab.tool("session", "list") == [], "path kill of a whole endpoint")
    lab.result(lab.until(10 * SLOW, lambda: lab.moved(before).get("path_expired", 0) >= 2),
               "the collector removes them", lab.moved(before))
    lab.timeout("udp", TIMEOUT["udp"])
    lab.books("after path kill")


# --- limits ------------------------------------------------------------------


def whole_table(lab):
    for name in ("tcp-syn", "tcp-established", "tcp-fin", "udp"):
        lab.timeout(name, 1000)
    lab.limit("sessions", 50)
    lab.result(lab.established(range(5000, 5010)), "ten established sessions")
    before = lab.netlink.counters()
    for sport in range(6000, 6200):
        lab.request(TCP, tcp(sport, 80))
    moved = lab.moved(before)
    lab.result(lab.netlink.count() == 50, "at the limit of 50 there are 50 sessions", lab.netlink.count())
    made = moved.get("recorded", 0)
    lab.result(made == 200 and moved.get("evicted") == 160 and not moved.get("refused_limit"),
               "200 new ones evict each other, none is refused", moved)
    lab.result(moved.get("cleared") == 200, "their packets are forwarded all the same", moved)
    lab.result(lab.netlink.count(state=1) == 10, "the established ones are all there", lab.netlink.count(state=1))

    lab.netlink.flush()
    lab.established(range(5000, 5050))
    drain(lab.server_end)
    before = lab.netlink.counters()
    lab.request(TCP, tcp(6300, 80))
    moved = lab.moved(before)
    arrived = lab.until(5 * SLOW, lambda: received(lab.server_end, struct.pack("!HH", 6300, 80)))
    lab.result(moved.get("refused_limit") == 1 and not moved.get("evicted") and not lab.row(6300),
               "a table of established sessions refuses a new one", moved)
    lab.result(arrived, "whose packet is forwarded")
    lab.result(lab.netlink.count(state=1) == 50, "and loses none")
    lab.netlink.flush()
    lab.limit("sessions", 100000)


def received(sock, text):
    sock.setblocking(False)
    try:
        while True:
            if text in sock.recv(2048):
                return True
    except BlockingIOError:
        return False


def one_network(lab):
    lab.limit("sessions-per-vni", 30)
    lab.established(range(5000, 5010))
    # What has expired in another network is no room in this one.
    lab.timeout("icmp", 1)
    for number in range(25):
        lab.request(ICMP, icmp(8, number), vni=200)
    for sport in range(5100, 5105):
        lab.request(TCP, tcp(sport, 80), vni=200)
    lab.until(5 * SLOW, lambda: lab.netlink.count(vni=200, state=4) == 0)
    there = [lab.netlink.count(vni=200), lab.netlink.count(vni=100)]
    lab.result(there == [5, 10], "sessions in two networks, and some that have expired", there)
    before, most = lab.netlink.counters(), 0
    for sport in range(6000, 6200):
        lab.request(TCP, tcp(sport, 80))
        if sport % 20 == 0:
            most = max(most, lab.netlink.count(vni=100))
    moved = lab.moved(before)
    most = max(most, lab.netlink.count(vni=100))
    lab.result(most == 30, "a network never has more than its share of 30", most)
    lab.result(moved.get("recorded") == 200 and moved.get("evicted") == 180 and not moved.get("refused_vni_limit"),
               "its own make room, and none is refused", moved)
    lab.result(lab.netlink.count(vni=100, state=1) == 10, "its established ones are all there")
    others = sorted(row["src_port"] for row in lab.netlink.sessions(vni=200))
    lab.result(others == list(range(5100, 5105)), "nothing of the other network is evicted", others)
    lab.limit("sessions-per-vni", 0)
    lab.timeout("icmp", TIMEOUT["icmp"])
    lab.netlink.flush()
    lab.books("at the limits")


def flood(lab):
    """One tenant's clients, forged: as many tuples as addresses."""
    limit = 30000
    lab.limit("sessions", limit)
    ours, theirs, waiting = range(7000, 7100), range(7200, 7250), range(7300, 7350)
    lab.result(lab.established(ours) and lab.established(theirs, vni=200), "established sessions in both networks")
    for sport in waiting:
        lab.request(TCP, tcp(sport, 80), vni=200)
    lab.result(lab.until(5 * SLOW, lambda: lab.netlink.count() == 200), "and some that wait for their first reply",
               lab.netlink.count())
    inner = ether(lab.macs[100], LB, IPV4, ipv4("100.64.0.0", SERVER, TCP, tcp(1, 80)))
    frame = lab.underlay.frame(4, vxlan(inner), checked=False)
    at = frame.index(address("100.64.0.0"))
    first = int.from_bytes(address("100.64.0.0"), "big")
    before, began = lab.netlink.counters(), time.monotonic()
    subprocess.run(["ip", "netns", "exec", lab.lbhost, lab.flood_program, "eth0", frame.hex(), str(at), str(first),
                    str(FLOOD)], check=True)
    seconds = time.monotonic() - began
    lab.until(20 * SLOW, lambda: lab.moved(before).get("received_marked", 0) >= FLOOD)
    moved = lab.moved(before)
    print(f"# {FLOOD} packets in {seconds:.1f} s; {moved}")
    lab.result(moved.get("received_marked") == FLOOD, f"a flood of {FLOOD} tuples in one network arrived", moved)
    lab.result(moved.get("recorded") == FLOOD and moved["recorded"] - moved.get("evicted", 0) == limit - 200,
               "each made a session, by evicting another of the flood", moved)
    lab.result(moved.get("cleared") == FLOOD, "each packet was forwarded", moved)
    lab.result(lab.netlink.count() == limit, f"the table is as large as it may be, {limit}", lab.netlink.count())
    kept = sorted(row["src_port"] for row in lab.netlink.sessions(vni=100, state=1))
    lab.result(kept == list(ours), "no established session of the flooded network was evicted", len(kept))
    kept = sorted(row["src_port"] for row in lab.netlink.sessions(vni=200))
    lab.result(kept == [*theirs, *waiting], "nothing of the other network was, established or not", len(kept))
    before = lab.netlink.counters()
    for sport in range(7400, 7450):
        lab.request(TCP, tcp(sport, 80), vni=200)
    new = sum(row["src_port"] >= 7400 for row in lab.netlink.sessions(vni=200))
    lab.result(new == 50, "and the other network still gets new ones, at the flood's expense",
               f"{new} of 50: {lab.moved(before)}")
    went = lab.reply(TCP, tcp(80, 7000, flags=ACK)), lab.reply(TCP, tcp(80, 7300, flags=SYN | ACK), vni=200)
    lab.result(went == ("lb", "lb"), "replies of both reach the balancer", went)
    for name in TIMEOUT:
        lab.timeout(name, 1)
    began = time.monotonic()
    lab.result(lab.until(5 * SLOW, lambda: not lab.netlink.count()), "absent a second later, all of them")
    lab.books("after the flood")
    print(f"# collected within {time.monotonic() - began:.1f} s")


def main():
    lab = Lab(*sys.argv[1:7])
    for name, seconds in TIMEOUT.items():
        lab.timeout(name, seconds)
    for part in (first_packets, absent_at_once, tcp_states, server_only, killed_path, whole_table, one_network, flood):
        part(lab)


if __name__ == "__main__":
    main()
