#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# LVS DR beside NAT, on the same hosts and over the same tunnels: the server owns a VIP itself, with ARP suppressed, and
# the balancer changes the destination MAC only.
#
#   client --> lbhost [IPVS: NAT for 198.51.100.10, DR for 198.51.100.20] ==VXLAN==> rshost --> rs [lo: 198.51.100.20]
#   client <-- lbhost <============= replies of NAT ================================ rshost <-- rs
#      ^  \                                                                            |
#      |   +<- lbhost <============= of DR, if its flows are marked, too ==============+
#      +------ gwhost <============= of DR, if not: the server's own way =============+
#                                                                              (the whole drawing: nat-topology.sh)
#
# First DR's flows have no mark, and their replies go as they always did, while those of NAT come back. Then the rule
# that marks covers DR's VIP as well, and its replies come back through the balancer: for networks that must see both
# directions of a connection in one place, as a firewall does.
#
# What the balancer's host needs for the second: it gets packets whose source is an address of its own.
#   net.ipv4.ip_forward=1 and net.ipv6.conf.all.forwarding=1      as for NAT
#   net.ipv4.conf.br100.accept_local=1     or IPv4 drops them as martians; IPv6 does not look
#   net.ipv4.conf.br100.rp_filter=0 or 2   (and "all" not 1) for the strict one never finds its own address behind br100
# br100 is where they come in.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/nat-topology.sh"

large=${LARGE:-500000}
log=$work/server.log
dr4=198.51.100.20 dr6=2001:db8:51::20
services=("$vip4 10.1.1.2 200.1.1.2" "$vip6 2001:db8:10::2 2001:db8:c1::2")
from_dr4="src host $dr4" from_dr6="src host $dr6"

