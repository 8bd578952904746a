#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The server's host is a router: containers behind veth devices that no bridge has, whose gateway is the host, and a VM of
# the overlay whose gateway is the host's own address there, with a MAC address that all hosts share. What they say to
# clients the host's routing tables send elsewhere; at FORWARD it is steered into the tunnel that the request came by.
#
#   client --> lbhost [IPVS, first mark] ==VXLAN==> rshost br100 10.1.1.20 --> tap0 10.2.2.1 -- ct 10.2.2.2
#   client <-- lbhost <============================ rshost [FORWARD: steer] <-- tap0 <---------- ct
#      ^                                              |  br100 - tap1 -- vm 10.1.1.30, its gateway 10.1.1.20
#      +---- gwhost <---- the host's own route -------+
#
#   client 200.1.1.2, 2001:db8:c1::2      underlay 172.18.10.N: lbhost .1, rshost .2, gwhost .3
#   VIP 198.51.100.10, 2001:db8:51::10: port 80 and 7 to ct, port 81 to vm; port 9 to ct, where nobody listens
#
# The tunnel is TUNNEL's: VXLAN, Geneve or GRE.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/main-job.sh"

large=${LARGE:-1000000}
log=$work/server.log
vip4=198.51.100.10 vip6=2001:db8:51::10
gateway_mac=02:00:5e:00:01:14
services=("$vip4 10.2.2.2 200.1.1.2" "$vip6 2001:db8:20::2 2001:db8:c1::2")

network() { # FAMILY
	local host
	# shellcheck disable=SC2086 # GRE has two modules
	require $tunnel_module ip_vs ip_vs_rr nf_tables bridge veth nf_conntrack
	underlay_switch
	setup_ns client lbhost rshost gwhost ct vm
	underlay_host "$lbhost" 1
	underlay_host "$rshost" 2
	underlay_host "$gwhost" 3
	client_links "$lbhost"
	for host in "$lbhost" "$rshost" "$gwhost"; do
		forwarding "$host"
		overlay "$host" "$1" 100
	done
	ip -n "$rshost" link set br100 address "$gateway_mac"
	add_addresses "$lbhost" br100 "10.1.1.254/24 2001:db8:10::254/64"
	add_addresses "$rshost" br100 "10.1.1.20/24 2001:db8:10::20/64"
	link "$rshost" tap0 "10.2.2.1/24 2001:db8:20::1/64" "$ct" eth0 "10.2.2.2/24 2001:db8:20::2/64"
	batch "$ct" "route add default via 10.2.2.1" "route add default via 2001:db8:20::1"
	attach_vm "$vm" "$rshost" br100 tap1 "10.1.1.30/24 2001:db8:10::30/64"
	batch "$vm" "route add default via 10.1.1.20" "route add default via 2001:db8:10::20"
	batch "$lbhost" "route add 10.2.2.0/24 via 10.1.1.20" "route add 2001:db8:20::/64 via 2001:db8:10::20"
	# What the host's own tables say of the client: by no tunnel.
	batch "$rshost" "route add 200.1.1.0/24 via 172.18.10.3" "route add 2001:db8:c1::/64 via 2001:db8:18::3"
	add_addresses "$lbhost" lo "$vip4/32 $vip6/128"
	for pair in t:80 u:7 u:9; do
		service "$lbhost" "${pair%:*}" "$vip4:${pair#*:}" "10.2.2.2:${pair#*:}"
		service "$lbhost" "${pair%:*}" "[$vip6]:${pair#*:}" "[2001:db8:20::2]:${pair#*:}"
	done
	service "$lbhost" t "$vip4:81" 10.1.1.30:80
	service "$lbhost" t "[$vip6]:81" "[2001:db8:10::30]:80"
	mark_to "$lbhost" "$vip4" "$vip6"
}

row_is() { # PROTOCOL NUMBER SERVER PORT CLIENT FAMILY
	session_row_is "${@:1:5}" "$(mac_of "$lbhost" br100) $(vtep "$lbhost" "$6") 100"
}

