#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What belongs to a flow and does not have its ports, in the network of the main job: ICMP errors both ways, fragments of
# packets inside the tunnel both ways and in any order, and replies that are too long for some link.
#
#   client --> lbhost [IPVS, first mark] ==VXLAN==> rshost [record] --> rs
#   client <-- lbhost <============================ rshost [steer, or rewrite] <-- rs
#      ^                                              |
#      +---- gwhost <=== the way of rs's default route +      (the whole drawing: nat-topology.sh)
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/nat-topology.sh"

log=$work/server.log
big=4000

# A datagram of $big bytes there and back: three fragments each way.
big_echo() { # NS ADDRESS
	in_ns "$1" /usr/bin/python3 -c '
import os, socket, sys
sock = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
sock.connect((sys.argv[1], 7))
sock.settimeout(float(sys.argv[3]))
text = os.urandom(int(sys.argv[2]) // 2).hex().encode()
for attempt in range(3):
    sock.send(text)
    try:
        while True:
            answer = sock.recv(65535)
            if answer.partition(b" ")[2].rstrip() == text:
                sys.exit(0)
    except (TimeoutError, ConnectionRefusedError):
        pass
sys.exit("silence")' "$2" "$big" "$((2 * ${SLOW:-1}))"
}

# An answer of the server's, made by hand and sent in fragments, the last one first: to the datagram that a client has sent.
# On a socket of packets, so that no kernel of the server's puts them in order.
backwards() { # FAMILY
	local sport=$((41000 + RANDOM % 1000)) vip=$vip4 server=10.1.1.2 client_address=200.1.1.2 gateway
	[ "$1" = 4 ] || vip=$vip6 server=2001:db8:10::2 client_address=2001:db8:c1::2
	gateway=$(mac_of "$gwhost" br100)
	in_ns "$client" /usr/bin/python3 -c '
import socket, sys
sock = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("", int(sys.argv[2])))
sock.connect((sys.argv[1], 10))
sock.settimeout(float(sys.argv[3]))
sock.send(b"question")
open(sys.argv[4], "w").close()
sys.exit(0 if sock.recv(65535) == b"backwards" * 400 else "something else")' \
		"$vip" "$sport" "$((10 * ${SLOW:-1}))" "$work/asked-$sport" &
	local pid=$!
	wait_until 20 test -e "$work/asked-$sport"
	wait_until 10 has_session "$server" "$sport"
	# shellcheck disable=SC2016 # Python
	PYTHONPATH=$netns_dir PYTHONDONTWRITEBYTECODE=1 in_ns "$rs" /usr/bin/python3 -c '
import socket, struct, sys
import frames
family, mac, source, destination, sport = int(sys.argv[1]), *sys.argv[2:5], int(sys.argv[5])
src, dst = frames.address(source), frames.address(destination)
datagram = frames.udp(10, sport, b"backwards" * 400)
total = frames.checksum(frames.pseudo(src, dst, 17, len(datagram)) + datagram)
datagram = datagram[:6] + struct.pack("!H", total or 0xffff) + datagram[8:]
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sock.bind(("eth0", 0))
own = sock.getsockname()[4]
pieces = [(at, datagram[at:at + 1400]) for at in range(0, len(datagram), 1400)]
for at, piece in reversed(pieces):
    more = at + len(piece) < len(datagram)
    if family == 4:
        header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(piece), 4242, more << 13 | at // 8, 64, 17, 0) + src + dst
        header = header[:10] + struct.pack("!H", frames.checksum(header)) + header[12:]
        kind = b"\x08\x00"
    else:
        piece = struct.pack("!BBHI", 17, 0, at | more, 4242) + piece
        header = struct.pack("!IHBB", 6 << 28, len(piece), 44, 64) + src + dst
        kind = b"\x86\xdd"
    sock.send(bytes.fromhex(mac.replace(":", "")) + own + kind + header + piece)' \
		"$1" "$gateway" "$server" "$client_address" "$sport"
	wait "$pid"
}

has_session() { # SERVER CLIENT-PORT
	at_least "$(ctl_json "$rshost" session list --dst "$1" --sport "$2" --dport 10 | jq length)" 1
}

