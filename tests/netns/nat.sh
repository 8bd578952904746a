#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The main job. A client's request reaches a real server through an IPVS NAT balancer and an overlay; the server
# sees the client's own address; its reply would leave by a foreign default route and be lost. With the module on both
# hosts it goes back through the balancer.
#
#   client --> lbhost [IPVS, first mark | second mark 0xf8] ==VXLAN==> rshost [record, unmark] --> rs
#   client <-- lbhost <============================================== rshost [steer, rewrite] <-- rs
#      ^                                                               |
#      +---- gwhost <=== the way of rs's default route, without us ===-+      (the whole drawing: nat-topology.sh)
#
# The tunnel is TUNNEL's, its devices have OPTIONS.
# For each family of the underlay: without the module, with it in three modes (steering only, rewrite only, both), after
# "peer del", and with a session entered by hand. In each mode TCP small and large in both directions and UDP, over IPv4
# and IPv6 inside, untagged and in VLAN 7.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/nat-topology.sh"

large=${LARGE:-2000000}
log=$work/server.log
services=("$vip4 10.1.1.2 200.1.1.2" "$vip4_vlan 10.1.7.2 200.1.1.2"
	"$vip6 2001:db8:10::2 2001:db8:c1::2" "$vip6_vlan 2001:db8:17::2 2001:db8:c1::2")

request_round() { # FAMILY MODE
	local service vip server seen
	for service in "${services[@]}"; do
		read -r vip server seen <<< "$service"
		service_works "$vip over IPv$1, $2" "$vip" "$server" "$seen" "$large" "$1"
		cell "$matrix_row" "$1" "$(inner_family "$vip")" "${TX:-on}"
		topology host "$matrix_row" "$1" "$(inner_family "$vip")"
	done
}

inner_family() { # ADDRESS
	case $1 in
	*:*) echo 6 ;;
	*) echo 4 ;;
	esac
}

one_mode() { # FAMILY MODE
	local family=$1 mode=$2 marked recorded steered rewritten wire=$work/wire-$1-$2
	ctl "$rshost" resume all
	case $mode in
	steering) ctl "$rshost" pause rewrite ;;
	rewrite) ctl "$rshost" pause steer ;;
	esac
	marked=$(stat_of "$lbhost" marked) recorded=$(stat_of "$rshost" recorded)
	steered=$(stat_of "$rshost" steered) rewritten=$(stat_of "$rshost" rewritten)
	in_ns "$rshost" nft reset counters > /dev/null
	capture_start "$switch" p2 "$wire" "$(tunnel_filter "$family")"
	request_round "$family" "$mode"
	capture_stop "$wire"

	check "the balancer's host marked" stat_grew "$lbhost" marked "$marked" 50
	check "the server's host recorded each flow" stat_grew "$rshost" recorded "$recorded" 16
	case $mode in
	steering)
		check "replies were steered" stat_grew "$rshost" steered "$steered" 50
		check "none was rewritten" equal "$(stat_of "$rshost" rewritten)" "$rewritten"
		;;
	rewrite)
		check "replies were rewritten" stat_grew "$rshost" rewritten "$rewritten" 50
		check "none was steered" equal "$(stat_of "$rshost" steered)" "$steered"
		;;
	both)
		check "replies were steered" stat_grew "$rshost" steered "$steered" 50
		;;
	esac
	marked="$(flags_filter "$family" "$second_mark") and not $(probe_filter "$family")"
	check "$second_mark is on the wire" at_least "$(capture_count "$wire" "$marked")" 50
	check "the server's host sends nothing marked, but for probes" \
		equal "$(capture_count "$wire" "$marked and src host $(vtep "$rshost" "$family")")" 0
	check "replies of the tagged service are tagged in the tunnel" \
		at_least "$(capture_count "$wire" "$(inner_type_filter "$family" 0x8100) and src host $(vtep "$rshost" "$family") \
			and dst host $(vtep "$lbhost" "$family")")" 10
	check "nothing is marked behind the record stage" equal "$(behind "$rshost" marked)" 0
	check "and the packets are there" at_least "$(behind "$rshost" clean)" 50
}

# A session entered by hand needs no peer: it brings the hooks that its replies need, and they go with it.
session_by_hand() { # FAMILY
	local flow=(--src 200.1.1.2 --sport 4500 --dst 10.1.1.2 --dport 80 --proto tcp --vni 100)
	check "without a peer there is no hook (IPv$1)" equal "$(hooks_of "$rshost")" ""
	ctl "$rshost" session add "${flow[@]}" --mac "$(mac_of "$lbhost" br100)" --vtep "$(vtep "$lbhost" "$1")" \
		--tunnel "$tunnel"
	check "a session entered by hand works without a peer (IPv$1)" in_ns "$client" \
		curl -s -S -f -m 10 --local-port 4500 "http://$vip4/"
	ctl "$rshost" session del "${flow[@]}"
	check "its hooks go with it (IPv$1)" equal "$(hooks_of "$rshost")" ""
}

hooks_of() { ctl_json "$1" status | jq -r '.hooks[]'; }

nat_hosts
start_server "$rs" "$log"
watch_behind_record "$rshost"
# TX=off: nothing is left to the underlay's devices, so that checksums are made, and looked at, as on a wire.
if [ "${TX:-on}" = off ]; then
	for host in "$lbhost" "$rshost" "$gwhost"; do in_ns "$host" ethtool -K eth0 tx off > /dev/null; done
fi
case ${TURN:-} in
1) modes="steering rewrite" ;;
2) modes="rewrite both" ;;
*) modes="steering rewrite both" ;;
esac
for family in ${FAMILIES:-4 6}; do
	# shellcheck disable=SC2086 # several options
	nat_overlay "$family" ${OPTIONS:-}
	wait_until 10 http_get "$lbhost" 10.1.1.2 1
	wait_until 10 http_get "$lbhost" 2001:db8:17::2 1
	nobody_is_answered "without the module (IPv$family)"
	[ -z "${TOPOLOGY_ONLY:-}" ] || continue

	load_module
	nat_configure "$family"
	check "the server's host becomes ready (IPv$family)" nat_ready "$family"
	for mode in ${MODES:-$modes}; do one_mode "$family" "$mode"; done
	ctl "$rshost" peer del "$(vtep "$lbhost" "$family")"
	nobody_is_answered "after peer del (IPv$family)"
	session_by_hand "$family"
	unload_module
done
finish