ready_now() {
	peer_ready "$lbhost" "$(vtep "$rshost" "$family")" && return 0
	http_get "$client" "$vip4" 1 > /dev/null 2>&1 || true
	peer_ready "$lbhost" "$(vtep "$rshost" "$family")"
}

behind_gateway() { # WHEN : the VM whose gateway is this host, by the address that all hosts share
	local steered
	steered=$(stat_of "$rshost" steered)
	check "the VM whose gateway is the host is reached, $1" \
		equal "$(in_ns "$client" curl -s -S -f -m $((10 * ${SLOW:-1})) "http://$vip4:81/")" 200.1.1.2
	check "over IPv6 inside too" \
		equal "$(in_ns "$client" curl -g -s -S -f -m $((10 * ${SLOW:-1})) "http://[$vip6]:81/")" 2001:db8:c1::2
	check "its replies were steered" stat_grew "$rshost" steered "$steered" 6
}

# What conntrack has put together leaves in the pieces that it came in, or in shorter ones. IPv6's are the server's to
# make: told of a narrow tunnel, it does, the next time.
long_datagrams() { # HOW COUNT : at least so many packets are fragmented here
	local fragmented wire=$work/pieces
	fragmented=$(stat_of "$rshost" steer_fragmented)
	capture_start "$switch" p1 "$wire" "($(tunnel_filter "$family") and $(outer_from "$rshost" "$family")) or udp dst port 2"
	check "an answer of 4,000 bytes arrives ($1)" wait_until 10 worker echo "$client" "$vip4" 0 "$RANDOM" 4000
	check "and one over IPv6 inside ($1)" wait_until 10 worker echo "$client" "$vip6" 0 "$RANDOM" 4000
	capture_settle "$wire" "$rshost" "$(vtep "$lbhost" "$family")"
	capture_stop "$wire"
	check "they were fragmented here ($1)" stat_grew "$rshost" steer_fragmented "$fragmented" "$2"
	check "none is longer than the server's own packets ($1)" equal "$(capture_count "$wire" "greater 1600")" 0
	check "and they are there ($1)" at_least "$(capture_count "$wire" "greater 1000")" 4
	check "none was refused by its tunnel ($1)" equal "$(stat_of "$rshost" piece_dropped)" 0
}

# Who has a queue at a VXLAN device is not overtaken: then the packet stays whole, for those behind FORWARD.
left_whole() {
	local fragmented fallback
	fragmented=$(stat_of "$rshost" steer_fragmented) fallback=$(stat_of "$rshost" steer_fallback)
	in_ns "$rshost" tc qdisc add dev vx100 root pfifo limit 1000
	check "a long answer that may not go into its tunnel here is the routing tables'" \
		not worker echo "$client" "$vip4" 0 "$RANDOM" 4000
	in_ns "$rshost" tc qdisc del dev vx100 root
	check "it was left to them" stat_grew "$rshost" steer_fallback "$fallback"
	check "in one piece" equal "$(stat_of "$rshost" steer_fragmented)" "$fragmented"
}

conntrack() { # on|off
	case $1 in
	on)
		in_ns "$rshost" nft -f - <<-NFT
			table inet follow {
				chain forward { type filter hook forward priority 0; ct state established counter accept; }
			}
		NFT
		;;
	off) in_ns "$rshost" nft delete table inet follow ;;
	esac
}

# A server whose packets say that they may be fragmented hears of no narrow tunnel, and needs not.
may_be_fragmented() {
	local fragmented long
	in_ns "$ct" nft -f - <<-NFT
		table ip may_be_fragmented {
			chain out { type filter hook output priority 0; ip protocol tcp ip frag-off set 0; }
		}
	NFT
	ip -n "$ct" route flush cache
	fragmented=$(stat_of "$rshost" steer_fragmented) long=$(stat_of "$rshost" steer_too_long)
	check "a download without DF through a tunnel that is too narrow arrives" http_download "$client" "$vip4" "$large"
	check "its packets were fragmented here" stat_grew "$rshost" steer_fragmented "$fragmented" 10
	check "and the server was told nothing" equal "$(stat_of "$rshost" steer_too_long)" "$long"
	in_ns "$ct" nft delete table ip may_be_fragmented
}

