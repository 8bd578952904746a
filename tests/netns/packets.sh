#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the way there and back leaves of a packet, bit for bit, and which packets pass. Nothing is left to the hosts'
# devices (transmit offloads off), so that each packet is on the wire as it is, with checksums that are looked at.
#
#   client --- lbhost [IPVS, second mark] --- eth0 === p1 sw0 p2 === eth0 --- rshost [record, steer] tap0 --- rs
#     |   9100                            9000 + the tunnel's headers                               9100      |
#     options, ECN                        lengths, outer ECN, marks                              options, ECN
#
# For each family of the underlay, in this order:
#   path MTU    the longest packet that may not be fragmented passes, one byte more does not, and who sent it is told how
#               long it may be: the same without the module and with it; tunnel packets are no longer for a mark
#   ECN         what a packet says of congestion is the same at the other end; the outer packet's is as the driver sets it
#   options     TCP's options, usual and unknown ones, are the same bytes at both ends, both ways
#   jumbo       transfers in packets of 9,000 bytes
#   fragments   tunnel packets are fragmented: over IPv4 by the hosts themselves, whose underlay takes 1,400 bytes; over
#               IPv6, where Linux' driver fragments nothing, by a link that makes the fragments that a sender could have
#               made; first without, then with a firewall on both hosts that follows connections of the underlay
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/nat-topology.sh"

large=${LARGE:-300000}
log=$work/server.log
underlay_mtu=9200 # of the switch
services=("$vip4 10.1.1.2 200.1.1.2" "$vip6 2001:db8:10::2 2001:db8:c1::2")
mirror_port=4000 raw_port=9 room=9000
patience=$((2 * ${SLOW:-1}))

# As long as an inner packet may be that passes whole: room, which is less than what all inner devices take.
inner_mtu() { # BYTES
	batch "$client" "link set to-lb mtu $1"
	batch "$lbhost" "link set to-client mtu $1" "link set vx100 mtu $1" "link set br100 mtu $1"
	batch "$rshost" "link set vx100 mtu $1" "link set tap0 mtu $1" "link set br100 mtu $1"
	batch "$rs" "link set eth0 mtu $1"
}

# Nobody remembers another one.
hosts_underlay_mtu() { # BYTES
	local host
	for host in "$lbhost" "$rshost"; do ip -n "$host" link set eth0 mtu "$1"; done
	for host in "$client" "$lbhost" "$rshost" "$rs"; do
		ip -n "$host" route flush cache
		ip -n "$host" -6 route flush cache
	done
}

# Beside what IPVS has from nat-topology.sh: a mirror, and a port where nobody listens, whose packets a test makes.
more_services() {
	for pair in "u:$mirror_port" "t:$raw_port"; do
		service "$lbhost" "${pair%:*}" "$vip4:${pair#*:}" "10.1.1.2:${pair#*:}"
		service "$lbhost" "${pair%:*}" "[$vip6]:${pair#*:}" "[2001:db8:10::2]:${pair#*:}"
	done
	for host in "$client" "$rs"; do
		in_ns "$host" nft "add table inet quiet; add chain inet quiet output { type filter hook output priority 0; };
			add rule inet quiet output tcp flags & rst != 0 tcp sport { 4001, $raw_port } drop"
	done
}

# IP and UDP, or TCP, in front of what a datagram carries.
udp_overhead() { # ADDRESS
	case $1 in
	*:*) echo 48 ;;
	*) echo 28 ;;
	esac
}

# --- path MTU --------------------------------------------------------------------

reflect() { # NS ADDRESS TOS SIZE ANSWER [SECONDS]
	worker packets "$1" reflect "$2" "$mirror_port" "$3" "$4" "$5" "${6:-$patience}"
}

# Without the module no answer comes, but the question does.
request_passes() { # ADDRESS SIZE
	worker mirrored > /dev/null
	reflect "$client" "$1" 0 "$2" 40 1 > /dev/null
	equal "$(worker mirrored)" "$2"
}

