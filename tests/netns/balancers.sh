#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# More than one balancer for one server. Two are active at once with the same VIP, and the client spreads its flows over
# both (ECMP): each flow returns through the one that it came by. A third is in another segment than the server, with a
# router, a VM, in between.
#
#                  +-- lb1 .1 [IPVS, first mark] ==+
#   client --------+-- lb2 .4 [IPVS, first mark] ==+== network 100 == rshost .2 [session] -- rs 10.1.1.2
#      |                                           |
#      +---- gwhost .3 [10.1.1.1] =================+   (the way of rs's default route)
#      |                                           |
#      |      10.3.0.254          10.3.0.1, 10.1.1.9
#      +-- farhost .5 == network 300 == routerhost .6 - router
#
#   VIP 198.51.100.10, 2001:db8:51::10 by lb1 and lb2; 198.51.100.30, 2001:db8:51::30 by farhost
#   client 200.1.1.2, 2001:db8:c1::2, towards farhost 200.1.4.2, 2001:db8:c4::2; the underlay is 172.18.10.N
#
# What the router sends has no firewall mark, for it is a machine of its own. So its host names its port in the server's
# network as a balancer's, and as its own what is not balanced: the addresses of both segments. What is recorded is the
# router's MAC address, and replies come to the router. From there two ways lead to the balancer, both are shown: the
# router's own route to the clients; or, where that says something else, the same method once more in network 300.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/main-job.sh"

large=${LARGE:-500000}
log=$work/server.log
vip4=198.51.100.10 vip6=2001:db8:51::10
far4=198.51.100.30 far6=2001:db8:51::30
flows=20 # all of them on one side: once in half a million runs

balancer() { # NS NETWORK ADDRESSES VIP4 VIP6
	local pair
	overlay "$1" "$family" "$2"
	add_addresses "$1" "br$2" "$3"
	forwarding "$1"
	add_addresses "$1" lo "$4/32 $5/128"
	for pair in t:80 u:7; do
		service "$1" "${pair%:*}" "$4:${pair#*:}" "10.1.1.2:${pair#*:}"
		service "$1" "${pair%:*}" "[$5]:${pair#*:}" "[2001:db8:10::2]:${pair#*:}"
	done
	mark_to "$1" "$4" "$5"
}

network() {
	local index=1 host
	require vxlan ip_vs ip_vs_rr nf_tables bridge veth nf_conntrack
	underlay_switch
	setup_ns client lb1 rshost gwhost lb2 farhost routerhost router rs
	for host in "$lb1" "$rshost" "$gwhost" "$lb2" "$farhost" "$routerhost"; do
		underlay_host "$host" "$index"
		index=$((index + 1))
	done

	client_links "$lb1"
	link "$client" to-lb2 "200.1.3.2/24 2001:db8:c3::2/64" "$lb2" to-client "200.1.3.1/24 2001:db8:c3::1/64"
	link "$client" to-far "200.1.4.2/24 2001:db8:c4::2/64" "$farhost" to-client "200.1.4.1/24 2001:db8:c4::1/64"
	batch "$lb2" "route add 200.1.1.0/24 via 200.1.3.2" "route add 2001:db8:c1::/64 via 2001:db8:c3::2"
	in_ns "$client" sysctl -qw net.ipv4.fib_multipath_hash_policy=1 net.ipv6.fib_multipath_hash_policy=1
	batch "$client" "route add $vip4/32 src 200.1.1.2 nexthop via 200.1.1.1 nexthop via 200.1.3.1" \
		"route add $vip6/128 src 2001:db8:c1::2 nexthop via 2001:db8:c1::1 nexthop via 2001:db8:c3::1" \
		"route add $far4/32 via 200.1.4.1" "route add $far6/128 via 2001:db8:c4::1"

	balancer "$lb1" 100 "10.1.1.253/24 2001:db8:10::253/64" "$vip4" "$vip6"
	balancer "$lb2" 100 "10.1.1.254/24 2001:db8:10::254/64" "$vip4" "$vip6"
	for host in "$rshost" "$gwhost" "$routerhost"; do overlay "$host" "$family" 100; done
	add_addresses "$gwhost" br100 "10.1.1.1/24 2001:db8:10::1/64"
	forwarding "$gwhost"
	attach_vm "$rs" "$rshost" br100 tap0 "10.1.1.2/24 2001:db8:10::2/64"
	batch "$rs" "route add default via 10.1.1.1" "route add default via 2001:db8:10::1"
	segment
}