# The TTL of what arrives at the balancer: the host is a router like any other, and it has been decremented once.
ttl_is() { # CAPTURE EXPECTED
	equal "$(tcpdump -n -r "$1" -c 1 -v "$(inner_byte 4 9) = 6 and $(inner_byte 4 12 4) = 0x0a020202" 2> /dev/null |
		grep -o 'ttl [0-9]*' | tail -n 1)" "ttl $2"
}

family=${FAMILIES:-4}
family=${family%% *}
network "$family"
start_server "$ct" "$log"
worker_start
start_server "$vm" "$work/vm.log"
wait_until 10 http_get "$lbhost" 10.2.2.2 1
wait_until 10 http_get "$lbhost" 2001:db8:20::2 1
no_answers "without the module"
load_module
ctl "$lbhost" mark add "$first_mark"
pair_hosts "$lbhost" "$(vtep "$lbhost" "$family")" "$rshost" "$(vtep "$rshost" "$family")"
check "the server's host becomes ready" wait_until 15 ready_now
behind_gateway "without any port"
unknown=$(stat_of "$rshost" zone_unknown)
check "the container's network is not known: it gets no answer back" not http_get "$client" "$vip4" 2
check "that is counted" stat_grew "$rshost" zone_unknown "$unknown"

ctl "$rshost" port add 'tap0' --vni 100
steered=$(stat_of "$rshost" steered)
capture_start "$switch" p1 "$work/wire" "$(tunnel_filter "$family") and $(outer_from "$rshost" "$family")"
for service in "${services[@]}"; do
	read -r vip server seen <<< "$service"
	service_works "$vip, a container behind a port with a network" "$vip" "$server" "$seen" "$large" "$family"
done
capture_stop "$work/wire"
check "replies were steered at FORWARD" stat_grew "$rshost" steered "$steered" 50
[ "$family" = 6 ] || check "and are one hop older" ttl_is "$work/wire" 63
related=$(stat_of "$rshost" related)
check "the client hears that nobody listens" refused "$vip4"
check "and over IPv6 inside" refused "$vip6"
check "these errors went back as replies do" stat_grew "$rshost" related "$related" 2
behind_gateway "with ports"
ctl "$rshost" port replace tap0 --vni 100 --direct
check "a port that no switch has is not direct, and the tool says so" grep -q "nothing goes directly" <<< "$(ctl "$rshost" status)"
check "a download arrives all the same" http_download "$client" "$vip4" "$large"

conntrack on
long_datagrams "with conntrack" 2
[ "$tunnel" != vxlan ] || left_whole

# No room for the tunnel's header on the way to the balancer's host.
ip -n "$rshost" route add "$(vtep "$lbhost" "$family")" dev eth0 mtu 1500
long_datagrams "with conntrack, through a tunnel that is too narrow" 2
conntrack off
for version in -4 -6; do ip -n "$ct" "$version" route flush cache; done
long_datagrams "through a tunnel that is too narrow" 2
may_be_fragmented
ip -n "$rshost" route del "$(vtep "$lbhost" "$family")" dev eth0

# Nor in the underlay's device: the container is told, as by any router.
ip -n "$ct" route flush cache
ip -n "$rshost" link set eth0 mtu 1500
long=$(stat_of "$rshost" steer_too_long)
check "a download through a tunnel that is too narrow arrives" http_download "$client" "$vip4" "$large"
check "over IPv6 inside too" http_download "$client" "$vip6" "$large"
note "told so $(($(stat_of "$rshost" steer_too_long) - long)) times"
ctl "$rshost" port flush
check "without its port there is no answer again" not http_get "$client" "$vip4" 2
topology router "$matrix_row" "$family" 4 6
unload_module
finish