# The first is the driver's to complain of, which it does within this packet: IPVS takes that for its own, and leaves the
# address of the server in it. It has told the host's route, so that IPVS itself complains from then on.
request_is_too_long() { # ADDRESS SIZE
	worker mirrored > /dev/null
	reflect "$client" "$1" 0 "$2" 40 1 > /dev/null
	equal "$(reflect "$client" "$1" 0 "$2" 40)" "too long for $room" && equal "$(worker mirrored)" ""
}

path_mtu_of_requests() { # WHEN
	local service vip size
	for service in "${services[@]}"; do
		vip=${service%% *}
		size=$((room - $(udp_overhead "$vip")))
		check "a request of $room bytes passes: $vip, $1" request_passes "$vip" "$size"
		check "one byte more does not, and the client is told $room" request_is_too_long "$vip" $((size + 1))
	done
}

answer_passes() { # NS ADDRESS SIZE
	equal "$(reflect "$1" "$2" 0 40 "$3")" "40 0x00 $3 0x00"
}

# Nothing comes, and the server knows why.
answer_is_too_long() { # NS ADDRESS SIZE CLIENT
	ip -n "$rs" route flush cache
	ip -n "$rs" -6 route flush cache
	equal "$(reflect "$1" "$2" 0 40 "$3")" nothing && grep -qw "mtu $room" <<< "$(ip -n "$rs" route get "$4")"
}

