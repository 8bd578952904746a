# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The overlay where tunnels carry IP packets: no bridge, no inner MAC, hosts route. lib.sh sources this file in place of
# what tunnel.sh and itself have for Ethernet inside; the type is $tunnel (gre, mpls).
#
#   lbhost .1 [10.1.2.1] ==+                +-- tap0 10.1.1.1 --- rs 10.1.1.2, 2001:db8:10::2
#   gwhost .3 [10.1.2.3] ==+== rshost .2 ---+                     (its default route: its host)
#
# Labels may be carried by GRE or UDP ($carrier): then the devices are there, too, and the routes lead into them.
#
# A host may have one "external" GRE device in place of them, and say in its routes where each leads to (overlay_any).
#
# Each host has one address of its own in the overlay, 10.1.2.INDEX and 2001:db8:12::INDEX, routes to those of all others,
# and to each server by its host. GRE has a device for each other host, tn$VNI-$INDEX, as with Ethernet inside. MPLS has
# none: label $VNI is in the routes, and pops to the host's own tables.

# A network of a host that is to have tables of its own is in overlay_vrf first.

overlay_made=()   # NS FAMILY VNI, of each overlay
overlay_served=() # VNI HOST ADDRESS, of each server
declare -A overlay_members=() # the hosts, by VNI
declare -A overlay_vrf=()     # "NS VNI": the VRF, with the VNI as its table
declare -A overlay_any=()     # "NS VNI": not empty if one "external" device is to lead to all other hosts (GRE)
declare -A vm_home=()         # "HOST VNI" of a VM

overlay() { # NS FAMILY VNI [OPTIONS…]
	local ns=$1 family=$2 vni=$3 other lines=() vrf=${overlay_vrf[$1 $3]:-}
	shift 3
	[ -z "$vrf" ] || [ -e "$work/$ns-$vrf" ] || {
		lines=("link add $vrf type vrf table $vni" "link set $vrf up")
		: > "$work/$ns-$vrf"
	}
	overlay_members[$vni]=${underlay_hosts[*]}
	case $tunnel$carrier${overlay_any[$ns $vni]:+any} in
	greany)
		lines+=("link add tn$vni-0 type $([ "$family" = 4 ] || echo ip6)gre external" "link set tn$vni-0 up")
		batch "$ns" "${lines[@]}"
		;;
	gre | mplsgre | mplsudp)
		for other in "${underlay_hosts[@]}"; do
			[ "$other" = "$ns" ] || pair_lines "$vni" "tn$vni-${host_index[$other]}" "$(vtep "$ns" "$family")" \
				"$(vtep "$other" "$family")" ${vrf:+master "$vrf"} "$@"
		done
		batch "$ns" "${lines[@]}"
		;;&
	mplsudp) listening_for_labels "$ns" "$family" ;;&
	mpls*)
		takes_labels "$ns"
		[ -n "$carrier" ] || batch "$ns" "${lines[@]}"
		ip -n "$ns" -f mpls route replace "$vni" dev "${vrf:-lo}"
		;;
	esac
	[ -e "$work/$ns-overlay" ] || {
		add_addresses "$ns" lo "10.1.2.${host_index[$ns]}/32 2001:db8:12::${host_index[$ns]}/128"
		: > "$work/$ns-overlay"
	}
	overlay_made+=("$ns $family $vni")
	overlay_routes "$ns" "$family" "$vni"
}

# One GRE device; adds the commands to the caller's $lines.
pair_lines() { # VNI DEVICE LOCAL REMOTE [OPTIONS…]
	local vni=$1 device=$2 from=$3 to=$4 kind master=''
	shift 4
	[ "${1:-}" != master ] || { master="master $2" && shift 2; }
	case $tunnel$carrier-$to in
	*gre-*:*) kind="ip6gre key $vni" ;;
	*gre-*) kind="gre key $vni" ;;
	mplsudp-*:*) kind="ip6tnl mode any encaplimit none encap fou encap-sport auto encap-dport 6635" ;;
	mplsudp-*) kind="ipip mode mplsip encap fou encap-sport auto encap-dport 6635" ;;
	*) return 0 ;;
	esac
	lines+=("link add $device type $kind local $from remote $to $*" "link set $device $master up")
}

# All devices of the underlay and of the overlay that a host has by now.
takes_labels() { # NS
	in_ns "$1" sh <<- 'SH'
		echo 1000 > /proc/sys/net/mpls/platform_labels
		for input in /proc/sys/net/mpls/conf/eth*/input /proc/sys/net/mpls/conf/tn*/input; do
			[ ! -e "$input" ] || echo 1 > "$input"
		done
	SH
}

# What comes to this port is labels, whatever device they are for.
listening_for_labels() { # NS FAMILY
	[ -e "$work/$1-fou-$2" ] || in_ns "$1" ip "-$2" fou add port 6635 ipproto 137
	: > "$work/$1-fou-$2"
}