# Behind the router. The server knows the way to its own gateway only, but for the balancer's own address there.
segment() {
	local host
	balancer "$farhost" 300 "10.3.0.254/24 2001:db8:30::254/64" "$far4" "$far6"
	for host in "$gwhost" "$routerhost"; do overlay "$host" "$family" 300; done
	add_addresses "$gwhost" br300 "10.3.0.3/24 2001:db8:30::3/64"
	batch "$gwhost" "route add 200.1.4.0/24 via 200.1.2.2" "route add 2001:db8:c4::/64 via 2001:db8:c2::2"
	attach_vm "$router" "$routerhost" br300 tap-far "10.3.0.1/24 2001:db8:30::1/64"
	batch "$routerhost" "link add tap-near type veth peer name eth1 netns $router" "link set tap-near master br100 up"
	add_addresses "$router" eth1 "10.1.1.9/24 2001:db8:10::9/64"
	ip -n "$router" link set eth1 up
	forwarding "$router"
	clients_by 254
	batch "$farhost" "route add 10.1.1.0/24 via 10.3.0.1" "route add 2001:db8:10::/64 via 2001:db8:30::1"
	batch "$rs" "route add 10.3.0.0/24 via 10.1.1.9" "route add 2001:db8:30::/64 via 2001:db8:10::9"
}

# Where the router sends what is for the clients: to the balancer (254), or to another router (3).
clients_by() { # N
	batch "$router" "route replace 200.1.4.0/24 via 10.3.0.$1" "route replace 2001:db8:c4::/64 via 2001:db8:30::$1"
}

ready() { # FROM-HOST TO-HOST NS VIP
	peer_ready "$1" "$(vtep "$2" "$family")" && return 0
	http_get "$3" "$4" 1 > /dev/null 2>&1 || true
	peer_ready "$1" "$(vtep "$2" "$family")"
}

# --- two at once -------------------------------------------------------------------

# Flows at a time, half of them TCP, from ports FIRST and up; prints the ports of those that were answered with the
# client's own address.
ask() { # VIP FIRST SECONDS
	in_ns "$client" /usr/bin/python3 -c '
import socket, sys, threading
vip, first, count, seconds, address = sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5]
family = socket.AF_INET6 if ":" in vip else socket.AF_INET
answered = []

def exchange(kind, port, service, tries, question):
    with socket.socket(family, kind) as sock:
        sock.bind(("", port))
        sock.settimeout(seconds / tries)
        sock.connect((vip, service))
        for attempt in range(tries):
            sock.send(question)
            try:
                answer = sock.recv(4096)
            except TimeoutError:
                continue
            while kind == socket.SOCK_STREAM and (more := sock.recv(4096)):
                answer += more
            return answer.decode()

def ask(number):
    try:
        if number % 2:
            seen = exchange(socket.SOCK_DGRAM, first + number, 7, 3, b"question").split(" ")[0]
        else:
            seen = exchange(socket.SOCK_STREAM, first + number, 80, 1, b"GET / HTTP/1.0\r\n\r\n").split("\r\n")[-1].strip()
    except (OSError, AttributeError):
        return
    if seen == address:
        answered.append(first + number)

threads = [threading.Thread(target=ask, args=(number,)) for number in range(count)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(*sorted(answered))' "$1" "$2" "$flows" "$(($3 * ${SLOW:-1}))" "$(client_address "$1")"
}

client_address() { # VIP
	case $1 in
	*:*) echo 2001:db8:c1::2 ;;
	*) echo 200.1.1.2 ;;
	esac
}

# The client's ports of what passed its link to a balancer: those that asked, or those that got something.
asked_by() { # CAPTURE VIP
	tcpdump -t -n -r "$1" dst host "$2" 2> /dev/null |
		sed -n 's/^IP6\? [^ ]*\.\([0-9]*\) > .*/\1/p' | sort -u | xargs
}

replied_by() { # CAPTURE VIP
	tcpdump -t -n -r "$1" src host "$2" 2> /dev/null |
		sed -n 's/^IP6\? [^ ]* > [^ ]*\.\([0-9]*\): .*/\1/p' | sort -u | xargs
}

# The client's ports of the sessions that lead to a balancer.
recorded_by() { # LB FIRST
	ctl_json "$rshost" session list --vtep "$(vtep "$1" "$family")" --mac "$(mac_of "$1" br100)" --vni 100 |
		jq -r --argjson first "$2" --argjson count "$flows" \
			'[.[].src_port | select(. >= $first and . < $first + $count)] | unique | join(" ")'
}

watch() { # NAME
	capture_start "$client" to-lb "$work/$1-lb1" tcp or udp
	capture_start "$client" to-lb2 "$work/$1-lb2" tcp or udp
}

watched() { # NAME
	capture_settle "$work/$1-lb1" "$lb1" 200.1.1.2
	capture_settle "$work/$1-lb2" "$lb2" 200.1.3.2
	capture_stop "$work/$1-lb1"
	capture_stop "$work/$1-lb2"
}

both_at_once() { # VIP FIRST
	local lb ports all
	all=$(seq -s ' ' "$2" $(($2 + flows - 1)))
	watch "$1"
	check "all of $flows flows to $1 are answered" equal "$(ask "$1" "$2" 15)" "$all"
	watched "$1"
	for lb in lb1 lb2; do
		ports=$(asked_by "$work/$1-$lb" "$1")
		note "$lb: $ports"
		check "the client has asked by $lb" test -n "$ports"
		check "and what it asked came back by $lb, and nothing else" equal "$(replied_by "$work/$1-$lb" "$1")" "$ports"
		check "their rows lead to $lb" equal "$(recorded_by "${!lb}" "$2")" "$ports"
	done
	check "a download arrives, checksummed" http_download "$client" "$1" "$large"
	check "an upload, too" http_upload "$client" "$1" "$large"
}

