#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# MPLS over Ethernet: no tunnel device, no outer address; an endpoint is a neighbour on the underlay, known to the host by
# its neighbour tables. The server's host pops the label towards the server, whose default route is that host, and would
# route the replies elsewhere: they are steered at FORWARD to the neighbour that the request came from.
#
#   client 200.1.1.2 --- .1 lbhost [IPVS, first mark] === labels 100 (IPv4), 200 (IPv6) ==> rshost .2 --- tap0 rs 10.1.1.2
#      |  2001:db8:c1::2                         |      marked 0x08064, 0x080c8               |  [pop]  2001:db8:10::2
#      |                                 [pop] <== the same labels, without a mark ===========+
#      +---- gwhost <--- plain link: "elsewhere", where rshost's routes to the client lead ---+
#
# A label with the mark is in nobody's table: what the record stage did not clear would be lost.
# (the rest of the drawing: nat-topology.sh, routed-overlay.sh)
TUNNEL=mpls
. "$(dirname "$0")/lib.sh"
. "$netns_dir/nat-topology.sh"

large=${LARGE:-1000000}
log=$work/server.log
# VIP, server, client, label
services=("$vip4 10.1.1.2 200.1.1.2 100" "$vip6 2001:db8:10::2 2001:db8:c1::2 200")

# The network over one family of the underlay. Here IPv6 has a label of its own, and both lead to the server itself.
network() { # FAMILY
	nat_overlay "$1"
	ip -n "$lbhost" -f mpls route replace 200 dev lo
	ip -n "$rshost" -f mpls route replace 100 via inet 10.1.1.2 dev tap0
	ip -n "$rshost" -f mpls route replace 200 via inet6 2001:db8:10::2 dev tap0
	batch "$rshost" "route replace 200.1.1.0/24 via 10.9.0.2" "route replace 2001:db8:c1::/64 via 2001:db8:9::2"
	ip -n "$lbhost" route replace 2001:db8:10::2/128 encap mpls 200 via inet6 "$(vtep "$rshost" 6)" dev eth0
}

# --- packets on the wire, at the switch, for tcpdump -----------------------------

message="ether[18:4] = 0x10007ff8"
flow="ether[12:2] = 0x8847 and not $message"

label_filter() { echo "(ether[14:4] >> 12) = $1"; }

from() { echo "ether src $(mac_of "$1" eth0)"; }

# --- what is asked ----------------------------------------------------------------

arrived() { grep -c '^udp .* lost' "$log" || true; }

arrived_more() { [ "$(arrived)" -ge $(($1 + 2)) ]; }

row_is() { # PROTOCOL NUMBER SERVER PORT CLIENT LABEL : a neighbour, no address
	local actual
	session_row_is "${@:1:5}" "- - $6" || return 1
	actual=$(ctl_json "$rshost" -s session list --src "$5" --sport "$(last_port "$1" "$5" "$3")" --proto "$1" |
		jq -r '.[] | "\(.tunnel) \(.vtep_ip) \(.vtep_mac) \(.mac) \(.vni)"')
	equal "$actual" "mpls null $(mac_of "$lbhost" eth0) null $6"
}

# Why packets went unmarked, as the balancer's host counts it.
left_unmarked() { ctl_json "$lbhost" stats show | jq -c '{mark_no_peer, mark_not_ready, answer_unexpected}'; }

one_round() { # WHAT
	local service vip server seen label steered before wire=$work/wire
	before=$(left_unmarked)
	steered=$(stat_of "$rshost" steered)
	in_ns "$rshost" nft reset counters > /dev/null
	capture_start "$switch" p2 "$wire"
	for service in "${services[@]}"; do
		read -r vip server seen label <<< "$service"
		service_works "$vip, $1" "$vip" "$server" "$seen" "$large" "$label"
		case $vip in
		*:*) cell mpls "${1#IPv}" 6 on ;;
		*) cell mpls "${1#IPv}" 4 on ;;
		esac
	done
	capture_stop "$wire"
	check "replies were steered ($1)" stat_grew "$rshost" steered "$steered" 20
	for label in 100 200; do
		check "label $label goes with the mark, 0x08000" at_least \
			"$(capture_count "$wire" "$flow and $(from "$lbhost") and $(label_filter $((label | 0x8000)))")" 10
		check "and comes back without" at_least \
			"$(capture_count "$wire" "$flow and $(from "$rshost") and $(label_filter "$label")")" 10
	done
	[ "$(left_unmarked)" = "$before" ] || note "left unmarked: $before before, now $(left_unmarked)"
	check "the balancer's host sends no flow unmarked" equal \
		"$(capture_count "$wire" "$flow and $(from "$lbhost") and ether[14:2] & 0x0800 = 0")" 0
	check "the server's host sends nothing marked" equal \
		"$(capture_count "$wire" "$flow and $(from "$rshost") and ether[14:2] & 0x0800 != 0")" 0
	check "nothing is marked behind the record stage" equal "$(behind "$rshost" marked)" 0
	check "and the packets are there" at_least "$(behind "$rshost" clean)" 20
}