# Fragments of nobody's go on at once, whatever their order; what waits, waits a moment.
others() {
	local before
	before=$(stat_of "$rshost" fragment_held)
	check "the server's own long datagrams are answered" big_echo "$rs" 10.1.1.1
	check "and over IPv6" big_echo "$rs" 2001:db8:10::1
	check "none of their fragments had to wait" equal "$(stat_of "$rshost" fragment_held)" "$before"
}

one_mode() { # MODE FAMILY
	local before
	ctl "$rshost" resume all
	case $1 in
	steering) ctl "$rshost" pause rewrite ;;
	rewrite) ctl "$rshost" pause steer ;;
	esac
	before=$(stat_of "$rshost" related)
	check "the client hears that nobody listens ($1, IPv$2)" refused "$vip4"
	check "and over IPv6 inside" refused "$vip6"
	check "these errors went back as replies do" stat_grew "$rshost" related "$before" 2
	before=$(stat_of "$rshost" fragment_later)
	check "a datagram of $big bytes there and back ($1, IPv$2)" big_echo "$client" "$vip4"
	check "and over IPv6 inside" big_echo "$client" "$vip6"
	check "its later fragments were found by the first" stat_grew "$rshost" fragment_later "$before" 4
}

# Of a link behind the balancer: its error is about a reply, and reaches the server through the tunnel.
short_link() {
	ip -n "$lbhost" link set to-client mtu 1300
	in_ns "$lbhost" nft -f - <<-NFT
		table inet silence { chain out { type filter hook output priority 0;
			icmp code frag-needed counter drop
			icmpv6 type packet-too-big counter drop
		}; }
	NFT
	check "without the error a download hangs" not in_ns "$client" curl -s -f -m 4 -o /dev/null "http://$vip4/bytes/100000"
	check "IPv6's too" not in_ns "$client" curl -g -s -f -m 4 -o /dev/null "http://[$vip6]/bytes/100000"
	in_ns "$lbhost" nft delete table inet silence
	check "with it, it arrives" http_download "$client" "$vip4" 100000
	check "IPv6's too" http_download "$client" "$vip6" 100000
	ip -n "$lbhost" link set to-client mtu 1500
	for host in "$rs" "$client"; do ip -n "$host" route flush cache && ip -n "$host" -6 route flush cache; done
}

# Of the underlay: no reply of full length fits into the tunnel. The tunnel's driver says so to the server.
short_underlay() {
	ip -n "$rshost" link set eth0 mtu 1500
	check "a download through an underlay without room for the tunnel's header arrives" http_download "$client" "$vip4" 300000
	check "over IPv6 inside too" http_download "$client" "$vip6" 300000
	ip -n "$rshost" link set eth0 mtu "$underlay_mtu"
	for host in "$rs" "$rshost"; do ip -n "$host" route flush cache && ip -n "$host" -6 route flush cache; done
}

nat_hosts
for port in 9 10; do
	service "$lbhost" u "$vip4:$port" "10.1.1.2:$port"
	service "$lbhost" u "[$vip6]:$port" "[2001:db8:10::2]:$port"
done
start_server "$rs" "$log"
start_server "$gwhost" "$work/gateway.log"
# One that listens at port 10 and says nothing: what is answered there, a test has made.
in_ns "$rs" /usr/bin/python3 -c '
import signal, socket
sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
sock.bind(("::", 10))
signal.pause()' &
background+=($!)
for family in ${FAMILIES:-4 6}; do
	nat_overlay "$family"
	wait_until 10 http_get "$lbhost" 10.1.1.2 1
	wait_until 10 http_get "$lbhost" 2001:db8:10::2 1
	check "without the module nobody hears it (IPv$family)" not refused "$vip4"
	check "and no long datagram is answered" not big_echo "$client" "$vip4"
	load_module
	nat_configure "$family"
	check "the server's host becomes ready (IPv$family)" nat_ready "$family"
	for mode in steering rewrite; do one_mode "$mode" "$family"; done
	ctl "$rshost" resume all
	before=$(stat_of "$rshost" fragment_held)
	check "an answer whose fragments come in reverse order (IPv$family)" backwards 4
	check "and over IPv6 inside" backwards 6
	check "its later fragments waited for the first" equal "$(stat_of "$rshost" fragment_held)" $((before + 4))
	others
	ctl "$rshost" port add tap0 --direct
	one_mode direct "$family"
	check "in reverse order from a direct port" backwards 4
	short_link
	short_underlay
	unload_module
done
finish
