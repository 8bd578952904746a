#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Which rule a packet matches: by its firewall mark, its network, its tunnel's type, and where it goes inside. The rules
# overlap, each with a mask of its own; the first one that fits counts, in the order of --prio.
#
#   from [vx100, vx200: VXLAN; gt1: GRE; ipvs_tun] ======== to [the same devices, no configuration]
#
# Each packet is one of a burst from one socket (SO_MARK), so that the quick way to mark (stamp.c: VXLAN over IPv4, an
# endpoint that was in use a moment ago) and the whole stage (mark.c) both have their share; over IPv6 all is the whole
# stage's. The wire is captured: marked, or not, all of a burst.
. "$(dirname "$0")/lib.sh"

burst=20
require vxlan udp_tunnel ip_gre ip6_gre
setup_ns from to
load_module

addresses_of() { # NS 1|2
	local lines=()
	lines+=("addr add 10.1.1.$2/24 dev vx100" "addr add 10.1.2.$2/24 dev vx100" "addr add 10.3.1.$2/24 dev vx200")
	lines+=("addr add 10.4.1.$2/24 dev gt1" "addr add 2001:db8:10::$2/64 dev vx100 nodad")
	lines+=("addr add 2001:db8:11::$2/64 dev vx100 nodad" "addr add 10.1.1.$((8 + $2))/24 dev vx100")
	batch "$1" "${lines[@]}" "link set vx100 up" "link set vx200 up" "link set gt1 up"
}

tunnels() { # FAMILY NS LOCAL REMOTE
	local gretap=gretap
	[ "$1" = 4 ] || gretap=ip6gretap
	batch "$2" "link add vx100 mtu 1400 type vxlan id 100 local $3 remote $4 dstport 4789" \
		"link add vx200 mtu 1400 type vxlan id 200 local $3 remote $4 dstport 4789" \
		"link add gt1 mtu 1400 type $gretap local $3 remote $4 key 1"
}

# Bursts of datagrams, each from a socket with a mark, sent by one process: it reads MARK TO COUNT SIZE KIND. Of kind "opts"
# they have an IP option.
cat > "$work/send.py" << 'PYTHON'
import ipaddress, socket, sys
SO_MARK = 36
for line in sys.stdin:
    mark, to, count, size, kind = line.split()
    family = socket.AF_INET6 if ipaddress.ip_address(to).version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, SO_MARK, int(mark, 0))
        if kind == "opts":
            s.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, b"\x94\x04\x00\x00")
        for _ in range(int(count)):
            s.sendto(b"x" * int(size), (to, 9))
    print("sent", flush=True)
PYTHON
coproc sender { exec ip netns exec "$from" python3 "$work/send.py"; }
# shellcheck disable=SC2154 # coproc sets it
background+=("$sender_PID")
send() { # MARK TO [COUNT] [SIZE] [KIND]
	local answer
	echo "$1 $2 ${3:-$burst} ${4:-100} ${5:-plain}" >&"${sender[1]}"
	read -r -t $((20 * ${SLOW:-1})) answer <&"${sender[0]}" && [ "$answer" = sent ]
}

resolved() { # ADDRESS
	send 0 "$1" 1
	ip -n "$from" neigh show to "$1" | grep -q lladdr
}

# What each rule has counted, in their order.
rule_counts() { ctl_json "$from" -s mark list | jq -r 'map(.packets) | join(" ")'; }

