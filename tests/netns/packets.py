#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Packets that no ordinary program sends, and bursts that can be counted.

    packets.py answer PORT                        UDP server: to a datagram "N" it answers N numbered datagrams
    packets.py ask ADDRESS PORT SPORT N SECONDS   asks it from port SPORT; prints how many came, and how many numbers;
                                                  ends when nothing came for SECONDS (half a second once all are there)
    packets.py udp DEVICE MAC SRC SPORT DST DPORT TIMES
                                                  one IPv4 frame with a datagram, TIMES times, byte for byte the same
    packets.py syn DEVICE MAC SRC SPORT DST DPORT one TCP SYN
    packets.py ping ADDRESS ID TIMES              IPv4 echo requests with this id; fails if one is not answered
    packets.py hello PORT                         TCP server for one connection: prints what comes, says "hello" back
    packets.py say SPORT ADDRESS PORT             connects from SPORT, says "hi", and prints the answer
    packets.py feed FILE FLAG                     prints FILE: a fifth of it, and once FLAG exists, the rest, 64 KiB
                                                  twenty times a second
    packets.py reflect ADDRESS PORT TOS SIZE ANSWER SECONDS
                                                  a datagram of SIZE bytes that may not be fragmented, to a mirror (see
                                                  worker.py), which is to answer with ANSWER bytes; prints size and TOS
                                                  as they came there, and of the answer; or that it is too long for the
                                                  path's MTU, and what that is; or nothing, after SECONDS
    packets.py segment SRC SPORT DST DPORT SEQ ACK FLAGS OPTIONS
                                                  one TCP segment without data; FLAGS a number, OPTIONS hexadecimal
    packets.py options FILE                       a capture's TCP segments, each a line: ports, numbers, flags, its
                                                  options' bytes; in the order of these
    packets.py tunnels FILE PORT                  of a capture the VXLAN packets with datagrams to or from PORT inside,
                                                  each a line: to or from, the flags, the TOS of outer and inner packet,
                                                  the outer packet's length; in the order of these