# The server's host does not trust the first one any more.
one_is_removed() { # VIP FIRST
	local answered
	watch removed
	ctl "$rshost" peer del "$(vtep "$lb1" "$family")"
	answered=$(ask "$1" "$2" 6)
	watched removed
	check "some flows went by the balancer that was removed" test -n "$(asked_by "$work/removed-lb1" "$1")"
	check "and nothing came back by it" equal "$(replied_by "$work/removed-lb1" "$1")" ""
	check "those by the other one, and no others, were answered" \
		equal "$answered" "$(asked_by "$work/removed-lb2" "$1")"
	check "these are some" test -n "$answered"
}

# --- another segment -----------------------------------------------------------------

row_is() { # PROTOCOL NUMBER SERVER PORT CLIENT FAMILY
	session_row_is "${@:1:5}" "$(mac_of "$router" eth1) $(vtep "$routerhost" "$6") 100"
}

through_router() {
	local own=10.1.1.0/24,2001:db8:10::/64,10.3.0.0/24,2001:db8:30::/64 marked
	check "nobody is answered while the router's host marks nothing" not http_get "$client" "$far4" 2
	ctl "$routerhost" port add tap-near --balancer --own "$own"
	pair_hosts "$routerhost" "$(vtep "$routerhost" "$family")" "$rshost" "$(vtep "$rshost" "$family")"
	check "the server's host becomes ready for the router's" \
		wait_until 15 ready "$routerhost" "$rshost" "$client" "$far4"
	capture_start "$farhost" to-client "$work/far" tcp or udp
	service_works "behind a router" "$far4" 10.1.1.2 200.1.4.2 "$large" "$family"
	service_works "behind a router" "$far6" 2001:db8:10::2 2001:db8:c4::2 "$large" "$family"
	capture_settle "$work/far" "$farhost" 200.1.4.2
	capture_stop "$work/far"
	check "the balancer's own link carried the answers" at_least "$(capture_count "$work/far" src host "$far4")" 20
	check "over IPv6 too" at_least "$(capture_count "$work/far" src host "$far6")" 20
	check "the balancer's host has no configuration of ours" \
		equal "$(ctl_json "$farhost" peer list) $(ctl_json "$farhost" mark list)" "[] []"
	marked=$(stat_of "$routerhost" marked)
	check "the balancer's own request is answered" equal "$(http_get "$farhost" 10.1.1.2)" 10.3.0.254
	check "and is not marked" equal "$(stat_of "$routerhost" marked)" "$marked"
}

# The router sends what is for the clients to another router. Then its host needs sessions of its own, in network 300:
# the balancer's host marks there, by the firewall mark.
chained() {
	clients_by 3
	check "the router's way to the clients passes the balancer no more: no answer" not http_get "$client" "$far4" 2
	ctl "$farhost" mark add "$first_mark"
	pair_hosts "$farhost" "$(vtep "$farhost" "$family")" "$routerhost" "$(vtep "$routerhost" "$family")"
	check "the router's host becomes ready for the balancer's" \
		wait_until 15 ready "$farhost" "$routerhost" "$client" "$far4"
	check "with marks in both networks it is answered" equal "$(http_get "$client" "$far4")" 200.1.4.2
	check "its row at the server's host leads to the router" row_is tcp 6 10.1.1.2 80 200.1.4.2 "$family"
	rshost=$routerhost check "its row at the router's host leads to the balancer" \
		session_row_is tcp 6 10.1.1.2 80 200.1.4.2 "$(mac_of "$farhost" br300) $(vtep "$farhost" "$family") 300"
	check "a download arrives, over IPv6" http_download "$client" "$far6" "$large"
}

family=${FAMILIES:-4}
family=${family%% *}
network
start_server "$rs" "$log"
for host in "$lb1" "$lb2" "$farhost"; do
	wait_until 10 http_get "$host" 10.1.1.2 1
	wait_until 10 http_get "$host" 2001:db8:10::2 1
done
check "without the module no flow is answered" equal "$(ask "$vip4" 30000 3)" ""
load_module
for host in "$lb1" "$lb2"; do
	ctl "$host" mark add "$first_mark"
	pair_hosts "$host" "$(vtep "$host" "$family")" "$rshost" "$(vtep "$rshost" "$family")"
done
for host in "$lb1" "$lb2"; do
	# Its own requests have no mark; to be found, an endpoint needs a flow.
	check "the server's host becomes ready" wait_until 15 ready "$host" "$rshost" "$client" "$vip4"
done
both_at_once "$vip4" 31000
both_at_once "$vip6" 32000
one_is_removed "$vip4" 33000
through_router
chained
for name in ecmp segment; do topology "$name" vxlan "$family" 4 6; done
unload_module
finish
