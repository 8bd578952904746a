#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Balancer and real server on one hypervisor: no tunnel is in between, and nothing carries a second mark. What has the first
# mark is recorded where the bridge hands it to its server; the server's replies are aimed at the balancer where the bridge
# receives them. The server's own gateway is elsewhere, as always.
#
#   client --> node [IPVS, first mark] br100 - tap0 --> rs          the balancer is the hypervisor itself
#   client --> lb [IPVS] - tap1 [classify] br100 - tap0 --> rs      the balancer is a machine or a container behind a port
#   client <-- node or lb <------------- br100 [aim] tap0 <-- rs
#      ^                                   |
#      |                                   +====VXLAN==== farhost br100 - tap2 - far     a server elsewhere, of the same VIP
#      +---- gwhost <===== rs's default route, without us
#
#   client 200.1.1.2, 2001:db8:c1::2 (by node); 200.1.3.2, 2001:db8:c3::2 (by lb)
#   underlay 172.18.10.N, 2001:db8:18::N: node .1, farhost .2, gwhost .3
#   network 100: node 10.1.1.254, lb 10.1.1.253, rs 10.1.1.2, far 10.1.1.3, gwhost 10.1.1.1; 2001:db8:10:: with the same numbers
#   VIPs 198.51.100.10 and 2001:db8:51::10 on node, .20 and ::20 on lb; .30 and ::30 on node lead to far
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/main-job.sh"

large=${LARGE:-500000}
log=$work/server.log
own=10.1.1.0/24,2001:db8:10::/64
vip4=198.51.100.10
by_node=("$vip4 10.1.1.2 200.1.1.2" "2001:db8:51::10 2001:db8:10::2 2001:db8:c1::2")
by_machine=("198.51.100.20 10.1.1.2 200.1.3.2" "2001:db8:51::20 2001:db8:10::2 2001:db8:c3::2")
to_far=("198.51.100.30 10.1.1.3 200.1.1.2" "2001:db8:51::30 2001:db8:10::3 2001:db8:c1::2")

services_of() { # BALANCER N SERVER
	local pair
	add_addresses "$1" lo "198.51.100.$2/32 2001:db8:51::$2/128"
	for pair in t:80 u:7 u:9; do
		service "$1" "${pair%:*}" "198.51.100.$2:${pair#*:}" "10.1.1.$3:${pair#*:}"
		service "$1" "${pair%:*}" "[2001:db8:51::$2]:${pair#*:}" "[2001:db8:10::$3]:${pair#*:}"
	done
}

server() { # VM HOST PORT N
	attach_vm "$1" "$2" br100 "$3" "10.1.1.$4/24 2001:db8:10::$4/64"
	batch "$1" "route add default via 10.1.1.1" "route add default via 2001:db8:10::1"
}

network() {
	local host
	require vxlan ip_vs ip_vs_rr nf_tables bridge veth nf_conntrack
	underlay_switch
	setup_ns client lb node farhost gwhost rs far
	underlay_host "$node" 1
	underlay_host "$farhost" 2
	underlay_host "$gwhost" 3
	client_links "$node"
	link "$client" to-vm "200.1.3.2/24 2001:db8:c3::2/64" "$lb" to-client "200.1.3.1/24 2001:db8:c3::1/64"
	batch "$client" "route add 198.51.100.20 via 200.1.3.1" "route add 2001:db8:51::20 via 2001:db8:c3::1"
	batch "$gwhost" "route add 200.1.3.0/24 via 200.1.2.2" "route add 2001:db8:c3::/64 via 2001:db8:c2::2"
	for host in "$node" "$lb" "$gwhost"; do forwarding "$host"; done
	for host in "$node" "$farhost" "$gwhost"; do overlay "$host" 4 100; done
	add_addresses "$node" br100 "10.1.1.254/24 2001:db8:10::254/64"
	add_addresses "$gwhost" br100 "10.1.1.1/24 2001:db8:10::1/64"
	attach_vm "$lb" "$node" br100 tap1 "10.1.1.253/24 2001:db8:10::253/64"
	server "$rs" "$node" tap0 2
	server "$far" "$farhost" tap2 3
	services_of "$node" 10 2
	services_of "$lb" 20 2
	services_of "$node" 30 3
	mark_to "$node" "$vip4" 2001:db8:51::10 198.51.100.30 2001:db8:51::30 198.51.100.40
}

