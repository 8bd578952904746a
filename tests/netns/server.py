#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The real server of the scenarios: HTTP on port 80, UDP echo on port 7, on every address.

    server.py LOG

GET /            the client's address as the server sees it
GET /bytes/N     N bytes of a known pattern
GET /stream/N    64 KiB of it fifty times a second, until LOG.enough exists, then N times more; the log says how much
GET /drip/N      N lines, ten a second, each a number: a stream that only the server speaks on
PUT anything     the SHA-256 of the body

LOG gets a line per request, PROTOCOL CLIENT PORT SERVER WHAT, and "ready" once both sockets listen.
"""
import hashlib
import os
import socket
import sys
import threading
import time

BLOCK = bytes((i * 7 + i // 251) & 255 for i in range(65536))
log_file = open(sys.argv[1], "a", buffering=1)


def plain(address):
    return address.removeprefix("::ffff:")


def log(protocol, client, server, what):
    log_file.write(f"{protocol} {plain(client[0])} {client[1]} {plain(server[0])} {what}\n")


def answer(stream, body, length=None):
    length = len(body) if length is None else length
    stream.write(f"HTTP/1.0 200 OK\r\nContent-Length: {length}\r\n\r\n".encode() + body)


def serve(connection, client):
    with connection, connection.makefile("rwb") as stream:
        request = stream.readline().decode().split()
        headers = {}
        while (line := stream.readline().decode().strip()):
            key, _, value = line.partition(":")
            headers[key.lower()] = value.strip()
        if len(request) < 2:
            return
        log("tcp", client, connection.getsockname(), " ".join(request[:2]))
        if request[0] == "PUT":
            digest, left = hashlib.sha256(), int(headers.get("content-length", -1))
            if headers.get("transfer-encoding") == "chunked":
                while (size := int(stream.readline(), 16)) > 0:
                    digest.update(stream.read(size))
                    stream.readline()
                stream.readline()
            else:
                while left:
                    piece = stream.read(min(left, 65536))
                    digest.update(piece)
                    left -= len(piece)
            answer(stream, digest.hexdigest().encode())
        elif request[1].startswith("/bytes/"):
            left = int(request[1].split("/")[2])
            answer(stream, b"", left)
            while left > 0:
                stream.write(BLOCK[:min(left, len(BLOCK))])
                left -= len(BLOCK)
        elif request[1].startswith("/stream/"):
            left, sent = int(request[1].split("/")[2]), 0
            stream.write(b"HTTP/1.0 200 OK\r\n\r\n")
            while left:
                stream.write(BLOCK)
                stream.flush()
                sent += len(BLOCK)
                left -= os.path.exists(sys.argv[1] + ".enough")
                time.sleep(0.02)
            log("tcp", client, connection.getsockname(), f"sent {sent}")
        elif request[1].startswith("/drip/"):
            count = int(request[1].split("/")[2])
            stream.write(b"HTTP/1.0 200 OK\r\n\r\n")
            for number in range(count):
                stream.write(f"{number}\n".encode())
                stream.flush()
                time.sleep(0.1)
        else:
            answer(stream, plain(client[0]).encode() + b"\n")


def quietly(connection, client):
    try:
        serve(connection, client)
    except (OSError, ValueError) as error:
        log("error", client, ("", 0), repr(error))


def echo(udp):
    while True:
        # The reply must leave from the address that was asked, on a host with several.
        data, ancillary, _, client = udp.recvmsg(65535, 256)
        local, reply = "", []
        for level, kind, value in ancillary:
            if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
                local = socket.inet_ntop(socket.AF_INET6, value[:16])
                reply = [(level, kind, value[:16] + bytes(4))]
        log("udp", client, (local, 0), data[:60].decode(errors="replace").strip())
        udp.sendmsg([plain(client[0]).encode() + b" " + data], reply, 0, client)


def main():
    tcp = socket.create_server(("::", 80), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512)
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    udp.bind(("::", 7))
    threading.Thread(target=echo, args=(udp,), daemon=True).start()
    log_file.write("ready\n")
    while True:
        connection, client = tcp.accept()
        threading.Thread(target=quietly, args=(connection, client), daemon=True).start()


main()