# To the other hosts' addresses, and to the servers behind them.
overlay_routes() { # NS FAMILY VNI
	local ns=$1 family=$2 vni=$3 other served network host address lines=() index=${host_index[$1]} members
	read -r -a members <<< "${overlay_members[$3]}"
	for other in "${members[@]}"; do
		[ "$other" != "$ns" ] || continue
		lines+=("$(overlay_route "10.1.2.${host_index[$other]}/32" "$ns" "$other" "$family" "$vni") src 10.1.2.$index"
			"$(overlay_route "2001:db8:12::${host_index[$other]}/128" "$ns" "$other" "$family" "$vni") src 2001:db8:12::$index")
	done
	for served in "${overlay_served[@]}"; do
		read -r network host address <<< "$served"
		if [ "$host" = "$ns" ] || [ "$network" != "$vni" ]; then continue; fi
		case $address in
		*:*) lines+=("$(overlay_route "$address/128" "$ns" "$host" "$family" "$vni") src 2001:db8:12::$index") ;;
		*) lines+=("$(overlay_route "$address/32" "$ns" "$host" "$family" "$vni") src 10.1.2.$index") ;;
		esac
	done
	[ -z "${overlay_vrf[$ns $vni]:-}" ] || lines=("${lines[@]/% src */}") # whose addresses are not its own
	batch "$ns" "${lines[@]}"
}

# The command for a route through the tunnel to a host. An IPv6 route knows no other next hop than of its own family: the
# neighbour is the same.
overlay_route() { # PREFIX NS HOST FAMILY VNI
	local by=$4 vrf=${overlay_vrf[$2 $5]:-}
	case $1 in *:*) by=6 ;; esac
	case $tunnel$carrier${overlay_any[$2 $5]:+any}-$by in
	greany-*) echo "route replace $1 encap ip${4#4} id $5 key dst $(vtep "$3" "$4") dev tn$5-0" ;;
	mpls?*-4) echo "route replace $1 ${vrf:+vrf $vrf} encap mpls $5 via inet 10.1.2.${host_index[$3]} dev tn$5-${host_index[$3]} onlink" ;;
	mpls?*-6) echo "route replace $1 ${vrf:+vrf $vrf} encap mpls $5 via inet6 2001:db8:12::${host_index[$3]} dev tn$5-${host_index[$3]} onlink" ;;
	gre-*) echo "route replace $1 ${vrf:+vrf $vrf} dev tn$5-${host_index[$3]}" ;;
	mpls-4) echo "route replace $1 ${vrf:+vrf $vrf} encap mpls $5 via inet $(vtep "$3" 4) dev eth0" ;;
	mpls-6) echo "route replace $1 ${vrf:+vrf $vrf} encap mpls $5 via inet6 $(vtep "$3" 6) dev eth0" ;;
	esac
}

overlay_remove() { # NS VNI
	local device made kept=()
	[ "$tunnel$carrier" = mpls ] || # which has none
		for device in $(overlay_devices "$1" "$2"); do ip -n "$1" link del "$device"; done
	for made in "${overlay_made[@]}"; do
		[ "${made%% *} ${made##* }" = "$1 $2" ] || kept+=("$made")
	done
	overlay_made=("${kept[@]}")
}

# A VM: its host is its router.
attach_vm() { # VM HOST BRIDGE PORT ADDRESSES
	local address made vni=${3#br} vrf lines=()
	vrf=${overlay_vrf[$2 $vni]:-}
	address_lines "$4" "10.1.1.1/24 2001:db8:10::1/64"
	batch "$2" "link add $4 type veth peer name eth0 netns $1" ${vrf:+"link set $4 master $vrf"} "${lines[@]}" "link set $4 up"
	lines=()
	address_lines eth0 "$5"
	batch "$1" "${lines[@]}" "link set eth0 up"
	forwarding "$2"
	for address in $5; do overlay_served+=("$vni $2 ${address%/*}"); done
	for made in "${overlay_made[@]}"; do
		# shellcheck disable=SC2086 # three words
		[ "${made##* }" != "$vni" ] || overlay_routes $made
	done
	vm_home[$1]="$2 $vni"
}

# Where its host's tables send what a VM says to the clients.
replies_by() { # VM HOST
	local made home=${vm_home[$1]} ns family vni
	for made in "${overlay_made[@]}"; do
		read -r ns family vni <<< "$made"
		[ "$ns $vni" = "$home" ] || continue
		batch "$ns" "$(overlay_route 200.1.1.0/24 "$ns" "$2" "$family" "$vni")" \
			"$(overlay_route 2001:db8:c1::/64 "$ns" "$2" "$family" "$vni")"
	done
}

# There is no network in common in which a host could have an address.
overlay_address() { # NS VNI N
	:
}

inner_mac() { # NS VNI : there is none
	echo null
}