# Where the sessions of a service are, and its balancer's MAC and endpoint.
rshost='' balancer_mac='' endpoint=''
row_is() { session_row_is "${@:1:5}" "$balancer_mac $endpoint 100"; }

works() { # WHAT SERVICE…
	local what=$1 one vip address seen
	shift
	for one in "$@"; do
		read -r vip address seen <<< "$one"
		service_works "$vip, $what" "$vip" "$address" "$seen" "$large"
	done
}

# What more a reply can be: an error, fragments.
others_work() { # WHAT VIP CLIENT
	local long related
	related=$(stat_of "$node" related)
	check "the client hears that nobody listens ($1)" refused "$2"
	check "the error went back as replies do" stat_grew "$node" related "$related"
	long=$(printf '%04000d' 7)
	check "a datagram of 4000 bytes there and back ($1)" equal "$(udp_echo "$client" "$2" "$long")" "$3 $long"
}

on_this_host() { # WHAT SERVICE…
	local before local_before steered
	before=$(stat_of "$node" returned_local) local_before=$(stat_of "$node" local)
	steered=$(stat_of "$node" steered)
	rshost=$node endpoint=-
	works "$@"
	check "requests were recorded without a tunnel" stat_grew "$node" local "$local_before" 50
	check "replies were aimed at the balancer" stat_grew "$node" returned_local "$before" 50
	check "none was put into a tunnel" equal "$(stat_of "$node" steered)" "$steered"
}

far_ready_now() {
	peer_ready "$node" 172.18.10.2 && return 0
	http_get "$client" 198.51.100.30 1 > /dev/null 2>&1 || true
	peer_ready "$node" 172.18.10.2
}

network
start_server "$rs" "$log"
start_server "$far" "$work/far.log"
start_server "$client" "$work/client.log"
for address in 10.1.1.2 10.1.1.3 2001:db8:10::2 2001:db8:10::3; do
	wait_until 10 http_get "$node" "$address" 1
	wait_until 10 http_get "$lb" "$address" 1
done
services=("${by_node[@]}" "${by_machine[@]}")
no_answers "without the module"
load_module

ctl "$node" mark add "$first_mark"
balancer_mac=$(mac_of "$node" br100)
on_this_host "the hypervisor is the balancer" "${by_node[@]}"
others_work "the hypervisor is the balancer" "$vip4" 200.1.1.2
check "the session is one without a tunnel" equal \
	"$(ctl_json "$node" -s session list --tunnel local --dst 10.1.1.2 | jq -r '[.[] | "\(.tunnel) \(.vtep_ip)"] | unique[]')" "local null"
check "and so is its path" equal "$(ctl_json "$node" path list | jq -r '.[] | "\(.tunnel) \(.mac) \(.vtep_ip)"')" \
	"local $balancer_mac null"
check "what a machine behind a port balances needs the port to be one" not http_get "$client" 198.51.100.20 2

# The server's own traffic is its own, although clients and services are the same.
before=$(stat_of "$node" returned_local)
check "the server's own request to the client goes by its own gateway" equal "$(http_get "$rs" 200.1.1.2)" 10.1.1.2
check "and so does its datagram" equal "$(udp_echo "$rs" 200.1.1.2 own)" "10.1.1.2 own"
check "none of it was aimed at the balancer" equal "$(stat_of "$node" returned_local)" "$before"

ctl "$node" port add tap1 --balancer --own "$own"
balancer_mac=$(mac_of "$lb" eth0)
on_this_host "the balancer is behind a port" "${by_machine[@]}"
others_work "the balancer is behind a port" 198.51.100.20 200.1.3.2
check "the hypervisor's own service works beside it" equal "$(http_get "$client" "$vip4")" 200.1.1.2

# The balancer is a machine's gateway as well, by the one link that it has: what it forwards has the addresses of what it
# has been sent, and comes back to where it was from.
gateway() {
	setup_ns other
	attach_vm "$other" "$node" br100 tap3 "10.1.1.4/24"
	add_addresses "$other" lo 192.0.2.9/32
	start_server "$other" "$work/other.log"
	ip -n "$lb" route add 192.0.2.9 via 10.1.1.4
	ip -n "$rs" route add 192.0.2.9 via 10.1.1.253
	ctl "$node" port replace tap1 --balancer --own 10.1.1.253,198.51.100.20,2001:db8:10::253,2001:db8:51::20
	check "a machine whose gateway is the balancer reaches others through it" equal "$(http_get "$rs" 192.0.2.9)" 10.1.1.2
	check "its flow was taken for a balanced one" equal \
		"$(ctl_json "$node" -s session list --dst 192.0.2.9 | jq -r '.[].tunnel')" local
	check "the balancer's clients are served all the same" equal "$(http_get "$client" 198.51.100.20)" 200.1.3.2
	ctl "$node" port replace tap1 --balancer --own "$own"
}
gateway

