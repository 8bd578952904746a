# SPDX-License-Identifier: GPL-2.0
"""An independent judge of the scenario hostile: classify() says by itself what an inner frame is, bottom_of() where a
label stack ends, for frames that chance has made, and Judge what the table must hold then.
"""
import ipaddress

from frames import *  # noqa: F403


def word(data, at):
    return int.from_bytes(data[at:at + 2], "big")


def host_address(value):
    value = ipaddress.ip_address(value)
    if value.version == 4:
        return not (value.is_loopback or value.is_multicast or int(value) in (0, 0xFFFFFFFF))
    return not (value.is_multicast or int(value) in (0, 1))


def classify(data):
    """(counter, session) of an inner frame; the session is (src, sport, dst, dport, protocol) or None."""
    if LABELS:  # nothing names what is inside but its first bits
        version = data[14] >> 4 if len(data) > 14 else 0
        return classify4(data[14:]) if version == 4 else classify6(data[14:]) if version == 6 else NO_FLOW
    if (kind := kind_inside(data)) != TEB:
        return classify4(data[14:]) if kind == IPV4 else classify6(data[14:]) if kind == IPV6 else NO_FLOW
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


NO_FLOW = "record_not_flow", None


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


DEEPEST = 16  # entries of a label stack that are looked at
# What over UDP is VXLAN's first word without a mark, and is not looked at: a label above the bottom whose TTL is over.
OVER = b"\x08\0\0\0"


def bottom_of(stack):
    """Where the bottom entry of a label stack is; -1 if the stack is cut, None if it is not looked at."""
    if PORT and len(stack) >= 8 and stack[:4] == OVER:
        return None
    for at in range(0, 4 * DEEPEST, 4):
        if len(stack) < at + 4:
            return -1
        if stack[at + 2] & 1:
            return at
    return None


def marked_label(stack):
    """The bottom label without its mark, or None: those below 16 have a meaning of their own."""
    at = bottom_of(stack)
    label = 0 if at is None or at < 0 else int.from_bytes(stack[at:at + 3], "big") >> 4
    return label - MARKED if label & MARKED and label - MARKED >= 16 else None


class Judge:
    """What the table must hold after each packet."""

    def __init__(self):
        self.table = {}
        self.counters = {}

    def count(self, name):
        self.counters[name] = self.counters.get(name, 0) + 1

    def see(self, inner, vni, endpoints, way):
        """way: what of the outer headers belongs to the path, besides endpoints and network."""
        end, session = classify(inner)
        if end == "flow":
            # Labels that no zone names are no network.
            zone = 0 if LABELS else vni
            mac = bytes(6) if IP_INSIDE else inner[6:12]
            key, path = (zone, session), (mac.hex(":"), vni, endpoints, way)
            end = "recorded" if key not in self.table else "refreshed" if self.table[key] == path else "moved"
            self.table[key] = path
        self.count(end)

    def see_stack(self, stack, endpoints, way):
        """Gives what leaves of it."""
        at, label = bottom_of(stack), marked_label(stack)
        if at == -1:
            self.count("malformed_tunnel")
        if label is None:
            return stack
        self.count("received_marked")
        self.count("cleared")
        self.see(bytes(14) + stack[at + 4:], label, endpoints, way)
        return stack[:at] + (label << 4 | stack[at + 2] & 15).to_bytes(3, "big") + stack[at + 3:]

    def rows(self):
        return {(*session, path[0], path[2][0], path[1]) for (_, session), path in self.table.items()}