"""
import fcntl
import os
import socket
import struct
import sys
import time

SIOCGIFHWADDR = 0x8927


def answering_socket(port):
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind(("::", int(port)))
    return sock


def answer_on(sock):
    while True:
        data, client = sock.recvfrom(64)
        for number in range(int(data)):
            sock.sendto(b"%06d" % number, client)


def answer(port):
    answer_on(answering_socket(port))


def ask(address, port, sport, count, seconds):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, 33, 1 << 23)  # SO_RCVBUFFORCE: the burst fits
    sock.bind(("", int(sport)))
    sock.settimeout(float(seconds))
    sock.connect((address, int(port)))  # answers of another address than the one asked do not count
    sock.send(count.encode())
    received, numbers = 0, set()
    try:
        while True:
            if received == int(count):
                sock.settimeout(0.5)  # one too many would come at once
            numbers.add(sock.recv(64))
            received += 1
    except TimeoutError:
        return f"{received} {len(numbers)}"


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def frame(device, mac, src, dst, protocol, segment, offset):
    """An Ethernet frame with IPv4; the checksum of the segment is entered at the offset."""
    src, dst = socket.inet_aton(src), socket.inet_aton(dst)
    total = checksum(src + dst + struct.pack("!HH", protocol, len(segment)) + segment)
    segment = segment[:offset] + struct.pack("!H", total or 0xffff) + segment[offset + 2:]
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 4711, 0x4000, 64, protocol, 0) + src + dst
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        own = fcntl.ioctl(sock, SIOCGIFHWADDR, struct.pack("256s", device.encode()))[18:24]
    return bytes.fromhex(mac.replace(":", "")) + own + b"\x08\x00" + header + segment


def send(device, data, times):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((device, 0))
    for _ in range(times):
        sock.send(data)


def udp(device, mac, src, sport, dst, dport, times):
    segment = struct.pack("!HHHH", int(sport), int(dport), 8 + 6, 0) + b"again\n"
    send(device, frame(device, mac, src, dst, 17, segment, 6), int(times))


def syn(device, mac, src, sport, dst, dport):
    segment = struct.pack("!HHIIBBHHH", int(sport), int(dport), 1, 0, 5 << 4, 2, 65535, 0, 0)
    send(device, frame(device, mac, src, dst, 6, segment, 16), 1)


def ping(address, ident, times):
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    sock.connect((address, 0))
    for number in range(int(times)):
        request = struct.pack("!BBHHH", 8, 0, 0, int(ident), number) + b"ping"
        sock.send(request[:2] + struct.pack("!H", checksum(request)) + request[4:])
        end = time.monotonic() + 3
        while True:
            sock.settimeout(max(end - time.monotonic(), 0.001))
            reply = sock.recv(2048)[20:]
            if reply[0] == 0 and reply[4:] == request[4:]:
                break


def hello_server(port):
    return socket.create_server(("", int(port)))


def hello_on(server):
    with server:
        server.settimeout(20)
        connection, _ = server.accept()
        with connection:
            connection.settimeout(10)
            heard = connection.recv(64).decode()
            connection.sendall(b"hello")
            try:
                connection.recv(64)
            except ConnectionResetError:
                pass
    return heard


def hello(port):
    return hello_on(hello_server(port))


def say(sport, address, port):
    with socket.create_connection((address, int(port)), 10, ("", int(sport))) as connection:
        connection.sendall(b"hi")
        heard = connection.recv(64).decode()
        # A reset: the ports are free again at once.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return heard


def feed(name, flag):
    with open(name, "rb") as file:
        sys.stdout.buffer.write(file.read(os.path.getsize(name) // 5))
        sys.stdout.buffer.flush()
        while not os.path.exists(flag):
            time.sleep(0.1)
        while data := file.read(65536):
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            time.sleep(0.05)


# Linux's numbers: Python names few of them. What may not be fragmented leaves whatever is known of the path.
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PMTUDISC_PROBE = 10, 23, 3
IP_RECVTOS, IP_MTU, IPV6_MTU, EMSGSIZE = 13, 14, 24, 90


def whole_socket(family):
    """Its datagrams may not be fragmented, and it tells the TOS of those that come."""
    sock = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_PROBE)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DONTFRAG, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_PROBE)
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVTOS, 1)
    return sock


def tos_of(ancillary):
    for level, kind, value in ancillary:
        if (level, kind) in ((socket.IPPROTO_IP, socket.IP_TOS), (socket.IPPROTO_IPV6, socket.IPV6_TCLASS)):
            return int.from_bytes(value, sys.byteorder)
    return -1


def mirror_on(sock, came):
    """Answers with as many bytes as it is asked for, and with the TOS of the question; notes how long that was."""
    level, kind = socket.IPPROTO_IP, socket.IP_TOS
    if sock.family == socket.AF_INET6:
        level, kind = socket.IPPROTO_IPV6, socket.IPV6_TCLASS
    while True:
        data, ancillary, _, client = sock.recvmsg(65535, 256)
        tos = tos_of(ancillary)
        came.append(len(data))
        answer = f"{len(data)} {tos} ".encode().ljust(int(data.split()[0]), b".")
        try:
            sock.sendmsg([answer], [(level, kind, struct.pack("=i", tos))], 0, client)
        except OSError:
            pass  # longer than what this machine's own device takes


def reflect(address, port, tos, size, answer, seconds):
    with whole_socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as sock:
        if sock.family == socket.AF_INET6:
            level, mtu = socket.IPPROTO_IPV6, IPV6_MTU
            sock.setsockopt(level, socket.IPV6_TCLASS, int(tos, 0))
        else:
            level, mtu = socket.IPPROTO_IP, IP_MTU
            sock.setsockopt(level, socket.IP_TOS, int(tos, 0))
        sock.connect((address, int(port)))
        sock.settimeout(float(seconds))
        sock.send(f"{answer} ".encode().ljust(int(size), b"."))
        try:
            data, ancillary, _, _ = sock.recvmsg(65535, 256)
        except TimeoutError:
            return "nothing"
        except OSError as error:
            if error.errno != EMSGSIZE:
                raise
            return f"too long for {sock.getsockopt(level, mtu)}"
        size, seen = data.split()[:2]
        return f"{int(size)} {int(seen):#04x} {len(data)} {tos_of(ancillary):#04x}"


def segment(src, sport, dst, dport, seq, ack, flags, options):
    options = bytes.fromhex(options)
    options += bytes(-len(options) % 4)
    data = struct.pack("!HHIIBBHHH", int(sport), int(dport), int(seq), int(ack), (20 + len(options)) << 2, int(flags),
                       65535, 0, 0) + options
    family = socket.AF_INET6 if ":" in src else socket.AF_INET
    pseudo = socket.inet_pton(family, src) + socket.inet_pton(family, dst) + struct.pack("!II", len(data), 6)
    data = data[:16] + struct.pack("!H", checksum(pseudo + data)) + data[18:]
    with socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP) as sock:
        sock.bind((src, 0))
        sock.sendto(data, (dst, 0))


def captured(name):
    """The IP packets of a capture of whole or cut Ethernet frames."""
    with open(name, "rb") as file:
        file.read(24)
        while head := file.read(16):
            yield file.read(struct.unpack("=4I", head)[2])[14:]


def ip_of(packet):
    """TOS, length and header's length of an IP packet."""
    if packet[0] >> 4 == 6:
        return struct.unpack_from("!H", packet)[0] >> 4 & 0xff, 40 + struct.unpack_from("!H", packet, 4)[0], 40
    return packet[1], struct.unpack_from("!H", packet, 2)[0], (packet[0] & 15) * 4


def options(name):
    lines = set()
    for packet in captured(name):
        start = ip_of(packet)[2]
        sport, dport, seq, ack, length, flags = struct.unpack_from("!HHIIBB", packet, start)
        lines.add(f"{sport} {dport} {seq} {ack} {flags:#x} {packet[start + 20:start + (length >> 2)].hex()}")
    return "\n".join(sorted(lines))


def tunnels(name, port):
    lines = set()
    for packet in captured(name):
        outer_tos, length, start = ip_of(packet)
        frame = packet[start + 16:]
        if len(frame) < 14 + 48 or frame[12:14] not in (b"\x08\x00", b"\x86\xdd"):
            continue
        tos, _, inner = ip_of(frame[14:])
        ports = struct.unpack_from("!HH", frame, 14 + inner)
        if int(port) in ports and frame[14 + (6 if inner == 40 else 9)] == 17:
            direction = "to" if ports[1] == int(port) else "from"
            lines.add(f"{direction} {packet[start + 8]:#04x} {outer_tos:#04x} {tos:#04x} {length}")
    return "\n".join(sorted(lines))


COMMANDS = {"answer": answer, "ask": ask, "udp": udp, "syn": syn, "ping": ping, "hello": hello, "say": say,
            "feed": feed, "reflect": reflect, "segment": segment, "options": options, "tunnels": tunnels}
if __name__ == "__main__":
    text = COMMANDS[sys.argv[1]](*sys.argv[2:])
    if text is not None:
        print(text)