direct_routing() {
	local pair protocol port
	add_addresses "$lbhost" lo "$dr4/32 $dr6/128"
	for pair in t:80 u:7; do
		protocol=${pair%:*} port=${pair#*:}
		printf '%s\n' "-A -$protocol $dr4:$port -s rr" "-a -$protocol $dr4:$port -r 10.1.1.2:$port -g" \
			"-A -$protocol [$dr6]:$port -s rr" "-a -$protocol [$dr6]:$port -r [2001:db8:10::2]:$port -g" |
			in_ns "$lbhost" ipvsadm -R
	done
	# Nobody else shall learn that the server has it; IPv6 answers for an address only where it is.
	in_ns "$rs" sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
	add_addresses "$rs" lo "$dr4/32 $dr6/128"
}

# What reaches the client, by either way.
watch() { # NAME
	capture_start "$lbhost" to-client "$work/$1-lb" udp or tcp
	capture_start "$client" to-gw "$work/$1-gw" udp or tcp
}

watched() { # NAME
	capture_settle "$work/$1-lb" "$lbhost" 200.1.1.2
	capture_settle "$work/$1-gw" "$gwhost" 200.1.2.2
	capture_stop "$work/$1-lb"
	capture_stop "$work/$1-gw"
}

# DR's flows have no mark: they are nobody's here. A download by each of both ways at a time.
side_by_side() {
	local steered nat pid
	pattern_sum "$large" > /dev/null
	watch unmarked
	steered=$(stat_of "$rshost" steered)
	http_download "$client" "$vip4" "$large" > "$work/nat" 2>&1 &
	pid=$!
	check "a download by DR arrives" http_download "$client" "$dr4" "$large"
	wait "$pid" && nat=arrived || nat=$(< "$work/nat")
	check "and at the same time one by NAT" equal "$nat" arrived
	check "whose replies were steered" stat_grew "$rshost" steered "$steered" 10
	steered=$(stat_of "$rshost" steered)
	check "an upload by DR arrives, over IPv6" http_upload "$client" "$dr6" "$large"
	check "DR's datagrams are answered" equal "$(udp_echo "$client" "$dr4" direct)" "200.1.1.2 direct"
	check "and over IPv6" equal "$(udp_echo "$client" "$dr6" direct)" "2001:db8:c1::2 direct"
	check "the server knew its own VIP" grep -q "^udp 200.1.1.2 [0-9]* $dr4 direct" "$log"
	check "none of their replies was steered" equal "$(stat_of "$rshost" steered)" "$steered"
	check "they have no session" \
		equal "$(ctl "$rshost" session count --dst "$dr4") $(ctl "$rshost" session count --dst "$dr6")" "0 0"
	watched unmarked
	check "DR's replies came by the server's own gateway" at_least "$(capture_count "$work/unmarked-gw" "$from_dr4")" 10
	check "and over IPv6" at_least "$(capture_count "$work/unmarked-gw" "$from_dr6")" 10
	check "and none through the balancer" equal "$(capture_count "$work/unmarked-lb" "$from_dr4 or $from_dr6")" 0
	check "NAT's came through the balancer" at_least "$(capture_count "$work/unmarked-lb" src host "$vip4")" 10
	check "and none of them by the gateway" \
		equal "$(capture_count "$work/unmarked-gw" src host "$vip4" or src host 10.1.1.2)" 0
}

arp_from_server() { # of its VIP; with a question that it could have answered
	capture_start "$rshost" tap0 "$work/arp" arp or udp
	ip -n "$gwhost" route add "$dr4/32" dev br100
	udp_echo "$gwhost" "$dr4" overlay > /dev/null
	ip -n "$gwhost" route del "$dr4/32" dev br100
	check "who asks for the VIP in the overlay hears the balancer" equal \
		"$(ip -n "$gwhost" neigh show "$dr4" | sed -n 's/.*lladdr \([^ ]*\) .*/\1/p')" "$(mac_of "$lbhost" br100)"
	capture_settle "$work/arp" "$lbhost" 10.1.1.2
	capture_stop "$work/arp"
	check "the server was asked" at_least "$(capture_count "$work/arp" "arp[6:2] = 1 and arp[24:4] = 0xc6336414")" 1
	check "and says nothing of it" equal "$(capture_count "$work/arp" "arp[14:4] = 0xc6336414")" 0
}

# The server's replies are on their way back, and the balancer's kernel takes them for forged.
martians() { # WHY
	local replies
	replies=$(stat_of "$rshost" replies)
	check "IPv4 gets no answer: $1" not http_get "$client" "$dr4" 2
	check "although the replies were brought back" stat_grew "$rshost" replies "$replies"
}

br100_setting() { # NAME VALUE
	in_ns "$lbhost" sysctl -qw "net.ipv4.conf.br100.$1=$2"
}

brought_back() {
	mark_to "$lbhost" "$dr4" "$dr6"
	watch marked
	martians "its source is the balancer's own address"
	check "IPv6 is answered" equal "$(http_get "$client" "$dr6")" 2001:db8:c1::2
	# In this order: an answer that is sent again must not find neither.
	br100_setting rp_filter 1
	br100_setting accept_local 1
	martians "the strict filter looks for that address behind br100"
	watched marked
	check "none of them came to the client" equal "$(capture_count "$work/marked-lb" "$from_dr4")" 0

	br100_setting rp_filter 2
	check "the loose filter lets it pass" equal "$(http_get "$client" "$dr4")" 200.1.1.2
	br100_setting rp_filter 0
	watch back
	service_works "DR, marked" "$dr4" "$dr4" 200.1.1.2 "$large" "$family"
	service_works "DR, marked" "$dr6" "$dr6" 2001:db8:c1::2 "$large" "$family"
	check "NAT works as before" equal "$(http_get "$client" "$vip4")" 200.1.1.2
	watched back
	check "DR's replies came through the balancer" at_least "$(capture_count "$work/back-lb" "$from_dr4")" 20
	check "and over IPv6" at_least "$(capture_count "$work/back-lb" "$from_dr6")" 20
	check "and none by the server's gateway" equal "$(capture_count "$work/back-gw" "$from_dr4 or $from_dr6")" 0
}

family=${FAMILIES:-4}
family=${family%% *}
nat_hosts
direct_routing
nat_overlay "$family"
start_server "$rs" "$log"
wait_until 10 http_get "$lbhost" 10.1.1.2 1
wait_until 10 http_get "$lbhost" 2001:db8:10::2 1
no_answers "by NAT without the module"
check "by DR everybody is" equal "$(http_get "$client" "$dr4") $(http_get "$client" "$dr6")" "200.1.1.2 2001:db8:c1::2"
arp_from_server
load_module
nat_configure "$family"
check "the server's host becomes ready" nat_ready "$family"
side_by_side
brought_back
topology direct-routing vxlan "$family" 4 6
unload_module
finish