frames_to() { # FAMILY ADDRESS FLAGS : on the wire, of IPv4 to this address, in VXLAN
	local n=0 part
	for part in ${2//./ }; do n=$((n << 8 | part)); done
	capture_count "$work/wire" "$(flags_filter "$1" "$3") and $(inner_type_filter "$1" 0x0800) and \
		$(inner_byte "$1" 16 4) = $n and $(inner_byte "$1" 9) = 17"
}

# A burst, and the rule that counts it: its number in the order of "mark list", or "none".
matches() { # RULE WHAT FRAMES MARK TO [COUNT SIZE KIND]
	local rule=$1 what=$2 frames=$3
	shift 3
	[ "$rule" = none ] || expected[rule - 1]=$((expected[rule - 1] + frames))
	send "$@"
	check "$what (IPv$family)" equal "$(rule_counts)" "${expected[*]}"
}

for family in 4 6; do
	ends=(192.0.2.1 192.0.2.2) length=24
	[ "$family" = 4 ] || ends=(2001:db8::1 2001:db8::2) length=64
	link "$from" to0 "${ends[0]}/$length" "$to" from0 "${ends[1]}/$length"
	tunnels "$family" "$from" "${ends[0]}" "${ends[1]}"
	tunnels "$family" "$to" "${ends[1]}" "${ends[0]}"
	addresses_of "$from" 1
	addresses_of "$to" 2
	# Neighbours first, whose packets have no mark.
	for address in 10.1.1.2 10.1.2.2 10.1.1.10 10.3.1.2 10.4.1.2 2001:db8:10::2 2001:db8:11::2; do
		check "$address is known (IPv$family)" wait_until 10 resolved "$address"
	done

	ctl "$from" peer add "${ends[1]}" --send=always
	ctl "$from" mark add 0x7/0xf --dst 10.1.2.0/24 --prio 1 --name there
	ctl "$from" mark add 0x7/0xff --vni 200,300 --prio 2 --name network
	ctl "$from" mark add 0x7/0xfff --tunnel gre --prio 3 --name type
	ctl "$from" mark add 0x7/0xffff --dst 10.1.1.10/32 --prio 4 --name host
	ctl "$from" mark add 0x7/0xfffff --dst 2001:db8:10::/64 --prio 5 --name six
	ctl "$from" mark add 0x100/0xf00 --prio 6 --name any

	capture_start "$to" from0 "$work/wire" "$(tunnel_filter "$family")"
	marked=$(stat_of "$from" marked) expected=(0 0 0 0 0 0)
	matches 1 "a destination in the first rule's prefix" $burst 0x7 10.1.2.2
	matches none "one that is in none" $burst 0x7 10.1.1.2
	matches 2 "a network that a rule lists" $burst 0x7 10.3.1.2
	matches 3 "a type of tunnel" $burst 0x7 10.4.1.2
	matches 4 "a single destination" $burst 0x7 10.1.1.10
	matches 5 "one of IPv6" $burst 0x7 2001:db8:10::2
	matches none "another one of IPv6" $burst 0x7 2001:db8:11::2
	matches 1 "bits that the mask leaves out are anything" $burst 0x17 10.1.2.2
	matches none "and where it does not, they are not" $burst 0x17 10.3.1.2
	matches none "without a firewall mark nothing matches" $burst 0 10.1.2.2
	matches 6 "the last rule takes what no earlier one does" $burst 0x107 10.1.1.2
	matches 1 "and no more" $burst 0x107 10.1.2.2
	matches none "another value" $burst 0x207 10.1.1.2
	# 3,000 bytes are three packets; a header with options is longer than most.
	matches 1 "fragments are matched by their addresses" $((3 * burst)) 0x7 10.1.2.2 $burst 3000
	matches 4 "so are packets with IP options" $burst 0x7 10.1.1.10 $burst 100 opts
	capture_stop "$work/wire"

	# 1: 20 + 20 + 20 + 60; 2, 3, 5, 6: 20 each; 4: 40.
	check "all that matched is marked (IPv$family)" stat_grew "$from" marked "$marked" $((12 * burst))
	check "and nothing else" equal "$(stat_of "$from" marked)" $((marked + 12 * burst))
	check "the wire has the mark on all to the first rule's prefix (IPv$family)" \
		equal "$(frames_to "$family" 10.1.2.2 "$second_mark")" $((6 * burst))
	check "and on those without a firewall mark none" equal "$(frames_to "$family" 10.1.2.2 "$unmarked")" $burst
	check "to where one rule leads, only its own are marked (IPv$family)" \
		equal "$(frames_to "$family" 10.1.1.2 "$second_mark")" $burst
	check "and all others are as they were" equal "$(frames_to "$family" 10.1.1.2 "$unmarked")" $((2 * burst))
	check "in the other network as well (IPv$family)" equal \
		"$(frames_to "$family" 10.3.1.2 "$second_mark") $(frames_to "$family" 10.3.1.2 "$unmarked")" "$burst $burst"

	# What has just been marked by the quick way must stop with the configuration.
	earlier=$(stat_of "$from" marked)
	send 0x7 10.1.2.2
	check "still marked (IPv$family)" equal "$(stat_of "$from" marked)" $((earlier + burst))
	ctl "$from" peer del "${ends[1]}"
	send 0x7 10.1.2.2
	check "without a peer nothing is (IPv$family)" equal "$(stat_of "$from" marked)" $((earlier + burst))
	check "and that is counted" at_least "$(stat_of "$from" mark_no_peer)" $burst
	ctl "$from" peer add "${ends[1]}" --send=always
	send 0x7 10.1.2.2
	check "with it again, they are (IPv$family)" equal "$(stat_of "$from" marked)" $((earlier + 2 * burst))
	ctl "$from" tunnel set vxlan --second-mark 0x40
	capture_start "$to" from0 "$work/wire" "$(tunnel_filter "$family")"
	send 0x7 10.1.2.2
	capture_stop "$work/wire"
	check "with another second mark, that one is on the wire (IPv$family)" \
		equal "$(frames_to "$family" 10.1.2.2 0x48) $(frames_to "$family" 10.1.2.2 "$second_mark")" "$burst 0"
	ctl "$from" tunnel set vxlan --second-mark "$default_mark"
	ctl "$from" pause mark
	earlier=$(stat_of "$from" marked)
	send 0x7 10.1.2.2
	check "paused, nothing is (IPv$family)" equal "$(stat_of "$from" marked)" "$earlier"
	ctl "$from" resume mark

	ctl "$from" mark flush
	ctl "$from" peer flush
	for ns in "$from" "$to"; do batch "$ns" "link del vx100" "link del vx200" "link del gt1"; done
	ip -n "$from" link del to0
done
finish
