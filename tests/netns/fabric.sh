# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# A fabric of BGP EVPN, in place of flood lists by hand and of devices that learn: FRR's zebra and bgpd in each host,
# who say to each other where the networks are (routes of type 3) and where the MAC addresses (type 2). Scenarios
# source this file after lib.sh and nat-topology.sh, whose overlay it replaces; VXLAN over an IPv4 underlay.
#
#   router_start NS [ZEBRA-LINES [BGP-LINES]]   its routers, as neighbours of those of all other hosts
#   router_says NS COMMAND                      "show …" as JSON

overlay() { # NS FAMILY VNI : a device that learns nothing and floods to nobody; its bridge answers for what BGP knows
	local ns=$1 vni=$3 lines=()
	bridge_lines "$ns" "$vni"
	batch "$ns" "link add vx$vni type vxlan id $vni local $(vtep "$ns" 4) dstport 4789 nolearning" "${lines[@]}" \
		"link set vx$vni type bridge_slave learning off neigh_suppress on"
}

router_start() { # NS [ZEBRA-LINES [BGP-LINES]]
	local ns=$1 dir=$work/router-$1 other daemon options
	mkdir "$dir"
	printf '%s\n' "${2:-}" > "$dir/zebra.conf"
	{
		printf '%s\n' "router bgp 65000" "bgp router-id $(vtep "$ns" 4)" "no bgp default ipv4-unicast" \
			"neighbor fabric peer-group" "neighbor fabric remote-as 65000" "neighbor fabric timers connect 1"
		for other in "${underlay_hosts[@]}"; do
			[ "$other" = "$ns" ] || echo "neighbor $(vtep "$other" 4) peer-group fabric"
		done
		printf '%s\n' "address-family l2vpn evpn" "neighbor fabric activate" "advertise-all-vni" \
			"exit-address-family" "exit" "${3:-}"
	} > "$dir/bgpd.conf"
	# They drop their privileges, and have their sockets where their user may.
	chmod 711 "$work"
	chown -R frr:frr "$dir"
	for daemon in zebra bgpd; do
		options=(-P 0 --vty_socket "$dir" -z "$dir/zserv.api" -i "$dir/$daemon.pid" -f "$dir/$daemon.conf")
		ip netns exec "$ns" "/usr/lib/frr/$daemon" "${options[@]}" > "$dir/$daemon.log" 2>&1 &
		background+=($!)
		wait_until 20 test -S "$dir/$daemon.vty"
	done
}

router_says() { # NS COMMAND
	timeout $((20 * ${SLOW:-1})) vtysh --vty_socket "$work/router-$1" -c "$2 json"
}

neighbours_are_up() { # NS : all other hosts
	equal "$(router_says "$1" "show bgp l2vpn evpn summary" |
		jq '[.peers[]? | select(.state == "Established")] | length')" $((${#underlay_hosts[@]} - 1))
}

# Whom a host floods to, by its device.
flooded_to() { # NS VNI
	bridge -n "$1" fdb show dev "vx$2" | sed -n 's/^00:00:00:00:00:00 dst \([0-9.]*\) .*/\1/p' | sort | xargs
}

all_others() { # NS
	local other
	for other in "${underlay_hosts[@]}"; do [ "$other" = "$1" ] || vtep "$other" 4; done | sort | xargs
}

floods_to_all_others() { # NS VNI
	equal "$(flooded_to "$1" "$2")" "$(all_others "$1")"
}

# What BGP knows of an address, and how often it has seen it move: "remote 172.18.10.2 0", "local tap0 0", or nothing.
mac_at() { # NS VNI MAC
	router_says "$1" "show evpn mac vni $2" | jq -r --arg mac "$3" '.macs[$mac] // empty |
		"\(.type) \(.remoteVtep // .intf) \([.localSequence // 0, .remoteSequence // 0] | max)"'
}

mac_is_at() { # NS VNI MAC TYPE WHERE
	local actual
	actual=$(mac_at "${@:1:3}")
	equal "${actual% *}" "$4 $5"
}
