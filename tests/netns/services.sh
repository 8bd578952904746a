#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Real services behind the VIP, in the network of the main job, over one family of the underlay, IPv4 and IPv6 inside:
#
#   web     nginx that keeps connections, under wrk: no request fails, four connections carry all of them
#   names   dnsmasq over UDP, and over TCP where an answer is too long for a datagram
#   sctp    an echo over SCTP associations, whose checksum is made late: a server's machine leaves it to its network card,
#           and where the card is a port of a bridge nobody has made it when the packet goes into its tunnel
#   six     a client that has IPv6 addresses only
#   limit   what the server itself opens, as FTP does for its data in active mode, is nobody's reply: it leaves by the
#           server's own route, and the client sees the server's own address. Whoever needs that (FTP: use passive mode)
#           must translate it at the gateway
#
#   client 200.1.1.2 --+                        (VIP: 80 tcp, 53 udp tcp, 9 sctp)
#   six 2001:db8:c6::2 +-> lbhost [IPVS, first mark] ==VXLAN==> rshost [record] --> rs [nginx, dnsmasq, sctp]
#      |               +-- lbhost <============================ rshost [steer, or rewrite] <-- rs
#      |                                                          |
#      +---------------- gwhost <=== the way of rs's default route +      (the whole drawing: nat-topology.sh)
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/nat-topology.sh"

log=$work/server.log # of nginx and the SCTP server: PROTOCOL CLIENT PORT SERVER WHAT
names_log=$work/names.log
connections=4
page_size=20000
long_text=$(printf 'x%.0s' {1..200})

# --- the servers ---------------------------------------------------------------

start_web() {
	mkdir -p "$work/www"
	head -c "$page_size" /dev/urandom > "$work/www/page"
	# Its port can be shared ("reuseport") with what the server opens itself.
	cat > "$work/nginx.conf" <<-CONF
		daemon off;
		user root;
		pid $work/nginx.pid;
		error_log $work/nginx.errors;
		events { worker_connections 64; }
		http {
			log_format flow 'tcp \$remote_addr \$remote_port \$server_addr \$request_uri \$status \$msec';
			access_log $log flow;
			keepalive_requests 1000000;
			server {
				listen 80 reuseport;
				listen [::]:80 ipv6only=on reuseport;
				root $work/www;
				location = / { return 200 "\$remote_addr\n"; }
			}
		}
	CONF
	ip netns exec "$rs" nginx -e "$work/nginx.errors" -c "$work/nginx.conf" &
	background+=($!)
}

start_names() {
	ip netns exec "$rs" dnsmasq --keep-in-foreground --conf-file=/dev/null --pid-file= --user=root \
		--no-hosts --no-resolv \
		--host-record=service.example,192.0.2.53,2001:db8:53::53 \
		--txt-record=long.example,"$long_text","$long_text","$long_text" \
		--log-queries=extra --log-facility="$names_log" > "$work/dnsmasq.errors" 2>&1 &
	background+=($!)
}

# Each association's messages come back with the client's address before them. An address of its own for each socket: of
# a server with several, an association learns all, and the client would talk to those.
start_sctp() {
	ip netns exec "$rs" /usr/bin/python3 -c '
import socket, sys, threading

log = open(sys.argv[1], "a", buffering=1)

def serve(connection, client, server):
    with connection:
        while data := connection.recv(65536):
            log.write(f"sctp {client} {connection.getpeername()[1]} {server} {data[:20].decode()}\n")
            connection.send(client.encode() + b" " + data)

def listen(family, server):
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_SCTP) as listener:
        listener.bind((server, 9))
        listener.listen()
        log.write(f"ready {server}\n")
        while True:
            connection, client = listener.accept()
            threading.Thread(target=serve, args=(connection, client[0], server), daemon=True).start()

threading.Thread(target=listen, args=(socket.AF_INET6, "2001:db8:10::2"), daemon=True).start()
listen(socket.AF_INET, "10.1.1.2")' "$log" > "$work/sctp.errors" 2>&1 &
	background+=($!)
	wait_until 30 grep -q 'ready 10.1.1.2' "$log"
	wait_until 30 grep -q 'ready 2001' "$log"
}

# --- the clients ---------------------------------------------------------------

