# SPDX-License-Identifier: GPL-2.0
"""Frames made byte by byte, and sockets in other network namespaces, for the scenarios that craft packets.

Every header is a function that puts itself in front of a payload; what is to be wrong is given by name. (scapy would
do, but its import alone takes seconds in a lab.)
"""
import contextlib
import ctypes
import ipaddress
import json
import os
import re
import socket
import struct
import subprocess

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
RCVBUFFORCE = 33  # Python does not name it

IPV4, IPV6, ARP, VLAN, QINQ, PROBE, MPLS = 0x0800, 0x86DD, 0x0806, 0x8100, 0x88A8, 0x88B5, 0x8847
ICMP, TCP, UDP, DCCP, ICMPV6, SCTP, UDPLITE = 1, 6, 17, 33, 58, 132, 136
HOPOPTS, ROUTING, FRAGMENT, AH, NO_NEXT, DSTOPTS = 0, 43, 44, 51, 59, 60
FIN, SYN, RST, ACK = 1, 2, 4, 16

STATES = ("tcp-syn", "tcp-established", "tcp-fin", "udp", "icmp", "other")


@contextlib.contextmanager
def namespace(name):
    """The calling thread is in a network namespace; what is opened there stays there."""
    with open("/proc/self/ns/net") as home, open(f"/run/netns/{name}") as there:
        if LIBC.setns(there.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {name}")
        try:
            yield
        finally:
            LIBC.setns(home.fileno(), CLONE_NEWNET)


def packet_socket(ns, device, protocol=3):
    """Sends and receives whole frames; protocol 3 is all of them, 0 none."""
    with namespace(ns):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
        sock.setsockopt(socket.SOL_SOCKET, RCVBUFFORCE, 32 << 20)
        sock.bind((device, protocol))
    return sock


def mac_of(ns, device):
    """A device's address; not from /sys, which shows the namespace that mounted it."""
    answer = subprocess.run(["ip", "-n", ns, "-j", "link", "show", device], check=True, capture_output=True)
    return json.loads(answer.stdout)[0]["address"]


class Tool:
    """ipvs-tunctl on one host."""

    def __init__(self, ns):
        self.command = [os.environ["IPVS_TUNCTL"], "-j", "-n", ns]

    def __call__(self, *arguments):
        answer = subprocess.run(self.command + list(arguments), check=True, capture_output=True, timeout=120)
        return json.loads(answer.stdout) if answer.stdout.strip() else None


class Netlink:
    """The module's generic netlink family, as far as a test asks it hundreds of times: a process each would take most
    of the time. The numbers come from the uapi header."""

    def __init__(self, ns):
        self.number, self.layout = {}, (0, [])
        header = os.path.join(os.path.dirname(__file__), "../../kmod/uapi/linux/ipvs_tun.h")
        with open(header) as file:
            for body in re.findall(r"enum [a-z_ ]*\{(.*?)\}", file.read(), re.S):
                value = -1
                for name, start in re.findall(r"(IPVS_TUN_[A-Z0-9_]+)(?: = (\d+))?,", body):
                    value = int(start) if start else value + 1
                    self.number[name[len("IPVS_TUN_"):]] = value
        with namespace(ns):
            self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
            self.socket.bind((0, 0))
        # The controller (16) tells our family's number: CTRL_CMD_GETFAMILY, by name.
        (answer,) = self.ask(16, 3, 0, attribute(2, b"ipvs_tun\0"))
        self.family = struct.unpack("=H", answer[1][0])[0]

    def raw(self, family, command, flags, attributes=b""):
        """Yields each answer whole, header included."""
        body = struct.pack("=BBH", command, 1, 0) + attributes
        # NLM_F_REQUEST and NLM_F_ACK
        self.socket.send(struct.pack("=IHHII", 16 + len(body), family, 5 | flags, 1, 0) + body)
        while True:
            data = self.socket.recv(1 << 17)
            while data:
                length, kind = struct.unpack_from("=IH", data)
                if kind in (2, 3):  # NLMSG_ERROR, NLMSG_DONE
                    error = struct.unpack_from("=i", data, 16)[0] if length >= 20 else 0
                    if error:
                        raise OSError(-error, os.strerror(-error))
                    return
                length = (length + 3) & ~3
                yield data[:length]
                data = data[length:]

    def ask(self, family, command, flags, attributes=b""):
        """The attributes of each answer: number to list of values. All at once: a reader that stops half-way would
        leave the rest for the next one."""
        return [attributes_of(message[20:]) for message in self.raw(family, command, flags, attributes)]

    def dump(self, command, kind, attributes=b""):
        for answer in self.ask(self.family, self.number[command], 0x300, attributes):
            for value in answer[self.number[kind]]:
                yield attributes_of(value)

    def counters(self):
        """Those that are not zero. Where a value stands is looked up once: names and texts never change."""
        raw = b"".join(self.raw(self.family, self.number["CMD_STATS_GET"], 0x300))
        if len(raw) != self.layout[0]:
            self.layout = len(raw), self.find_values(raw)
        return {name: value for name, at in self.layout[1] if (value := struct.unpack_from("=Q", raw, at)[0])}

    def find_values(self, raw):
        found, start = [], 0
        name, number = self.number["A_COUNTER_NAME"], self.number["A_COUNTER_VALUE"]
        while start < len(raw):
            length = struct.unpack_from("=I", raw, start)[0]
            at = start + 20
            while at < start + length:  # one nest a counter
                nest, inside = struct.unpack_from("=H", raw, at)[0], at + 4
                while inside < at + nest:
                    size, kind = struct.unpack_from("=HH", raw, inside)
                    if kind == name:
                        text = raw[inside + 4:inside + size - 1].decode()
                    elif kind == number:
                        found.append((text, inside + 4))
                    inside += (size + 3) & ~3
                at += (nest + 3) & ~3
            start += (length + 3) & ~3
        return found

    def filter(self, values):
        """A session filter: vni, state, protocol, dport as names."""
        form = {"vni": "=I", "state": "=B", "protocol": "=B", "sport": "=H", "dport": "=H"}
        body = b"".join(attribute(self.number[f"A_FILTER_{name.upper()}"], struct.pack(form[name], value))
                        for name, value in values.items())
        return attribute(self.number["A_MESSAGE_FILTER"] | 0x8000, body) if values else b""

    def count(self, **values):
        (answer,) = self.ask(self.family, self.number["CMD_SESSION_COUNT"], 0, self.filter(values))
        return struct.unpack("=I", answer[self.number["A_MESSAGE_COUNT"]][0])[0]

    def sessions(self, **values):
        """As "session list" has them, with what -s adds, as far as tests look at it."""
        rows, get = [], {name: self.number[f"A_SESSION_{name}"] for name in (
            "SRC", "DST", "SPORT", "DPORT", "PROTOCOL", "VNI", "MAC", "VTEP", "VTEP_MAC", "STATE", "EXPIRES")}
        for one in self.dump("CMD_SESSION_GET", "A_MESSAGE_SESSION", self.filter(values)):
            text = {name: str(ipaddress.ip_address(one[get[name]][0])) for name in ("SRC", "DST", "VTEP")
                    if get[name] in one}
            if get["VTEP_MAC"] in one:  # of MPLS the end of the link; there is no inner MAC
                text["VTEP"] = one[get["VTEP_MAC"]][0].hex(":")
            port = {name: struct.unpack("=H", one[get[name]][0])[0] for name in ("SPORT", "DPORT")}
            expires = one.get(get["EXPIRES"])
            rows.append({
                "src_ip": text["SRC"], "src_port": port["SPORT"], "dst_ip": text["DST"], "dst_port": port["DPORT"],
                "protocol": one[get["PROTOCOL"]][0][0], "mac": one.get(get["MAC"], [bytes(6)])[0].hex(":"),
                "vtep_ip": text["VTEP"],
                "vni": struct.unpack("=I", one[get["VNI"]][0])[0],
                "state": STATES[one[get["STATE"]][0][0]],
                "expires": struct.unpack("=I", expires[0])[0] if expires else None})
        return rows

    def flush(self):
        self.ask(self.family, self.number["CMD_SESSION_FLUSH"], 0)


def attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) & 3)