# Without the module from the server to the balancer's host itself, which has a way back; with it through the VIP.
path_mtu_of_answers() { # WHEN NS ADDRESS CLIENT …
	local when=$1 size
	shift
	while [ $# -gt 0 ]; do
		size=$((room - $(udp_overhead "$2")))
		check "an answer of $room bytes passes: from $2, $when" answer_passes "$1" "$2" "$size"
		check "one byte more does not, and the server is told $room" answer_is_too_long "$1" "$2" $((size + 1)) "$3"
		shift 3
	done
}

# The tunnel packets of the mirror's datagrams in one direction: the length of each, and whether all have these flags.
wire_lengths() { # FILE to|from
	/usr/bin/python3 "$netns_dir/packets.py" tunnels "$1" "$mirror_port" | awk -v d="$2" '$1 == d { print $5 }' | sort -nu
}

wire_flags() { # FILE to|from
	/usr/bin/python3 "$netns_dir/packets.py" tunnels "$1" "$mirror_port" | awk -v d="$2" '$1 == d { print $2 }' | sort -u
}

# --- ECN ---------------------------------------------------------------------------

tos_is_kept() { # FAMILY
	local tos service vip expected=() wire=$work/ecn-$1
	capture_start "$switch" p2 "$wire" "$(tunnel_filter "$1") or udp dst port 2"
	for tos in 0x02:0x02 0x01:0x01 0x03:0x02 0xba:0x02; do
		for service in "${services[@]}"; do
			vip=${service%% *}
			check "TOS ${tos%:*} is the same at the server, and back at the client: $vip" \
				equal "$(reflect "$client" "$vip" "${tos%:*}" 100 100)" "100 ${tos%:*} 100 ${tos%:*}"
		done
		# The outer packet has its ECN, of "congestion experienced" that it can be (RFC 6040); DSCP is the device's.
		expected+=("from 0x08 ${tos#*:} ${tos%:*}" "to $second_mark ${tos#*:} ${tos%:*}")
	done
	capture_settle "$wire" "$rshost" "$(vtep "$lbhost" "$1")"
	capture_stop "$wire"
	check "the outer packets' ECN is what the driver makes of the inner one's, marked and steered" \
		equal "$(/usr/bin/python3 "$netns_dir/packets.py" tunnels "$wire" "$mirror_port" | cut -d' ' -f1-4 | sort -u)" \
		"$(printf '%s\n' "${expected[@]}" | sort -u)"
}

# --- options -------------------------------------------------------------------------

# Maximum segment size, SACK permitted, timestamps, window scale; an experiment (RFC 6994), and Fast Open's request.
opening_options=020405b40402080a0a0b0c0d0000000001030307fd080f1e2d3c4b5a22020101
# Timestamps and two blocks of SACK.
acknowledging_options=0101080a0a0b0c0e010203040101051200000bb800000fa00000138800001770
# A signature (RFC 2385) that nobody can check, and a kind that nobody has defined.
strange_options=1312000102030405060708090a0b0c0d0e0f4c047e7f0101

options_are_kept() { # WHERE-THE-CLIENT-AND-THE-SERVER-ARE
	local vip=$1 server=$2 seen=$3 at_client=$work/options-client at_server=$work/options-server
	local filter="(tcp port 80 or tcp port $raw_port) and host $3"
	capture_start "$client" to-lb "$at_client" "$filter"
	capture_start "$rs" eth0 "$at_server" "$filter"
	check "a connection with the usual options: $vip" equal "$(http_get "$client" "$vip" 2>&1)" "$seen"
	worker packets "$client" segment "$seen" 4001 "$vip" "$raw_port" 1000 0 2 "$opening_options"
	check "the server's device gets an unusual SYN: $vip" wait_until 10 segments_are "$at_server" 1
	worker packets "$rs" segment "$server" "$raw_port" "$seen" 4001 2000 1001 18 "$opening_options"
	worker packets "$client" segment "$seen" 4001 "$vip" "$raw_port" 1001 2001 16 "$acknowledging_options"
	worker packets "$rs" segment "$server" "$raw_port" "$seen" 4001 2001 1001 16 "$acknowledging_options"
	worker packets "$client" segment "$seen" 4001 "$vip" "$raw_port" 1001 2001 16 "$strange_options"
	worker packets "$rs" segment "$server" "$raw_port" "$seen" 4001 2001 1001 16 "$strange_options"
	check "the server's device gets three of the client's, and sends three: $vip" wait_until 10 segments_are "$at_server" 6
	check "and so does the client's" wait_until 10 segments_are "$at_client" 6
	capture_stop "$at_client"
	capture_stop "$at_server"
	check "the options of each segment are the same bytes at both ends: $vip" equal \
		"$(/usr/bin/python3 "$netns_dir/packets.py" options "$at_client")" \
		"$(/usr/bin/python3 "$netns_dir/packets.py" options "$at_server")"
	check "and those of the usual connection are there, too" at_least "$(capture_count "$at_client" 'tcp port 80')" 8
}

segments_are() { # FILE HOW-MANY
	equal "$(capture_count "$1" "tcp port $raw_port")" "$2"
}

# --- transfers -----------------------------------------------------------------------

# Segments as long as they may be, and none that would have to be fragmented.
jumbo() { # FAMILY
	local wire=$work/jumbo-$1 steered
	steered=$(stat_of "$rshost" steered)
	capture_start "$switch" p1 "$wire" "$(tunnel_filter "$1") or udp dst port 2"
	check "jumbo packets: all arrives whole (IPv$1)" worker exchange "$client" "$large" "$vip4" "$vip6"
	capture_settle "$wire" "$lbhost" "$(vtep "$rshost" "$1")"
	capture_stop "$wire"
	check "requests are in packets of 8,900 bytes and more, marked (IPv$1)" at_least "$(capture_count "$wire" \
		"greater 8900 and $(flags_filter "$1" "$second_mark") and $(outer_to "$rshost" "$1")")" 50
	check "so are replies, not marked (IPv$1)" at_least "$(capture_count "$wire" \
		"greater 8900 and $(flags_filter "$1" 0x08) and $(outer_from "$rshost" "$1")")" 50
	check "nothing is longer than the underlay takes (IPv$1)" equal "$(capture_count "$wire" "greater $((wide + 15))")" 0
	check "replies were steered (IPv$1)" stat_grew "$rshost" steered "$steered" 50
}

# In a tcpdump filter: first fragments of tunnel packets with these flags.
first_fragments() { # FAMILY FLAGS
	case $1 in
	4) echo "ip[6:2] & 0x3fff = 0x2000 and udp[2:2] = 4789 and udp[8] = $2" ;;
	6) echo "ip6[6] = 44 and ip6[42:2] & 0xfff8 = 0 and ip6[50:2] = 4789 and ip6[56] = $2" ;;
	esac
}