# Messages, each of which must come back whole; prints the client's address as the server saw it.
sctp_echo() { # NS ADDRESS FROM MESSAGES [SECONDS]
	in_ns "$1" /usr/bin/python3 -c '
import os, socket, sys
address, source, count, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_SCTP) as sock:
    sock.settimeout(seconds)
    sock.bind((source, 0))
    sock.connect((address, 9))
    for number in range(count):
        text = f"message-{number} {os.urandom(40).hex()}".encode()
        sock.send(text)
        seen, _, back = sock.recv(65536).partition(b" ")
        if back != text:
            sys.exit(f"message {number} came back as {back[:60]}")
print(seen.decode())' "$2" "$3" "$4" "$((${5:-10} * ${SLOW:-1}))"
}

# By a port of the client that the row of the session is found by.
ask_name() { # NS ADDRESS FROM PORT [OPTIONS…]
	in_ns "$1" dig -b "$3#$4" +short +tries=3 +time=$((4 * ${SLOW:-1})) "${@:5}" "@$2"
}

# Of the SCTP packets from an address in a capture: how many have a right CRC32c, and how many a wrong one. The client's
# own kernel does not say: it takes a balancer's word for it (IPVS tells the next device that the checksum was verified).
# Only those that the capture has whole, which excludes the first answer of an association.
sctp_checksums() { # FILE ADDRESS
	/usr/bin/python3 -c '
import ipaddress, struct, sys
table = []
for value in range(256):
    for bit in range(8):
        value = value >> 1 ^ (0x82f63b78 if value & 1 else 0)
    table.append(value)

def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 255]
    return crc ^ 0xffffffff

capture = open(sys.argv[1], "rb").read()
address = ipaddress.ip_address(sys.argv[2])
at, count = 24, {True: 0, False: 0}
while at < len(capture):
    kept, length = struct.unpack_from("<II", capture, at + 8)
    frame = capture[at + 16:at + 16 + kept]
    at += 16 + kept
    if address.version == 4:
        header, source, protocol = (frame[14] & 15) * 4, frame[26:30], frame[23]
        end = struct.unpack_from("!H", frame, 16)[0]
    else:
        header, source, protocol = 40, frame[22:38], frame[20]
        end = 40 + struct.unpack_from("!H", frame, 18)[0]
    if kept < length or protocol != 132 or source != address.packed:
        continue
    packet = frame[14 + header:14 + end]
    count[crc32c(packet[:8] + bytes(4) + packet[12:]) == struct.unpack_from("<I", packet, 8)[0]] += 1
print(count[True], count[False])' "$1" "$2"
}

row_of_flow() { # PROTOCOL NUMBER SERVER PORT CLIENT CLIENT-PORT
	flow_row_is "$@" "$(mac_of "$lbhost" br100) $(vtep "$lbhost" "$family") 100"
}

# --- what is shown --------------------------------------------------------------

# All at once, for each waits for its time-out.
nothing_works() { # WHEN
	local jobs=() job port=$((4000 + RANDOM % 1000))
	rm -f "$work"/answered-*
	{ http_get "$client" "$vip4" 3 && touch "$work/answered-web"; } > /dev/null 2>&1 &
	jobs+=($!)
	{ ask_name "$client" "$vip4" 200.1.1.2 "$port" +tries=1 +time=3 service.example | grep '^192' &&
		touch "$work/answered-names"; } > /dev/null 2>&1 &
	jobs+=($!)
	{ sctp_echo "$client" "$vip4" 200.1.1.2 1 3 && touch "$work/answered-sctp"; } > /dev/null 2>&1 &
	jobs+=($!)
	{ http_get "$six" "$vip6" 3 && touch "$work/answered-six"; } > /dev/null 2>&1 &
	jobs+=($!)
	wait "${jobs[@]}" || true
	for job in web names sctp six; do check "nobody is answered $1: $job" not test -e "$work/answered-$job"; done
	check "the request reached the server" grep -q " 200.1.1.2/$port query" "$names_log"
}