# Another machine is between the balancer and the server, by one link too: replies pass it, as requests did.
between() {
	local long held
	setup_ns middle
	attach_vm "$middle" "$node" br100 tap4 "10.1.1.5/24"
	forwarding "$middle"
	# What the server sends is all there before the first of it has come back from here.
	require sch_netem
	tc -n "$middle" qdisc add dev eth0 root netem delay 10ms
	# Else it would tell the server of a shorter way.
	in_ns "$middle" sysctl -qw net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0
	batch "$middle" "route add default via 10.1.1.1" "route add 10.77.0.2 via 10.1.1.2"
	in_ns "$middle" nft -f - <<-NFT
		table inet middle { chain forward { type filter hook forward priority 0; ip saddr 10.77.0.2 counter; }; }
	NFT
	batch "$rs" "addr add 10.77.0.2/32 dev lo" "rule add from 10.77.0.2 table 77" "route add default via 10.1.1.5 table 77"
	ip -n "$node" route add 10.77.0.2 via 10.1.1.5
	add_addresses "$node" lo 198.51.100.40/32
	service "$node" u 198.51.100.40:7 10.77.0.2:7
	service "$node" t 198.51.100.40:80 10.77.0.2:80
	check "through a machine in between the server sees the client" equal "$(http_get "$client" 198.51.100.40)" 200.1.1.2
	long=$(printf '%04000d' 5)
	held=$(stat_of "$node" fragment_held)
	check "long datagrams pass, too" equal "$(udp_echo "$client" 198.51.100.40 "$long")" "200.1.1.2 $long"
	check "and what the server sends to that machine waits for nothing" equal "$(stat_of "$node" fragment_held)" "$held"
	check "which saw the replies" not grep -q 'packets 0 ' <<< "$(in_ns "$middle" nft list table inet middle)"
}
between

# The same balancer's other server is on another host.
pair_hosts "$node" 172.18.10.1 "$farhost" 172.18.10.2
check "the other host becomes ready" wait_until 15 far_ready_now
balancer_mac=$(mac_of "$node" br100) endpoint=172.18.10.1 rshost=$farhost log=$work/far.log
works "its server is on another host" "${to_far[@]}"
check "of the far server there is no session here" equal "$(ctl_json "$node" session count --dst 10.1.1.3 | jq .count)" 0
check "the one on this host is reached all the same" equal "$(http_get "$client" "$vip4")" 200.1.1.2

# What comes out of a tunnel with such a mark, as by group policies, is nobody's request.
in_ns "$node" nft -f - <<-NFT
	table bridge forged { chain pre { type filter hook prerouting priority -300; iifname vx100 meta mark set $first_mark counter; }; }
NFT
ctl "$node" session flush > /dev/null
check "a request through a tunnel reaches the server" equal "$(http_get "$gwhost" 10.1.1.2)" 10.1.1.1
check "whatever mark it has, it makes no session" equal "$(ctl_json "$node" session count | jq .count)" 0
check "that mark was there" not grep -q 'packets 0 ' <<< "$(in_ns "$node" nft list table bridge forged)"
in_ns "$node" nft delete table bridge forged

# A bridge whose network nobody knows, and one that has been named.
ip -n "$node" link set vx100 nomaster
ctl "$node" session flush > /dev/null
unknown=$(stat_of "$node" local_zone_unknown)
check "on a bridge without a network nothing is recorded" not http_get "$client" "$vip4" 2
check "that is counted" stat_grew "$node" local_zone_unknown "$unknown"
ip -n "$node" link set vx100 master br100
ctl "$node" port add tap0 --vni 100
check "it is answered where the port's network is named" equal "$(http_get "$client" "$vip4")" 200.1.1.2

ctl "$node" pause record
ctl "$node" session flush > /dev/null
check "paused, nothing is recorded" not http_get "$client" "$vip4" 2
ctl "$node" resume record
check "resumed, it is answered" equal "$(http_get "$client" "$vip4")" 200.1.1.2
ctl "$node" mark flush
ctl "$node" port flush
check "without a rule and without a port there is no answer again" not http_get "$client" "$vip4" 2
topology same-host none 4 4 6
unload_module
finish
