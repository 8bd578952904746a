#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A process that stays, for scenarios with many short steps: in a lab, starting one costs a tenth of a second.

It reads commands, one a line, words as a shell would split them, and answers each with lines and, at the end, "." and
a status. In bash: worker_start, then worker COMMAND WORD… (lib.sh).

offload NS DEVICE NAME=on|off…      switches of `ethtool -K` (tx, tso, gso, gro); fails if the device did not take one
errors NS…                          what those kernels have counted against checksums, and their devices as errors of
                                    what came in; nothing at best
twice NS NS                         fails if the first got more SYN-ACKs twice than the second has sent twice
retransmitted NS…                   the TCP segments that they have sent again
exchange NS BYTES ADDRESS…          a download, an upload and a datagram with each, all at once; fails unless all is whole
packets NS COMMAND WORD… [+ NS COMMAND WORD…]   what packets.py does, several at once; prints each one's text
answer NS PORT                      its server of bursts, from now on
mirror NS PORT                      answers to what its "reflect" sends, from now on
mirrored                            how long the datagrams were that came there since the last time
fragments NS DEVICE DEVICE SIZE     passes frames from one device to the other and back, from now on; of IPv6 it makes
                                    fragments of SIZE bytes at most, as a sender could have
hello NS PORT                       its TCP server for one connection, listening when this returns
heard PORT                          what that one has heard
echo NS ADDRESS SOURCE-PORT TEXT [BYTES]   a datagram from that port, as long as that at least, and back within a second
load NAME NS RATE ADDRESS…          starts a load: RATE datagrams a second, each sent once, and requests one after another
load-answered NAME SINCE-MS         when the first datagram sent since then was answered: milliseconds after it
load-stop NAME                      ends it; prints what became of it as JSON
send NS OUTER-SRC OUTER-DST INNER-SRC PORT INNER-DST PORT [NAME=VALUE…]
                                    one crafted tunnel packet with a datagram inside, from whomever: flags= vni= text=
                                    smac= dmac= count= checksum=good|naive|none (naive: as if it were not marked; without
                                    this: good in UDP, none in GRE). MPLS has MAC addresses instead: dev= osmac= odmac=
not-ready NS OUTER-SRC OUTER-DST [NAME=VALUE…]   a forged "not ready" with a nonce of its own making
old-module NS DEVICE ADDRESS VERSION   answers readiness probes to ADDRESS as a module of another protocol version would,
                                    beside a driver that knows nothing of them