# wrk says what failed, and nothing of errors if nothing did. But it does not mind an answer that it has not got when it
# ends: that every connection went on to the end is for the server's log to say.
web() { # VIP SERVER CLIENT SECONDS
	local path="/page?$RANDOM" report=$work/wrk requests logged before end
	check "a page arrives as it is, twice over one connection ($1)" page_twice "$1"
	before=$(stat_of "$rshost" steered)
	in_ns "$client" wrk -t 1 -c "$connections" -d "$4s" --timeout $((5 * ${SLOW:-1}))s "$(url "$1" "$path")" \
		> "$report" 2>&1 || true
	end=$(now_ms)
	requests=$(sed -n 's/^ *\([0-9]*\) requests in .*/\1/p' "$report")
	requests=${requests:-0}
	note "$requests requests in $4 s"
	check "no request failed" not grep -e 'Socket errors' -e 'Non-2xx' "$report"
	check "many were answered" at_least "$requests" $((10 * connections))
	check "their answers were steered" stat_grew "$rshost" steered "$before" "$requests"
	logged=$(grep -c -F " $path 200 " "$log")
	check "the server has not answered more than arrived, but for the last of each connection" \
		at_most "$logged" $((requests + connections))
	check "all of them came from $3 to $2" \
		equal "$(grep -F " $path 200 " "$log" | cut -d' ' -f1,2,4 | sort -u)" "tcp $3 $2"
	check "over $connections connections" \
		equal "$(grep -F " $path 200 " "$log" | cut -d' ' -f3 | sort -u | wc -l)" "$connections"
	check "and none of them paused" at_most "$(longest_pause "$path" "$end")" $((3000 * ${SLOW:-1}))
	check "the row of one of them" session_row_is tcp 6 "$2" 80 "$3" \
		"$(mac_of "$lbhost" br100) $(vtep "$lbhost" "$family") 100"
}

# Of any connection, in milliseconds, the time until END included.
longest_pause() { # PATH END
	grep -F " $1 200 " "$log" | awk -v end="$2" '
		{ now = $7 * 1000; if ($3 in last && now - last[$3] > longest) longest = now - last[$3]; last[$3] = now }
		END { for (port in last) if (end - last[port] > longest) longest = end - last[port]; printf "%d\n", longest }'
}

page_twice() { # VIP
	local sum
	sum=$(in_ns "$client" curl -g -s -S -f -m $((20 * ${SLOW:-1})) "$(url "$1" /page)" "$(url "$1" /page)" | sha256sum)
	equal "$sum" "$(cat "$work/www/page" "$work/www/page" | sha256sum)"
}

names() { # VIP SERVER CLIENT TYPE ADDRESS
	local port=$((20000 + RANDOM % 10000))
	check "a name over UDP ($1)" equal "$(ask_name "$client" "$1" "$3" "$port" service.example "$4")" "$5"
	check "the server saw $3" grep -q " $3/$port query\[$4\] service.example from $3" "$names_log"
	check "its row in the session table" row_of_flow udp 17 "$2" 53 "$3" "$port"
	# The datagram says "truncated", and dig asks again over TCP, from the same port.
	port=$((port + 1))
	check "a text too long for a datagram, first over UDP, then over TCP" equal \
		"$(ask_name "$client" "$1" "$3" "$port" +noedns long.example TXT | tr -d '" ')" "$long_text$long_text$long_text"
	check "the row of the first" row_of_flow udp 17 "$2" 53 "$3" "$port"
	check "the row of the second" row_of_flow tcp 6 "$2" 53 "$3" "$port"
}

sctp() { # VIP SERVER CLIENT late|early
	local steered fallback right wrong wire=$work/sctp-$4-$2
	capture_start "$client" to-lb "$wire" ip proto 132 or ip6 proto 132 or udp
	steered=$(stat_of "$rshost" steered) fallback=$(stat_of "$rshost" steer_fallback)
	check "forty messages over SCTP come back whole ($1, checksum $4)" \
		equal "$(sctp_echo "$client" "$1" "$3" 40 2>&1 || true)" "$3"
	check "the server saw $3" grep -q "^sctp $3 [0-9]* $2 message-39" "$log"
	check "its row in the session table" session_row_is sctp 132 "$2" 9 "$3" \
		"$(mac_of "$lbhost" br100) $(vtep "$lbhost" "$family") 100"
	case $4 in
	late) check "they took the bridge's way, aimed at the balancer" stat_grew "$rshost" steer_fallback "$fallback" 40 ;;
	early) check "they were put into their tunnel" stat_grew "$rshost" steered "$steered" 40 ;;
	esac
	capture_settle "$wire" "$lbhost" "$3"
	capture_stop "$wire"
	read -r right wrong <<< "$(sctp_checksums "$wire" "$1")"
	check "their checksums were right when they came to the client" at_least "$right" 40
	check "and none was wrong" equal "$wrong" 0
}

six_only() {
	check "the client has no IPv4 address" equal "$(ip -n "$six" -4 -br addr show scope global)" ""
	check "it is answered, and seen with its own address" equal "$(http_get "$six" "$vip6")" 2001:db8:c6::2
	check "it asks for names over UDP" \
		equal "$(ask_name "$six" "$vip6" 2001:db8:c6::2 4006 service.example AAAA)" 2001:db8:53::53
	check "its row in the session table" row_of_flow udp 17 2001:db8:10::2 53 2001:db8:c6::2 4006
}