follow_connections() {
	local host
	for host in "$lbhost" "$rshost"; do
		in_ns "$host" nft -f - <<-NFT
			table inet follow {
				counter invalid { }
				counter seen { }
				chain input {
					type filter hook input priority filter;
					iifname "eth0" ct state invalid counter name invalid drop
					iifname "eth0" ct state { new, established } counter name seen
				}
			}
		NFT
	done
}

followed() { # HOST seen|invalid : packets of the underlay
	in_ns "$1" nft -j list counter inet follow "$2" | jq '.nftables[] | .counter? | .packets // empty'
}

fragments() { # FAMILY HOW
	local family=$1 how=$2 replies unverified text
	ctl "$rshost" session flush > /dev/null
	replies=$(stat_of "$rshost" replies) unverified=$(stat_of "$rshost" unverified)
	in_ns "$rshost" nft reset counters > /dev/null
	# Each as it comes to the one who puts it together.
	capture_start "$switch" p2 "$work/requests" "ip or ip6"
	capture_start "$switch" p1 "$work/replies" "ip or ip6"
	for service in "${services[@]}"; do
		read -r vip server seen <<< "$service"
		check "the server sees $seen: $vip (IPv$family, $how)" equal "$(http_get "$client" "$vip" 2>&1 || true)" "$seen"
		check "its row in the session table" row_is tcp 6 "$server" 80 "$seen" "$family"
	done
	check "all arrives whole (IPv$family, $how)" worker exchange "$client" "$large" "$vip4" "$vip6"
	printf -v text '%05000d' "$RANDOM"
	check "a flow begins with a long datagram ($how)" wait_until 5 worker echo "$client" "$vip4" 4002 "$text"
	check "its row in the session table" row_is udp 17 10.1.1.2 7 200.1.1.2 "$family"
	capture_settle "$work/requests" "$lbhost" "$(vtep "$rshost" "$family")"
	capture_settle "$work/replies" "$rshost" "$(vtep "$lbhost" "$family")"
	capture_stop "$work/requests"
	capture_stop "$work/replies"
	check "requests are fragmented, their first fragments marked ($how)" \
		at_least "$(capture_count "$work/requests" "$(first_fragments "$family" "$second_mark")")" 20
	check "large replies are fragmented, not marked ($how)" at_least "$(capture_count "$work/replies" \
		"$(first_fragments "$family" 0x08) and src host $(vtep "$rshost" "$family")")" 20
	check "they went back through the balancer ($how)" stat_grew "$rshost" replies "$replies" 50
	check "no mark is left behind the record stage ($how)" equal "$(behind "$rshost" marked)" 0
	check "and the packets are there" at_least "$(behind "$rshost" clean)" 50
	# Only what has been put together can be verified: IPv6 is that behind the hook, unless somebody has asked for it.
	unverified=$(($(stat_of "$rshost" unverified) - unverified))
	case $family-$how in
	6-untracked) check "flows of first fragments were recorded unverified" at_least "$unverified" 1 ;;
	*) check "all were verified when recorded ($how)" equal "$unverified" 0 ;;
	esac
}

# --- the round of a family of the underlay ---------------------------------------------

before_module() {
	local service server
	capture_start "$switch" p1 "$work/without" "$(tunnel_filter "$family") or udp dst port 2"
	path_mtu_of_requests "without the module"
	for service in "${services[@]}"; do
		read -r _ server _ <<< "$service"
		check "a short datagram is answered to the balancer's host: $server" answer_passes "$lbhost" "$server" 40
	done
	path_mtu_of_answers "without the module" "$lbhost" 10.1.1.2 10.1.1.254 "$lbhost" 2001:db8:10::2 2001:db8:10::254
	capture_settle "$work/without" "$lbhost" "$(vtep "$rshost" "$family")"
	capture_stop "$work/without"
}