"""
import concurrent.futures
import ctypes
import fcntl
import hashlib
import json
import os
import selectors
import shlex
import socket
import struct
import sys
import threading
import time

import frames
import packets

BLOCK = bytes((i * 7 + i // 251) & 255 for i in range(65536))  # server.py's


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def open_socket(ns, family, kind, protocol=0):
    with frames.namespace(ns):
        return socket.socket(family, kind, protocol)


# --- ethtool -----------------------------------------------------------------

SIOCETHTOOL = 0x8946
SWITCHES = {"tx": (0x16, 0x17), "tso": (0x1e, 0x1f), "gso": (0x23, 0x24), "gro": (0x2b, 0x2c)}  # get, set


def ethtool(sock, device, command, value=0):
    data = bytearray(struct.pack("II", command, value))
    buffer = (ctypes.c_char * len(data)).from_buffer(data)
    request = struct.pack("16sP8x", device.encode(), ctypes.addressof(buffer))
    fcntl.ioctl(sock, SIOCETHTOOL, request)
    return struct.unpack("II", data)[1]


def offload(ns, device, *switches):
    with open_socket(ns, socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for switch in switches:
            name, _, state = switch.partition("=")
            get, put = SWITCHES[name]
            ethtool(sock, device, put, int(state == "on"))
            if bool(ethtool(sock, device, get)) != (state == "on"):
                yield f"{name} of {device} in {ns} is not {state}"


# --- what kernels count ------------------------------------------------------


def counted(*namespaces):
    for ns in namespaces:
        with frames.namespace(ns):
            with open("/proc/thread-self/net/snmp") as snmp, open("/proc/thread-self/net/snmp6") as snmp6:
                lines, lines6 = snmp.read().splitlines(), snmp6.read().splitlines()
            with open("/proc/thread-self/net/netstat") as netstat:
                lines += netstat.read().splitlines()
        values = [line.split() for line in lines6]
        for names, numbers in zip(lines[::2], lines[1::2]):
            prefix = names.partition(":")[0]
            values += [(prefix + name, number) for name, number in zip(names.split()[1:], numbers.split()[1:])]
        for name, value in values:
            if int(value) > 0:
                yield ns.rpartition("-")[0], name, value


def device_errors(ns):
    with frames.namespace(ns), open("/proc/thread-self/net/dev") as lines:
        for line in list(lines)[2:]:
            name, _, numbers = line.partition(":")
            count = int(numbers.split()[2])
            if count:
                yield f"{ns.rpartition('-')[0]} {name.strip()} {count}"


def errors(*namespaces):
    for ns in namespaces:
        yield from device_errors(ns)
        values = {name: int(value) for _, name, value in counted(ns)}
        # TcpInErrs counts a SYN-ACK that comes twice as well, when its timer was faster than a busy machine.
        twice = values.get("TcpExtTCPSYNChallenge", 0)
        values["TcpInErrs"] = max(0, values.get("TcpInErrs", 0) - twice)
        for name, value in values.items():
            if value and (name.endswith("InCsumErrors") or name == "TcpInErrs"):
                yield f"{ns.rpartition('-')[0]} {name} {value}"


def twice(receiver, sender):
    """SYN-ACKs that came twice and were not sent twice: somebody on the way has made two of one."""
    came, sent = ({name: int(value) for _, name, value in counted(ns)} for ns in (receiver, sender))
    more = came.get("TcpExtTCPSYNChallenge", 0) - sent.get("TcpExtTCPSynRetrans", 0)
    if more > 0:
        yield f"{more} more than {sent.get('TcpExtTCPSynRetrans', 0)} sent twice"


def retransmitted(*namespaces):
    for ns, name, value in counted(*namespaces):
        if name == "TcpRetransSegs":
            yield f"{ns} {value}"


# --- traffic that must arrive whole ------------------------------------------


def stream(sock, address, request, body=b""):
    sock.settimeout(60)
    sock.connect((address, 80))
    sock.sendall(request.encode() + b"\r\n\r\n" + body)
    answer = bytearray()
    while piece := sock.recv(1 << 20):
        answer += piece
    head, _, rest = bytes(answer).partition(b"\r\n\r\n")
    if b" 200 " not in head:
        raise OSError("no answer of HTTP")
    return rest


def download(sock, address, data):
    if stream(sock, address, f"GET /bytes/{len(data)} HTTP/1.0") != data:
        raise OSError("the download differs")


def upload(sock, address, data):
    digest = stream(sock, address, f"PUT / HTTP/1.0\r\nContent-Length: {len(data)}", data)
    if digest.decode() != hashlib.sha256(data).hexdigest():
        raise OSError("the upload differs")


def datagram(sock, address, data):
    sock.settimeout(10)
    sock.connect((address, 7))
    data = data[:1001]  # odd, so that the checksum has a byte to pad
    sock.send(data)
    if sock.recv(65535).partition(b" ")[2] != data:
        raise OSError("the datagram differs")


def exchange(ns, size, *addresses):
    data = (BLOCK * (int(size) // len(BLOCK) + 1))[:int(size)]
    problems, threads = [], []

    def run(function, sock, address):
        try:
            with sock:
                function(sock, address, data)
        except OSError as error:
            problems.append(f"{function.__name__}, {address}: {error}")

    for address in addresses:
        for function, kind in ((download, socket.SOCK_STREAM), (upload, socket.SOCK_STREAM),
                               (datagram, socket.SOCK_DGRAM)):
            sock = open_socket(ns, family_of(address), kind)
            threads.append(threading.Thread(target=run, args=(function, sock, address), daemon=True))
            threads[-1].start()
    for thread in threads:
        thread.join()
    yield from problems


def echo(ns, address, port, text, length=0):
    text = text.rjust(int(length), "0")
    with open_socket(ns, family_of(address), socket.SOCK_DGRAM) as sock:
        sock.settimeout(1)
        sock.bind(("", int(port)))
        sock.connect((address, 7))
        sock.send(text.encode())
        if sock.recv(65535).split()[-1] != text.encode():
            raise OSError("another text came back")
    return ()


pool = concurrent.futures.ThreadPoolExecutor(8)
hellos = {}


def packets_of(*words):
    def run(ns, command, *arguments):
        with frames.namespace(ns):
            return packets.COMMANDS[command](*arguments)

    futures, words = [], list(words)
    while words:
        end = words.index("+") if "+" in words else len(words)
        futures.append(pool.submit(run, *words[:end]))
        words = words[end + 1:]
    return [text for future in futures if (text := future.result()) is not None]


def hello(ns, port):
    with frames.namespace(ns):
        server = packets.hello_server(port)
    hellos[port] = pool.submit(packets.hello_on, server)
    return ()


def heard(port):
    yield hellos.pop(port).result()


def answer_bursts(ns, port):
    with frames.namespace(ns):
        sock = packets.answering_socket(port)
    threading.Thread(target=packets.answer_on, args=(sock,), daemon=True).start()
    return ()


mirrored_sizes = []


def mirror(ns, port):
    for family, any_address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        with frames.namespace(ns):
            sock = packets.whole_socket(family)
        sock.bind((any_address, int(port)))
        threading.Thread(target=packets.mirror_on, args=(sock, mirrored_sizes), daemon=True).start()
    return ()


def mirrored():
    yield " ".join(map(str, mirrored_sizes))
    mirrored_sizes.clear()


# --- a link that makes fragments -------------------------------------------


def pieces_of(frame, size, number):
    """Linux' own tunnels do not fragment outer IPv6; other systems' do."""
    if frame[12:14] != b"\x86\xdd" or frame[20] != frames.UDP or len(frame) - 14 <= size:
        return [frame]
    payload, step, pieces = frame[54:], (size - 48) & ~7, []
    for offset in range(0, len(payload), step):
        piece = payload[offset:offset + step]
        more = offset + step < len(payload)
        head = struct.pack("!BBHI", frames.UDP, 0, offset | more, number)
        pieces.append(frame[:18] + struct.pack("!HB", 8 + len(piece), frames.FRAGMENT) + frame[21:54] + head + piece)
    return pieces


def relay(source, target, size):
    number = 0
    while True:
        frame, sender = source.recvfrom(65535)
        if sender[2] == socket.PACKET_OUTGOING:
            continue
        number += 1
        for piece in pieces_of(frame, size, number):
            target.send(piece)


def fragments(ns, one, other, size):
    ends = [frames.packet_socket(ns, device) for device in (one, other)]
    for source, target in (ends, ends[::-1]):
        threading.Thread(target=relay, args=(source, target, int(size)), daemon=True).start()
    return ()


# --- a load that notices each loss -------------------------------------------


class Load:
    """Datagrams from several ports, each of which is to come back; requests, each of which is to be answered."""

    def __init__(self, ns, rate, addresses):
        self.ns, self.rate, self.addresses = ns, int(rate), addresses
        self.sent, self.answered = {}, {}
        self.requests, self.failures, self.slow = 0, [], []
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self.datagrams, daemon=True),
                        threading.Thread(target=self.streams, daemon=True)]
        for thread in self.threads:
            thread.start()

    def datagrams(self):
        selector = selectors.DefaultSelector()
        sockets = []
        for address in self.addresses * 4:
            sock = open_socket(self.ns, family_of(address), socket.SOCK_DGRAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            sock.connect((address, 7))
            sock.setblocking(False)
            selector.register(sock, selectors.EVENT_READ)
            sockets.append(sock)
        number, due, end = 0, time.time(), None
        while end is None or time.time() < end and len(self.answered) < len(self.sent):
            now = time.time()
            if end is None and self.ending.is_set():
                end = now + 3  # what is under way may still arrive
            if end is None and now >= due:
                # One at a time, however late: a burst would be lost to queues, which is another matter.
                self.sent[number] = now
                try:
                    sockets[number % len(sockets)].send(b"load %d" % number)
                except OSError:
                    pass  # an ICMP error that came before; the datagram counts as lost
                number += 1
                due = max(due + 1 / self.rate, now)
            for key, _ in selector.select(0.2 if end else max(0, due - time.time())):
                try:
                    self.answered[int(key.fileobj.recv(2048).split()[-1])] = time.time()
                except OSError:
                    pass
        for sock in sockets:
            sock.close()

    def streams(self):
        while not self.ending.is_set():
            address = self.addresses[self.requests % len(self.addresses)]
            start = time.time()
            self.requests += 1
            try:
                with open_socket(self.ns, family_of(address), socket.SOCK_STREAM) as sock:
                    stream(sock, address, "GET / HTTP/1.0")
            except OSError as error:
                self.failures.append(f"{address}: {error}")
            if time.time() - start > 0.9:  # a SYN was sent twice, or this machine is busy
                self.slow.append(f"{address}: {time.time() - start:.1f} s")
            self.ending.wait(0.02)

    def first_after(self, since):
        # By number: the load goes on meanwhile, and a dictionary must not grow under who walks it.
        for number in range(len(self.sent)):
            if self.sent[number] >= since and number in self.answered:
                return self.answered[number]
        return None

    def stop(self):
        self.ending.set()
        for thread in self.threads:
            thread.join()
        lost = [number for number in self.sent if number not in self.answered]
        return {"sent": len(self.sent), "lost": len(lost), "lost_first": lost[:10], "requests": self.requests,
                "failed": len(self.failures), "failures": self.failures[:5], "slow": self.slow[:10]}


loads = {}


def load(name, ns, rate, *addresses):
    loads[name] = Load(ns, rate, addresses)
    return ()


def load_answered(name, since_ms):
    since = int(since_ms) / 1000
    end = time.time() + 20
    while (first := loads[name].first_after(since)) is None:
        if time.time() > end:
            raise OSError("no answer for 20 s")
        time.sleep(0.01)
    yield str(int((first - since) * 1000))


def load_stop(name):
    yield json.dumps(loads.pop(name).stop())


# --- crafted packets ---------------------------------------------------------


def raw_send(ns, packet, destination, count=1, device=None):
    """device: by which a whole frame is to leave."""
    if device:
        with frames.packet_socket(ns, device, 0) as sock:
            for _ in range(count):
                sock.send(packet)
        return
    family = family_of(destination)
    with open_socket(ns, family, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        for _ in range(count):
            sock.sendto(packet, (destination, 0))


def ip(source, destination, payload, protocol=frames.UDP):
    return (frames.ipv6 if ":" in source else frames.ipv4)(source, destination, protocol, payload)


def udp(source, destination, sport, dport, payload, covered=None):
    """covered: what the checksum is made for, if it is not to be for the payload."""
    head = frames.pseudo(frames.address(source), frames.address(destination), frames.UDP, 8 + len(payload))
    datagram = frames.udp(sport, dport, payload if covered is None else covered)
    return frames.udp(sport, dport, payload, check=frames.checksum(head + datagram) or 0xffff)


def link_packet(link, payload):
    """MPLS: whose a packet is, its MAC addresses say."""
    return frames.ether(link["odmac"], link["osmac"], frames.MPLS, payload)


def tunnel_packet(source, destination, inner, flags, vni, checksum=None, link=None):
    covered = frames.NORMAL if checksum == "naive" else flags
    if frames.STATION:
        return link_packet(link, frames.tunnel(inner, flags=flags, vni=vni))
    if not frames.PORT:
        packet = frames.tunnel(inner, flags=flags, vni=vni, checked=checksum in ("good", "naive"), covered=covered)
        return ip(source, destination, packet, frames.GRE)
    payload = frames.tunnel(inner, flags=flags, vni=vni)
    if checksum == "none":
        return ip(source, destination, frames.udp(40000, frames.PORT, payload))
    covered = frames.tunnel(inner, flags=covered, vni=vni)
    return ip(source, destination, udp(source, destination, 40000, frames.PORT, payload, covered))


def send(ns, outer_source, outer_destination, source, sport, destination, dport, *options):
    options = dict(option.split("=", 1) for option in options)
    inner = udp(source, destination, int(sport), int(dport), options.get("text", "crafted").encode() + b"\n")
    inner = frames.ether(options["dmac"], options.get("smac", "02:00:00:00:66:66"),
                         frames.IPV6 if ":" in source else frames.IPV4, ip(source, destination, inner))
    packet = tunnel_packet(outer_source, outer_destination, inner, int(options.get("flags", str(frames.MARKED)), 0),
                           int(options.get("vni", "100")), options.get("checksum"), options)
    raw_send(ns, packet, outer_destination, int(options.get("count", 1)), options.get("dev"))
    return ()


def message(kind, nonce, protocol=1):
    """The frame of kmod/wire/probe.h."""
    head = b"ITUP" + struct.pack("!BBH", protocol, kind, 120) + nonce + struct.pack("!IBBH", 1, 0, 1, 0)
    marks = struct.pack("!I", 0xf0).ljust(64, b"\0")
    body = frames.ether("01:80:c2:00:00:0e", "02:00:00:00:88:b5", frames.PROBE, head + marks + b"9.9")
    return body.ljust(160, b"\0")


def message_packet(source, destination, body, flags, link=None):
    if frames.LABELS:
        payload = frames.labels(frames.mpls(frames.MESSAGE + body, 100, mark=flags), 100)
        if frames.STATION:
            return link_packet(link, payload)
        if frames.PORT:
            return ip(source, destination, udp(source, destination, 40000, frames.PORT, payload))
        return ip(source, destination, payload, frames.GRE)
    return tunnel_packet(source, destination, body, flags, 100)


def not_ready(ns, outer_source, outer_destination, *options):
    link = dict(option.split("=", 1) for option in options)
    packet = message_packet(outer_source, outer_destination, message(3, os.urandom(8)), frames.MARKED, link)
    raw_send(ns, packet, outer_destination, device=link.get("dev"))
    return ()


def probe_of(frame, outer):
    """The field of the mark, the message and whose it is, if the frame is a probe to the address, or to this station."""
    if frames.STATION:
        if frame[:6] != outer or frame[12:14] != b"\x88\x47":
            return None
        start, source = 14, None
    else:
        if len(outer) == 4:
            start, source, target = 14 + (frame[14] & 15) * 4, frame[26:30], frame[30:34]
        else:
            start, source, target = 54, frame[22:38], frame[38:54]
        if target != outer:
            return None
    if len(frame) < start + 10:
        return None
    flags, inner = frames.tunnel_of(frame, start)
    if frame[inner + 12:inner + 18] != b"\x88\xb5ITUP" or frame[inner + 19] != 1:
        return None
    return flags, frame[inner:], source


def answer_probes(ns, device, tap, address, version):
    outer = frames.address(address)
    if frames.STATION:
        outer = frames.mac(frames.mac_of(ns, device))
    while True:
        frame = tap.recv(2048)
        probe = probe_of(frame, outer)
        if not probe:
            continue
        flags, body, source = probe
        answer = message(2, body[22:30], version)
        if source is None:
            link = {"odmac": frame[6:12].hex(), "osmac": outer.hex()}
            raw_send(ns, message_packet(None, None, answer, flags, link), None, device=device)
            continue
        prober = socket.inet_ntop(socket.AF_INET6 if len(outer) == 16 else socket.AF_INET, source)
        raw_send(ns, message_packet(address, prober, answer, flags), prober)


def old_module(ns, device, address, version):
    tap = frames.packet_socket(ns, device)
    threading.Thread(target=answer_probes, args=(ns, device, tap, address, int(version)), daemon=True).start()
    return ()


# --- the loop ----------------------------------------------------------------


def main():
    commands = {"offload": offload, "errors": errors, "twice": twice, "retransmitted": retransmitted,
                "exchange": exchange, "packets": packets_of, "answer": answer_bursts, "hello": hello,
                "heard": heard, "echo": echo, "load": load, "load-answered": load_answered, "load-stop": load_stop,
                "mirror": mirror, "mirrored": mirrored, "fragments": fragments,
                "send": send, "not-ready": not_ready, "old-module": old_module}
    failing = {"offload", "exchange", "twice"}  # what these say is what is wrong
    for line in sys.stdin:
        name, *words = shlex.split(line)
        try:
            answer = list(commands[name](*words))
            status = int(name in failing and bool(answer))
        except Exception as error:  # pylint: disable=broad-except
            answer, status = [f"{name}: {error!r}"], 1
        print(*answer, f". {status}", sep="\n", flush=True)


main()