configure() { # FAMILY
	ctl "$lbhost" mark add "$first_mark"
	pair_hosts "$lbhost" "$(vtep "$lbhost" "$1")" "$rshost" "$(vtep "$rshost" "$1")"
}

# Of the balancer's host the server's knows a link-local address alone: that is how IPv6 asks for the next hop of a label.
# A peer it is not until the tables have the peer's address, too.
link_local_first() {
	local before
	before=$(stat_of "$rshost" probe_untrusted)
	# Each CPU keeps what it found: here all comes to one.
	in_ns "$rshost" sh -c 'echo 1 > /sys/class/net/eth0/queues/rx-0/rps_cpus'
	ip -n "$rshost" neigh flush dev eth0
	ip -n "$rshost" neigh replace fe80::1234 lladdr "$(mac_of "$lbhost" eth0)" dev eth0 nud permanent
	http_get "$client" "$vip4" 1 > /dev/null 2>&1 || true
	check "who is known by another address only is no peer" wait_until 10 stat_grew "$rshost" probe_untrusted "$before" 2
	udp_echo "$rshost" "$(vtep "$lbhost" 6)" hello 1 > /dev/null 2>&1 || true
}

endpoints_of() { # NS
	ctl_json "$1" peer list | jq -r '.[].endpoints[] | "\(.tunnel) \(.address) \(.state)"'
}

# A mark is a promise by the other side: without it, labels stay as they are.
promise() { # FAMILY
	local before
	before=$(arrived)
	ctl "$lbhost" mark add "$first_mark"
	ctl "$lbhost" peer add "$(vtep "$rshost" "$1")" --send
	no_answers "while the other host is silent (IPv$1)"
	check "but requests arrive, unmarked" wait_until 20 arrived_more "$before"
	check "and nothing was marked" equal "$(stat_of "$lbhost" marked)" 0
	ctl "$lbhost" peer replace "$(vtep "$rshost" "$1")" --send=always
	before=$(arrived)
	no_answers "if marks are sent all the same (IPv$1)"
	check "and nothing arrives: the marked label is nobody's" equal "$(arrived)" "$before"
	check "for it was marked" at_least "$(stat_of "$lbhost" marked)" 4
	ctl "$lbhost" peer flush
	ctl "$lbhost" mark flush
}

warns() { # NS REGULAR EXPRESSION
	ctl_json "$1" status | jq -e --arg text "$2" '.warnings | any(test($text))'
}

# A label that has the bit itself is never marked, and never taken for marked by who sends it on.
own_label() {
	local before
	before=$(stat_of "$lbhost" mark_label)
	in_ns "$rshost" sh -c 'echo 40000 > /proc/sys/net/mpls/platform_labels'
	ip -n "$rshost" -f mpls route add $((100 | 0x8000)) via inet 10.1.1.2 dev tap0
	ip -n "$lbhost" route replace 10.1.1.2/32 encap mpls $((100 | 0x8000)) via inet 172.18.10.2 dev eth0
	udp_echo "$client" "$vip4" own-label 3 > /dev/null 2>&1 || true
	check "a label that has the bit already is not marked" stat_grew "$lbhost" mark_label "$before" 1
	check "status says so, and what to do" warns "$lbhost" "^[0-9]+ packets went unmarked.*hand out labels"
	check "and that this host can have such labels" warns "$rshost" "is 40000.*platform_labels=32768$"
	ip -n "$rshost" -f mpls route del $((100 | 0x8000))
	in_ns "$rshost" sh -c 'echo 1000 > /proc/sys/net/mpls/platform_labels'
	check "nothing to warn of on the server's host" equal "$(ctl_json "$rshost" status | jq -c .warnings)" "[]"
	in_ns "$rshost" sh -c 'echo 0 > /proc/sys/net/mpls/conf/eth0/input'
	check "but that no device takes mpls" warns "$rshost" "conf.DEV.input=1$"
	in_ns "$rshost" sh -c 'echo 1 > /proc/sys/net/mpls/conf/eth0/input'
}

# Two labels: the mark is in the bottom one. The outer one is popped first, by the same host.
two_labels() {
	local wire=$work/two
	in_ns "$rshost" sh -c 'echo 1 > /proc/sys/net/mpls/conf/lo/input'
	ip -n "$rshost" -f mpls route add 300 dev lo
	ip -n "$lbhost" route replace 10.1.1.2/32 encap mpls 300/100 via inet 172.18.10.2 dev eth0
	capture_start "$switch" p2 "$wire" "$flow and $(from "$lbhost")"
	check "two labels: the server sees the client" equal "$(http_get "$client" "$vip4" 2>&1 || true)" 200.1.1.2
	check "the row has the bottom label" row_is tcp 6 10.1.1.2 80 200.1.1.2 100
	capture_stop "$wire"
	check "the bottom label has the mark, the other one has not" at_least "$(capture_count "$wire" \
		"$(label_filter 300) and (ether[18:4] >> 12) = $((100 | 0x8000))")" 3
	check "always" equal "$(capture_count "$wire" "not ($(label_filter 300) and (ether[18:4] >> 12) = $((100 | 0x8000)))")" 0
}