with_module() {
	hosts_underlay_mtu "$wide"
	capture_start "$switch" p1 "$work/with" "$(tunnel_filter "$family") or udp dst port 2"
	path_mtu_of_requests "with the module"
	path_mtu_of_answers "with the module" "$client" "$vip4" 200.1.1.2 "$client" "$vip6" 2001:db8:c1::2
	capture_settle "$work/with" "$lbhost" "$(vtep "$rshost" "$family")"
	capture_stop "$work/with"
	check "requests were not marked without the module, and are with it" \
		equal "$(wire_flags "$work/without" to) $(wire_flags "$work/with" to)" "0x08 $second_mark"
	check "answers never are" equal "$(wire_flags "$work/without" from) $(wire_flags "$work/with" from)" "0x08 0x08"
	check "tunnel packets of requests have the same lengths with a mark as without" \
		equal "$(wire_lengths "$work/with" to)" "$(wire_lengths "$work/without" to)"
	check "so have those of answers" equal "$(wire_lengths "$work/with" from)" "$(wire_lengths "$work/without" from)"
	check "the longest is what the underlay takes" equal "$(wire_lengths "$work/with" to | tail -n 1)" "$wide"
}

fragmented_rounds() {
	local host complaints
	case $family in
	4)
		hosts_underlay_mtu 1400
		# Packets that may be fragmented: of the others the driver complains, and none is.
		routes "mtu lock $room"
		;;
	6)
		batch "$switch" "link set p1 nomaster" "link add cut0 mtu $underlay_mtu type veth peer name cut1" \
			"link set cut1 mtu $underlay_mtu master sw0" "link set cut0 up" "link set cut1 up"
		worker fragments "$switch" p1 cut0 1400
		;;
	esac
	complaints=$(worker errors "${all[@]}")
	fragments "$family" untracked
	require nft_ct
	follow_connections
	fragments "$family" tracked
	for host in "$lbhost" "$rshost"; do
		check "the firewall of ${host%-*} has seen the underlay's packets" at_least "$(followed "$host" seen)" 50
		check "and called none invalid" equal "$(followed "$host" invalid)" 0
		in_ns "$host" nft delete table inet follow
	done
	check "no kernel complains of a checksum (IPv$family, fragments)" equal "$(worker errors "${all[@]}")" "$complaints"
	routes ''
}

# A route whose MTU the operator has fixed is not asked for it: IPv4 packets that take it may be fragmented. (The balancer's
# host would fragment the inner packets, as soon as its driver has told it that they are too long.)
routes() { # OPTIONS
	batch "$client" "route replace default via 200.1.1.1 $1"
	batch "$lbhost" "route replace 10.1.1.0/24 dev br100 src 10.1.1.254 $1"
	batch "$rs" "route replace default via 10.1.1.1 $1"
}

nat_hosts
more_services
worker_start
all=("$client" "$lbhost" "$rshost" "$gwhost" "$rs")
for family in ${FAMILIES:-4 6}; do
	wide=$((room + 50))
	[ "$family" = 4 ] || wide=$((room + 70))
	nat_overlay "$family" "$(checksum_options "$family" yes)"
	inner_mtu 9100
	hosts_underlay_mtu "$wide"
	[ -e "$log" ] || {
		start_server "$rs" "$log"
		worker mirror "$rs" "$mirror_port"
		watch_behind_record "$rshost"
		worker offload "$client" to-lb tso=off gso=off
		worker offload "$rs" eth0 tso=off gso=off
		for host in "$lbhost" "$rshost" "$gwhost"; do worker offload "$host" eth0 tx=off tso=off gso=off; done
	}
	wait_until 10 http_get "$lbhost" 10.1.1.2 1
	wait_until 10 http_get "$lbhost" 2001:db8:10::2 1
	nobody_is_answered "without the module (IPv$family)"
	before_module
	load_module
	nat_configure "$family"
	check "the server's host becomes ready (IPv$family)" nat_ready "$family"
	complaints=$(worker errors "${all[@]}")
	with_module
	tos_is_kept "$family"
	for service in "${services[@]}"; do
		read -r vip server seen <<< "$service"
		options_are_kept "$vip" "$server" "$seen"
	done
	jumbo "$family"
	check "no kernel complains of a checksum (IPv$family)" equal "$(worker errors "${all[@]}")" "$complaints"
	fragmented_rounds
	topology fragments vxlan "$family" 4 6
	unload_module
done
finish
