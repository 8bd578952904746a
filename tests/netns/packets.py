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


COMMANDS = {"answer": answer, "ask": ask, "udp": udp, "syn": syn, "ping": ping, "hello": hello, "say": say, "feed": feed}
if __name__ == "__main__":
    text = COMMANDS[sys.argv[1]](*sys.argv[2:])
    if text is not None:
        print(text)