# The client waits at a port for the server; prints who came.
server_opens() { # FROM-PORT
	in_ns "$client" /usr/bin/python3 -c '
import socket, sys
with socket.create_server(("200.1.1.2", 2000)) as listener:
    listener.settimeout(float(sys.argv[1]))
    open(sys.argv[2], "w").close()
    connection, peer = listener.accept()
    with connection:
        connection.settimeout(float(sys.argv[1]))
        print(*peer[:2], connection.recv(100).decode())' "$((10 * ${SLOW:-1}))" "$work/listening-$1" > "$work/came-$1" &
	local pid=$!
	wait_until 20 test -e "$work/listening-$1"
	in_ns "$rs" /usr/bin/python3 -c '
import socket, sys
with socket.socket() as sock:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("10.1.1.2", int(sys.argv[1])))
    sock.settimeout(float(sys.argv[2]))
    sock.connect(("200.1.1.2", 2000))
    sock.send(b"data")' "$1" "$((10 * ${SLOW:-1}))" || true
	wait "$pid" || true
	cat "$work/came-$1"
}

limit() {
	local replies opening
	check "its service has a flow" equal "$(http_get "$client" "$vip4")" 200.1.1.2
	capture_start "$client" to-gw "$work/gateway" tcp or udp
	replies=$(stat_of "$rshost" replies)
	check "what the server opens from port 20 comes from its own address" equal "$(server_opens 20)" "10.1.1.2 20 data"
	check "nothing of it was taken for a reply" equal "$(stat_of "$rshost" replies)" "$replies"
	replies=$(stat_of "$rshost" replies) opening=$(stat_of "$rshost" opening)
	check "what it opens from its service's port does, too" equal "$(server_opens 80)" "10.1.1.2 80 data"
	check "and is known for what it is" stat_grew "$rshost" opening "$opening"
	check "nothing of that either" equal "$(stat_of "$rshost" replies)" "$replies"
	capture_settle "$work/gateway" "$gwhost" 200.1.2.2
	capture_stop "$work/gateway"
	for port in 20 80; do
		check "it came by the server's own gateway (port $port)" \
			at_least "$(capture_count "$work/gateway" src host 10.1.1.2 and tcp src port "$port" and dst port 2000)" 3
	done
}

# --- the scenario ---------------------------------------------------------------

family=${FAMILIES:-4}
family=${family%% *}
require sctp
nat_hosts
setup_ns six
link "$six" to-lb 2001:db8:c6::2/64 "$lbhost" to-six 2001:db8:c6::1/64
link "$six" to-gw 2001:db8:c7::2/64 "$gwhost" to-six 2001:db8:c7::1/64
ip -n "$six" route add default via 2001:db8:c6::1
ip -n "$gwhost" route add 2001:db8:c6::/64 via 2001:db8:c7::2
for protocol in t u -sctp-service; do
	port=53
	[ "$protocol" != -sctp-service ] || port=9
	service "$lbhost" "$protocol" "$vip4:$port" "10.1.1.2:$port"
	service "$lbhost" "$protocol" "[$vip6]:$port" "[2001:db8:10::2]:$port"
done
nat_overlay "$family"
start_web
start_names
start_sctp
wait_until 10 http_get "$lbhost" 10.1.1.2 1
wait_until 10 http_get "$lbhost" 2001:db8:10::2 1
wait_until 10 ask_name "$lbhost" 10.1.1.2 10.1.1.254 4000 service.example
nothing_works "without the module"

load_module
nat_configure "$family"
check "the server's host becomes ready" nat_ready "$family"
web "$vip4" 10.1.1.2 200.1.1.2 5
web "$vip6" 2001:db8:10::2 2001:db8:c1::2 3
names "$vip4" 10.1.1.2 200.1.1.2 A 192.0.2.53
names "$vip6" 2001:db8:10::2 2001:db8:c1::2 AAAA 2001:db8:53::53
sctp "$vip4" 10.1.1.2 200.1.1.2 late
sctp "$vip6" 2001:db8:10::2 2001:db8:c1::2 late
in_ns "$rs" ethtool -K eth0 tx-checksum-sctp off > /dev/null
sctp "$vip4" 10.1.1.2 200.1.1.2 early
sctp "$vip6" 2001:db8:10::2 2001:db8:c1::2 early
six_only
limit
ctl "$rshost" peer del "$(vtep "$lbhost" "$family")"
nothing_works "after peer del"
topology services vxlan "$family" 4 6
unload_module
finish