def attributes_of(data):
    values = {}
    while len(data) >= 4:
        length, kind = struct.unpack("=HH", data[:4])
        values.setdefault(kind & 0x3FFF, []).append(data[4:length])
        data = data[(length + 3) & ~3:]
    return values


def grown(before, after):
    """What moved between two looks at counters."""
    return {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}


# --- bytes -------------------------------------------------------------------


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def address(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def checksum(data):
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pseudo(source, destination, protocol, length):
    if len(source) == 4:
        return source + destination + struct.pack("!BBH", 0, protocol, length)
    return source + destination + struct.pack("!II", length, protocol)


# --- headers, from the outermost to the innermost ----------------------------


def ether(destination, source, kind, payload=b""):
    return mac(destination) + mac(source) + struct.pack("!H", kind) + payload


def tag(vid, kind, payload=b""):
    """What follows an EtherType of VLAN or QINQ; kind is the EtherType of the payload."""
    return struct.pack("!HH", vid, kind) + payload


def ipv4(source, destination, protocol, payload=b"", *, options=b"", version=4, ihl=None, length=None, ident=1,
         fragment=0, ttl=64, check=None):
    if ihl is None:
        ihl = 5 + len(options) // 4
    if length is None:
        length = 20 + len(options) + len(payload)
    header = struct.pack("!BBHHHBBH4s4s", version << 4 | ihl, 0, length, ident, fragment, ttl, protocol, 0,
                         address(source), address(destination)) + options
    if check is None:
        check = checksum(header)
    return header[:10] + struct.pack("!H", check) + header[12:] + payload


def ipv6(source, destination, protocol, payload=b"", *, version=6, length=None, hops=64):
    if length is None:
        length = len(payload)
    return struct.pack("!IHBB16s16s", version << 28, length, protocol, hops, address(source),
                       address(destination)) + payload


def extension(following, payload=b"", *, body=b"\1\4\0\0\0\0", units=None):
    """An IPv6 extension header; without a body it holds one PadN option. units: 8-byte units behind the first 8."""
    if units is None:
        units = (2 + len(body)) // 8 - 1
    return struct.pack("!BB", following, units) + body + payload


def fragment6(following, payload=b"", *, offset=0, more=0, ident=1):
    return struct.pack("!BBHI", following, 0, offset | more, ident) + payload


def udp(sport, dport, payload=b"", *, length=None, check=0):
    return struct.pack("!HHHH", sport, dport, 8 + len(payload) if length is None else length, check) + payload


def tcp(sport, dport, payload=b"", *, flags=SYN, options=b"", offset=None, seq=1):
    if offset is None:
        offset = 5 + len(options) // 4
    return struct.pack("!HHIIBBHHH", sport, dport, seq, 0, offset << 4, flags, 8192, 0, 0) + options + payload


def sctp(sport, dport, chunks=b""):
    return struct.pack("!HHII", sport, dport, 0, 0) + chunks


def icmp(kind, ident, payload=b"", *, code=0):
    """Without a checksum: nothing that is tested looks at it."""
    return struct.pack("!BBHHH", kind, code, 0, ident, 1) + payload


TEB, GRE = 0x6558, 47  # Ethernet inside; the IP protocol


def vxlan(inner, *, flags=0xF8, vni=100):
    return struct.pack("!BBHI", flags, 0, 0, vni << 8) + inner


def geneve(inner, *, flags=0x01, vni=100, options=b"", words=None, version=0, control=0, protocol=TEB, reserved=0):
    """words: the length of the options; control: the O and C bits."""
    if words is None:
        words = len(options) // 4
    return struct.pack("!BBHI", version << 6 | words, control | flags, protocol, vni << 8 | reserved) + options + inner


def gre(inner, *, flags=0x80, key=100, checked=False, wrong=0, sequence=None, version=0, protocol=TEB,
        covered=None):
    """checked: with a checksum, wrong: added to it; covered: the flags that it is made for, if not those that are sent."""
    first = checked << 7 | (key is not None) << 5 | (sequence is not None) << 4
    head = struct.pack("!BBH", first, flags | version, protocol)
    rest = b"".join(struct.pack("!I", value) for value in (key, sequence) if value is not None) + inner
    if not checked:
        return head + rest
    summed = head if covered is None else struct.pack("!BBH", first, covered | version, protocol)
    value = checksum(summed + bytes(4) + rest)
    return head + struct.pack("!HH", (value + wrong) & 0xFFFF, 0) + rest


MESSAGE = struct.pack("!I", 0x10007FF8)  # the channel of readiness messages


def mpls(inner, *labels, mark=0x08000, bottom=True, ttl=64):
    """A label stack; the mark is added to the bottom label, which says that it is the bottom if it is to."""
    entries = [label << 12 | ttl for label in labels]
    entries[-1] += mark << 12 | bottom << 8
    return struct.pack(f"!{len(entries)}I", *entries) + inner


# The tunnel that lib.sh's scenarios run over: the field of the mark without and with it, the UDP port.
TUNNEL = os.environ.get("TUNNEL") or "vxlan"
NORMAL, MARKED, PORT = {"vxlan": (0x08, 0xF8, 4789), "geneve": (0, 0x01, 6081), "gre": (0, 0x80, None),
                        "ipgre": (0, 0x80, None), "mpls": (0, 0x08000, None), "mplsgre": (0, 0x08000, None),
                        "mplsudp": (0, 0x08000, 6635)}[TUNNEL]
LABELS = TUNNEL.startswith("mpls")
STATION = TUNNEL == "mpls"  # no outer IP header
# Whether it carries IP packets. Inner frames are made with an Ethernet header all the same: it tells what is behind it.
IP_INSIDE = LABELS or TUNNEL == "ipgre"


def tunnel(inner, *, flags=MARKED, vni=100, checked=True, covered=None):
    """What is behind the outer UDP, IP or (MPLS) Ethernet header; GRE's checksum is a part of it."""
    if LABELS:
        covered = mpls(inner[14:], vni, mark=flags if covered is None else covered)
        return labels(mpls(inner[14:], vni, mark=flags), vni, checked, covered)
    if TUNNEL == "vxlan":
        return vxlan(inner, flags=flags, vni=vni)
    if TUNNEL == "geneve":
        return geneve(inner, flags=flags, vni=vni)
    if kind_inside(inner) != TEB:
        return gre(inner[14:], flags=flags, key=vni, checked=checked, covered=covered, protocol=kind_inside(inner))
    return gre(inner, flags=flags, key=vni, checked=checked, covered=covered)


def labels(stack, key, checked=False, covered=None):
    """With what carries them; its checksum is made for `covered`, of the same length."""
    if TUNNEL != "mplsgre":
        return stack
    if not checked:
        return gre(stack, flags=0, key=key, protocol=MPLS)
    made = gre(covered or stack, flags=0, key=key, checked=True, protocol=MPLS)
    return made[:len(made) - len(stack)] + stack


def kind_inside(inner):
    """What GRE calls it: messages are Ethernet in any tunnel, and what is too short for one is nothing."""
    kind = int.from_bytes(inner[12:14], "big") if len(inner) >= 14 else 0
    return kind if IP_INSIDE and kind != PROBE else TEB


def tunnel_header(flags, vni):
    return tunnel(b"", flags=flags, vni=vni, checked=False)


def tunnel_of(packet, transport):
    """What stands behind the IP header: the field of the mark, and where the inner frame begins."""
    if TUNNEL == "vxlan":
        return packet[transport + 8], transport + 16
    if TUNNEL == "geneve":
        return packet[transport + 9] & 0x3F, transport + 16  # no options
    if LABELS:  # one label; a message is behind its channel
        if TUNNEL == "mplsudp":
            transport += 8
        elif TUNNEL == "mplsgre":
            transport += 8 if packet[transport] & 0x20 else 4
        return struct.unpack_from("!I", packet, transport)[0] >> 12 & 0xFFC0, transport + 8
    options = packet[transport] & 0xB0  # checksum, key, sequence number: four bytes each
    return packet[transport + 1] & 0xF8, transport + 4 + 4 * options.bit_count()


class Underlay:
    """Outer headers from one host to another."""

    def __init__(self, destination_mac, source_mac, addresses4, addresses6):
        self.macs = (destination_mac, source_mac)
        self.addresses = {4: addresses4, 6: addresses6}

    def datagram(self, family, payload, *, sport=40000, dport=4789, checked=True, wrong=0, **fields):
        """UDP; checked: with a checksum, wrong: added to it."""
        datagram = udp(sport, dport, payload, **fields)
        if not checked:
            return datagram
        source, destination = (address(text) for text in self.addresses[family])
        length = struct.unpack("!H", datagram[4:6])[0]
        value = checksum(pseudo(source, destination, UDP, length) + datagram) or 0xFFFF
        return datagram[:6] + struct.pack("!H", (value + wrong) & 0xFFFF) + datagram[8:]

    def ip(self, family, payload, *, protocol=UDP, **fields):
        """One frame."""
        build, kind = (ipv4, IPV4) if family == 4 else (ipv6, IPV6)
        return ether(*self.macs, kind, build(*self.addresses[family], protocol, payload, **fields))

    def frame(self, family, payload, **fields):
        return self.ip(family, self.datagram(family, payload, **fields))

    def tunnelled(self, family, payload, *, port=PORT, checked=True):
        """One frame of TUNNEL's type around what tunnel() has made."""
        if STATION:
            return ether(*self.macs, MPLS, payload)
        if not PORT:
            return self.ip(family, payload, protocol=GRE)
        return self.frame(family, payload, dport=port, checked=checked)

    def fragments(self, family, payload, size, *, ident=7, **fields):
        """Several frames of one datagram."""
        return self.pieces(family, self.datagram(family, payload, **fields), size, ident=ident)

    def pieces(self, family, packet, size, *, protocol=UDP, ident=7):
        """Several frames of one packet, each with `size` bytes of it (a multiple of 8)."""
        frames = []
        for start in range(0, len(packet), size):
            part = packet[start:start + size]
            more = start + size < len(packet)
            if family == 4:
                frames.append(self.ip(4, part, protocol=protocol, ident=ident, fragment=start // 8 | more << 13))
            else:
                part = fragment6(protocol, part, offset=start, more=int(more), ident=ident)
                frames.append(self.ip(6, part, protocol=FRAGMENT))
        return frames