# What is too long with its label is refused as by any router.
too_long() {
	local before
	before=$(stat_of "$rshost" steer_too_long)
	ip -n "$rshost" link set eth0 mtu 1400
	check "a download over a link with a smaller MTU" http_download "$client" "$vip4" 200000
	check "over IPv6, too" http_download "$client" "$vip6" 200000
	check "the server was told of it" stat_grew "$rshost" steer_too_long "$before" 2
	ip -n "$rshost" link set eth0 mtu "$underlay_mtu"
}

# A stranger on the same link: a neighbour that no peer covers records nothing, and is unmarked all the same.
stranger() {
	local before
	before=$(stat_of "$rshost" untrusted)
	ctl "$lbhost" peer replace 172.18.10.2 --send=always --accept
	ctl "$rshost" peer replace 172.18.10.1 --send
	ctl "$rshost" session flush > /dev/null
	no_answers "if the server's host does not trust the balancer's"
	check "it has recorded nothing" equal "$(ctl "$rshost" session count)" 0
	check "but counted" stat_grew "$rshost" untrusted "$before" 2
	check "nothing is marked behind the record stage" equal "$(behind "$rshost" marked)" 0
	ctl "$rshost" peer replace 172.18.10.1 --send --accept --dev tap0
	no_answers "if it trusts it by another device only"
	ctl "$rshost" peer replace 172.18.10.1 --send --accept --dev eth0
	check "by its own device it does" equal "$(http_get "$client" "$vip4" 2>&1 || true)" 200.1.1.2
	ctl "$lbhost" peer replace 172.18.10.2 --send --accept
}

# A VLAN device of the underlay is a device of its own.
vlan() {
	local host n
	for n in 1 2; do
		host=$lbhost
		[ $n = 1 ] || host=$rshost
		batch "$host" "link add eth0.5 link eth0 mtu $underlay_mtu type vlan id 5" "addr add 172.18.15.$n/24 dev eth0.5" \
			"link set eth0.5 up"
		in_ns "$host" sh -c 'echo 1 > /proc/sys/net/mpls/conf/eth0.5/input'
	done
	pair_hosts "$lbhost" 172.18.15.1 "$rshost" 172.18.15.2
	batch "$lbhost" "route replace 10.1.1.2/32 encap mpls 100 via inet 172.18.15.2 dev eth0.5"
	check "over a VLAN of the underlay it becomes ready" wait_until 15 vlan_ready
	check "the server sees the client" equal "$(http_get "$client" "$vip4" 2>&1 || true)" 200.1.1.2
	check "a download" http_download "$client" "$vip4" "$large"
	check "its path is by the VLAN's device" equal "$(ctl_json "$rshost" path list |
		jq -r '.[] | select(.vtep_ip == "172.18.15.1") | "\(.dev) \(.tunnel) \(.vtep_mac)"' | sort -u)" \
		"eth0.5 mpls $(mac_of "$lbhost" eth0)"
	ip -n "$rshost" link del eth0.5
	check "the path goes with the device" equal "$(ctl_json "$rshost" path list |
		jq '[.[] | select(.vtep_ip == "172.18.15.1" and .dead == false)] | length')" 0
	ip -n "$lbhost" link del eth0.5
	for host in "$lbhost" "$rshost"; do ctl "$host" peer flush; done
}

vlan_ready() {
	http_get "$client" "$vip4" 1 > /dev/null 2>&1 || true
	peer_ready "$lbhost" 172.18.15.2
}

hooks_of() { ctl_json "$1" status | jq -r '[.hooks[] | select(startswith("netdev"))] | join(" ")'; }

nat_hosts
require 8021q
link "$rshost" to-gw "10.9.0.1/30 2001:db8:9::1/64" "$gwhost" to-rshost "10.9.0.2/30 2001:db8:9::2/64"
start_server "$rs" "$log"
watch_behind_record "$rshost"
for family in ${FAMILIES:-4 6}; do
	network "$family"
	wait_until 10 http_get "$lbhost" 10.1.1.2 1
	wait_until 10 http_get "$lbhost" 2001:db8:10::2 1
	no_answers "without the module (IPv$family)"

	load_module
	promise "$family"
	configure "$family"
	[ "$family" = 4 ] || link_local_first
	check "the server's host becomes ready, over IPv$family" nat_ready "$family"
	check "its one endpoint is of MPLS" equal "$(endpoints_of "$lbhost")" "mpls $(vtep "$rshost" "$family") ready"
	check "the hooks are those of devices" equal "$(hooks_of "$rshost")" \
		"netdev/ingress/-2147483648 netdev/egress/-2147483648"
	one_round "IPv$family"
	if [ "$family" = 4 ]; then
		own_label
		two_labels
		overlay_routes "$lbhost" 4 100
		too_long
		stranger
	fi
	ctl "$rshost" peer del "$(vtep "$lbhost" "$family")"
	no_answers "after peer del (IPv$family)"
	if [ "$family" = 4 ]; then vlan; fi
	check "without peers and rules no device has hooks" equal "$(hooks_of "$rshost")" ""
	unload_module
done
finish
