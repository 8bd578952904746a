# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The overlay, and what its packets look like, by the type of the tunnel: TUNNEL in the environment, VXLAN by default.
# lib.sh sources this file. What a scenario says does not change with the tunnel.

# shellcheck disable=SC2034 # the scenarios use them
tunnel_is() { # TYPE : from now on
	# Its name for the tool, and in docs/matrix.md. Where it carries IP packets, ip_inside is set (routed-overlay.sh).
	# What carries the labels of MPLS, if not Ethernet: gre or udp.
	tunnel=$1 matrix_row=$1 ip_inside='' carrier=''
	# unmarked: the field on the wire without a mark. The default mark, and another one, as "tunnel set" takes them.
	case $1 in
	vxlan)
		tunnel_module=vxlan tunnel_port=4789 second_mark=0xf8
		unmarked=0x08 default_mark=0xf0 other_mark=0x40
		;;
	geneve)
		tunnel_module=geneve tunnel_port=6081 second_mark=0x01
		unmarked=0x00 default_mark=0x01 other_mark=0x02
		;;
	gre)
		tunnel_module='ip_gre ip6_gre' tunnel_port='' second_mark=0x80
		unmarked=0x00 default_mark=0x80 other_mark=0x40
		;;
	ipgre)
		tunnel_is gre
		matrix_row=gre-ip ip_inside=yes
		;;
	mpls)
		tunnel_module='mpls_router mpls_iptunnel' tunnel_port='' second_mark=0x8000
		unmarked=0x0000 default_mark=0x8000 other_mark=0x4000 ip_inside=yes
		;;
	mplsgre | mplsudp)
		tunnel_is mpls
		carrier=${1#mpls} matrix_row=mpls-$carrier
		;;&
	mplsgre) tunnel_module+=' ip_gre ip6_gre' ;;
	mplsudp) tunnel_module+=' ipip ip6_tunnel fou fou6' tunnel_port=6635 ;;
	*) echo "no tunnel type: $tunnel" >&2 && exit 1 ;;
	esac
}
tunnel_is "${TUNNEL:-vxlan}"
# Set: GRE devices and packets have no key.
keyless=''
# Set: their keys are NVGRE's, a network and a FlowID: the number of the host that sends.
nvgre=''

# Makes tunnels of network $VNI in br$VNI, to all the other hosts; what is flooded goes to all of them and never to the
# host itself, for frames would loop back and be mislearned. More options of the device follow the VNI (udpcsum, …).
overlay() { # NS FAMILY VNI [OPTIONS…]
	case $tunnel in
	vxlan) overlay_vxlan "$@" ;;
	*) overlay_pairs "$@" ;;
	esac
}

# One device, vx$VNI, whose flood list has the others.
overlay_vxlan() { # NS FAMILY VNI [VXLAN OPTIONS…]
	local ns=$1 family=$2 vni=$3 other lines=()
	shift 3
	bridge_lines "$ns" "$vni"
	batch "$ns" "link add vx$vni type vxlan id $vni local $(vtep "$ns" "$family") dstport 4789 $*" "${lines[@]}"
	lines=()
	for other in "${underlay_hosts[@]}"; do
		[ "$other" = "$ns" ] ||
			lines+=("fdb append 00:00:00:00:00:00 dev vx$vni dst $(vtep "$other" "$family")")
	done
	printf '%s\n' "${lines[@]}" | bridge -n "$ns" -batch -
}

# A device for each other host, tn$VNI-$INDEX. Isolated: what comes by one tunnel is not flooded to the others.
overlay_pairs() { # NS FAMILY VNI [OPTIONS…]
	local ns=$1 family=$2 vni=$3 other device lines=()
	shift 3
	bridge_only_lines "$ns" "$vni"
	for other in "${underlay_hosts[@]}"; do
		[ "$other" != "$ns" ] || continue
		device=tn$vni-${host_index[$other]}
		pair_lines "$vni" "$device" "$(vtep "$ns" "$family")" "$(vtep "$other" "$family")" "$@"
	done
	batch "$ns" "${lines[@]}"
}

# One device, a port of br$VNI; adds the commands to the caller's $lines.
pair_lines() { # VNI DEVICE LOCAL REMOTE [OPTIONS…]
	local vni=$1 device=$2 from=$3 to=$4 kind=gretap key="key $1"
	shift 4
	[ -z "$keyless" ] || key=''
	[ -z "$nvgre" ] || key="okey $((vni << 8 | ${from##*[.:]})) ikey $((vni << 8 | ${to##*[.:]}))"
	case $to in *:*) kind=ip6gretap ;; esac
	case $tunnel in
	geneve) lines+=("link add $device mtu 1500 type geneve id $vni remote $to $*") ;;
	gre) lines+=("link add $device mtu 1500 type $kind $key local $from remote $to $*") ;;
	esac
	lines+=("link set $device master br$vni up" "link set $device type bridge_slave isolated on")
}

overlay_bridge() { # NS VNI : vx$VNI becomes a port of br$VNI
	local lines=()
	bridge_lines "$1" "$2"
	batch "$1" "${lines[@]}"
}

bridge_lines() { # NS VNI : adds the commands to the caller's $lines
	bridge_only_lines "$1" "$2"
	lines+=("link set vx$2 master br$2" "link set vx$2 up")
}

bridge_only_lines() { # NS VNI
	local mac
	[ -e "$work/$1-br$2" ] || {
		# A bridge without an address of its own would change it with its ports.
		printf -v mac '02:b0:%02d:00:00:%02x' "${host_index[$1]}" $(($2 % 256))
		lines+=("link add br$2 address $mac type bridge" "link set br$2 up")
		: > "$work/$1-br$2"
	}
}

# An "external" device: one for all networks, its tunnel parameters on the packets. Each network's bridge hangs on it by
# VLAN-to-VNI mapping, the bridge is VLAN-aware.
overlay_external() { # NS FAMILY VLAN:VNI…
	local ns=$1 family=$2 pair other vlan vni lines=()
	shift 2
	# Learning is not the default of such a device: without it, what a VM sends to a known MAC is flooded, too.
	batch "$ns" "link add vxe type vxlan external learning local $(vtep "$ns" "$family") dstport 4789 udpcsum udp6zerocsumrx" \
		"link add bre type bridge vlan_filtering 1 vlan_default_pvid 0" "link set vxe master bre" \
		"link set bre up" "link set vxe up"
	for pair in "$@"; do
		vlan=${pair%:*} vni=${pair#*:}
		lines+=("vlan add dev vxe vid $vlan" "vlan add dev vxe vid $vlan tunnel_info id $vni"
			"vlan add dev bre vid $vlan self")
		for other in "${underlay_hosts[@]}"; do
			[ "$other" = "$ns" ] ||
				lines+=("fdb append 00:00:00:00:00:00 dev vxe dst $(vtep "$other" "$family") src_vni $vni")
		done
	done
	printf '%s\n' "link set dev vxe vlan_tunnel on" "${lines[@]}" | bridge -n "$ns" -batch -
}

# Further endpoints that get what is flooded: of one device, or each with a device of its own.
flood_to() { # NS FAMILY VNI INDEX…
	flood_list append "$@"
}

flood_no_more_to() { # NS FAMILY VNI INDEX…
	flood_list del "$@"
}

flood_list() { # append|del NS FAMILY VNI INDEX…
	local change=$1 ns=$2 family=$3 vni=$4 index lines=()
	shift 4
	for index; do
		case $tunnel-$change in
		vxlan-*) lines+=("fdb $change 00:00:00:00:00:00 dev vx$vni dst $(vtep_of "$index" "$family")") ;;
		*-append) pair_lines "$vni" "tn$vni-$index" "$(vtep "$ns" "$family")" "$(vtep_of "$index" "$family")" ;;
		*-del) lines+=("link del tn$vni-$index") ;;
		esac
	done
	case $tunnel in
	vxlan) printf '%s\n' "${lines[@]}" | bridge -n "$ns" -batch - ;;
	*) batch "$ns" "${lines[@]}" ;;
	esac
}

# Where a MAC is: behind one endpoint, as the tunnel's device or the bridge would have learned it.
known_behind() { # add|del NS FAMILY VNI MAC HOST
	case $tunnel in
	vxlan) in_ns "$2" bridge fdb "$1" "$5" dev "vx$4" dst "$(vtep "$6" "$3")" ;;
	*) in_ns "$2" bridge fdb "$1" "$5" dev "tn$4-${host_index[$6]}" master static ;;
	esac
}

# What a host knows, and learns from now on, of addresses behind its tunnels and ports: nothing. OPTIONS are the devices'.
overlay_forgetful() { # NS FAMILY VNI PORT [OPTIONS…]
	local ns=$1 vni=$3 port=$4 lines=()
	overlay_remove "$ns" "$vni"
	if [ "$tunnel" = vxlan ]; then set -- "${@:1:4}" nolearning "${@:5}"; fi
	overlay "$1" "$2" "$3" "${@:5}"
	for port in $port $(overlay_devices "$ns" "$vni"); do
		lines+=("link set dev $port type bridge_slave learning off fdb_flush")
	done
	batch "$ns" "${lines[@]}"
}

# Options of the devices: with the tunnel's own checksum, or without.
checksum_options() { # FAMILY yes|no
	case $tunnel-$1-$2 in
	gre-*-yes) echo csum ;;
	gre-*-no) echo nocsum ;;
	mpls-*)
		case $carrier-$1-$2 in
		gre-*-yes) echo csum ;;
		gre-*-no) echo nocsum ;;
		udp-4-yes) echo encap-csum ;;
		udp-4-no) echo noencap-csum ;;
		# Its help calls them encap-csum6.
		udp-6-yes) echo encap-udp6-csum ;;
		udp-6-no) echo noencap-udp6-csum ;;
		esac
		;;
	*-4-yes) echo udpcsum ;;
	*-4-no) echo noudpcsum ;;
	*-6-yes) echo noudp6zerocsumtx ;;
	*-6-no) echo udp6zerocsumtx udp6zerocsumrx ;;
	esac
}

# The devices of a network that overlay made.
overlay_devices() { # NS VNI
	ip -n "$1" -br link show | grep -o -e "^vx$2\>" -e "^tn$2-[0-9]*" || true
}

# They become ports of another bridge, in a VLAN of it. A port that moves is isolated no longer.
overlay_into_vlan() { # NS VNI BRIDGE VLAN
	local device lines=() vlans=()
	for device in $(overlay_devices "$1" "$2"); do
		lines+=("link set $device master $3")
		[ "$tunnel" = vxlan ] || lines+=("link set $device type bridge_slave isolated on")
		vlans+=("vlan add dev $device vid $4 pvid untagged")
	done
	batch "$1" "${lines[@]}"
	printf '%s\n' "${vlans[@]}" | bridge -n "$1" -batch -
}

# Can one device carry all networks, each bridge VLAN mapped to one? Prints why not.
no_vlan_mapping() {
	[ "$tunnel" != vxlan ] && echo "a bridge maps VLANs to networks for VXLAN devices alone"
}

# A host's address in a network.
overlay_address() { # NS VNI N
	add_addresses "$1" "br$2" "10.1.1.$3/24 2001:db8:10::$3/64"
}

# The MAC address that a session has recorded of a host, as JSON has it.
inner_mac() { # NS VNI
	mac_of "$1" "br$2"
}

# Removes what overlay made, for the next round of a matrix.
overlay_remove() { # NS VNI
	local device
	for device in $(overlay_devices "$1" "$2"); do ip -n "$1" link del "$device"; done
}

# --- what the packets look like -------------------------------------------------

# Behind the record stage nothing may carry the mark: nftables counts what the tunnel's driver gets. GRE's header is
# named by its place behind IP, of IPv6 with the destination options that Linux adds: nft 1.0.6 cannot list it otherwise.
watch_behind_record() { # HOST
	local rules=() field hook=input
	modprobe nft_objref 2> /dev/null || true # a part of nf_tables since 6.3
	case $tunnel$carrier in
	vxlan)
		rules=('udp dport 4789 @th,64,8 & 0xf7 != 0 counter name marked'
			'udp dport 4789 @th,64,8 0x08 counter name clean')
		;;
	geneve)
		rules=('udp dport 6081 @th,72,8 & 0x3f != 0 counter name marked'
			'udp dport 6081 @th,72,8 & 0x3f == 0 counter name clean')
		;;
	gre)
		for field in 'ip protocol 47 @nh,168,8' 'ip6 nexthdr 47 @nh,328,8' 'ip6 nexthdr 60 @nh,392,8'; do
			rules+=("$field & 0xf8 != 0 counter name marked" "$field & 0xf8 == 0 counter name clean")
		done
		;;
	mplsgre) # with a key; what is crafted has no options
		for field in 'ip protocol 47 @nh,224,20' 'ip6 nexthdr 47 @nh,384,20' 'ip6 nexthdr 60 @nh,448,20'; do
			rules+=("$field & 0xc000 != 0 counter name marked" "$field & 0xc000 == 0 counter name clean")
		done
		;;
	mplsudp)
		rules=('udp dport 6635 @th,64,20 & 0xc000 != 0 counter name marked'
			'udp dport 6635 @th,64,20 & 0xc000 == 0 counter name clean')
		;;
	mpls) # by its place in the frame, too
		behind_table=netdev hook='ingress device eth0'
		rules=('@ll,96,16 0x8847 @ll,112,20 & 0xc000 != 0 counter name marked'
			'@ll,96,16 0x8847 @ll,112,20 & 0xc000 == 0 counter name clean')
		;;
	esac
	in_ns "$1" nft -f - <<-NFT
		table $behind_table behind {
			counter marked { }
			counter clean { }
			chain input {
				type filter hook $hook priority 2147483647; policy accept;
				$(printf '%s\n' "${rules[@]}")
			}
		}
	NFT
}
behind_table=inet

behind() { # HOST marked|clean
	in_ns "$1" nft -j list counter "$behind_table" behind "$2" | jq '.nftables[] | .counter? | .packets // empty'
}

# From then on our own messages are not counted there: they come marked, and meet the driver where our hooks are away.
ignore_messages() { # HOST
	local field rules=()
	case $tunnel$carrier in
	gre) # without a key and with one
		for field in 'ip protocol 47 @nh,288,16' 'ip protocol 47 @nh,320,16' 'ip6 nexthdr 47 @nh,448,16' \
			'ip6 nexthdr 47 @nh,480,16'; do
			rules+=("insert rule inet behind input $field 0x88b5 accept")
		done
		;;
	mplsgre)
		for field in 'ip protocol 47 @nh,256,32' 'ip6 nexthdr 47 @nh,416,32'; do
			rules+=("insert rule inet behind input $field 0x10007ff8 accept")
		done
		;;
	mplsudp) rules=('insert rule inet behind input udp dport 6635 @th,96,32 0x10007ff8 accept') ;;
	mpls) rules=("insert rule netdev behind input @ll,144,32 0x10007ff8 accept") ;;
	*) rules=("insert rule inet behind input udp dport $tunnel_port @th,224,16 0x88b5 accept") ;;
	esac
	printf '%s\n' "${rules[@]}" | in_ns "$1" nft -f -
}

# Tunnel packets that the driver got and none of its devices has received, on a host that is watched behind the record
# stage. UDP counts what is wrong with a checksum; of GRE's nobody says anything. Both numbers belong together only if no
# packet came between the looks at them.
driver_refused() { # HOST
	local got received again
	[[ $tunnel$carrier == *gre ]] || return 0
	got=$(driver_got "$1")
	for _ in {1..20}; do
		received=$(ip -n "$1" -s -j link |
			jq '[.[] | select(.ifname | startswith("tn")) | .stats64.rx.packets] | add // 0')
		again=$(driver_got "$1")
		[ "$again" -ne "$got" ] || break
		got=$again
	done
	[ "$got" -eq "$received" ] || echo "${1%-*} refused $((got - received))"
}

driver_got() { # HOST
	in_ns "$1" nft -j list counters table inet behind | jq '[.nftables[].counter? | .packets? // 0] | add'
}

# What "worker errors" or driver_refused says of a tunnel packet with a wrong checksum.
checksum_complaint() { # FAMILY
	case $tunnel$carrier-$1 in
	gre-* | mplsgre-*) echo refused ;;
	*-4) echo UdpInCsumErrors ;;
	*-6) echo Udp6InCsumErrors ;;
	esac
}

# May a packet have no checksum, where the devices are told to make one? Whether it comes is for the receiving one to judge.
checksum_optional() { # FAMILY
	[[ $tunnel$carrier != *gre ]] && [ "$1" = 4 ]
}

# Does the driver of an IPv4 underlay drop what has this mark? VXLAN's does with any bits that it does not know. GRE's
# takes all of them but the first for a part of the version. Geneve's does not look.
driver_drops() { # MARK
	case $tunnel in
	vxlan) true ;;
	geneve) false ;;
	gre) [ $(($1 & 0x78)) -ne 0 ] ;;
	mpls) true ;; # nobody has a route for the label
	esac
}

# Tunnel packets of a family, in a tcpdump filter.
tunnel_filter() { # FAMILY
	case $tunnel$carrier-$1 in
	gre-4 | mplsgre-4) echo "ip proto 47" ;;
	gre-6 | mplsgre-6) echo "ip6 proto 60 and ip6[40] = 47" ;;
	mpls-*) echo "ether[12:2] = 0x8847" ;;
	*-4) echo "udp dst port $tunnel_port" ;;
	*-6) echo "ip6 proto 17 and ip6[42:2] = $tunnel_port" ;;
	esac
}

# The place of a byte of the tunnel header, by its offset; tcpdump's udp[] is for IPv4 alone. Of GRE over IPv6 the
# packets of flows: they have destination options of eight bytes, messages of our own have none.
tunnel_byte() { # FAMILY OFFSET [SIZE]
	local size=${3:+:$3}
	case $tunnel$carrier-$1 in
	gre-4) echo "ip[$((20 + $2))$size]" ;;
	gre-6) echo "ip6[$((48 + $2))$size]" ;;
	mplsgre-4) echo "ip[$((28 + $2))$size]" ;; # behind a key
	mplsgre-6) echo "ip6[$((56 + $2))$size]" ;;
	mpls-*) echo "ether[$((14 + $2))$size]" ;;
	*-4) echo "udp[$((8 + $2))$size]" ;;
	*-6) echo "ip6[$((48 + $2))$size]" ;;
	esac
}

# The packets of one network.
network_filter() { # FAMILY VNI
	local id
	id=$(tunnel_byte "$1" 4 4)
	case $tunnel:$keyless:$nvgre in
	gre::*) echo "$(tunnel_filter "$1") and ($(tunnel_byte "$1" 0) & 0x20) != 0 and $id ${nvgre:+>> 8 }= $2" ;;
	gre:*) echo "$(tunnel_filter "$1") and ($(tunnel_byte "$1" 0) & 0x20) = 0" ;;
	mpls:*) echo "$(tunnel_filter "$1") and ($(tunnel_byte "$1" 0 4) >> 12) = $2" ;;
	*) echo "$(tunnel_filter "$1") and $id >> 8 = $2" ;;
	esac
}

# All of a capture of tunnel packets over IPv4, with what capture_settle sends.
any_tunnel_filter() { echo "(udp or ip proto 47 or ether proto 0x8847)"; }

# What a host sends, or gets, at its port of the switch.
outer_from() { # NS FAMILY
	outer_end src "$@"
}
outer_to() { # NS FAMILY
	outer_end dst "$@"
}
outer_end() { # src|dst NS FAMILY
	case $tunnel$carrier in
	mpls) echo "ether $1 $(mac_of "$2" eth0)" ;;
	*) echo "$1 host $(vtep "$2" "$3")" ;;
	esac
}

# How a session's row names an endpoint, as JSON has it: the column, and what is in it.
endpoint_column() {
	case $tunnel$carrier in
	mpls) echo vtep_mac ;;
	*) echo vtep_ip ;;
	esac
}
endpoint_of() { # NS FAMILY
	case $tunnel$carrier in
	mpls) mac_of "$1" eth0 ;;
	*) vtep "$1" "$2" ;;
	esac
}

# Those with certain bits in the field that carries the mark.
flags_filter() { # FAMILY FLAGS
	case $tunnel in
	vxlan) echo "$(tunnel_filter "$1") and $(tunnel_byte "$1" 0) = $2" ;;
	geneve) echo "$(tunnel_filter "$1") and ($(tunnel_byte "$1" 1) & 0x3f) = $2" ;;
	gre) echo "$(tunnel_filter "$1") and ($(tunnel_byte "$1" 1) & 0xf8) = $2" ;;
	# Labels are less than 256 in all scenarios.
	mpls) echo "$(tunnel_filter "$1") and (($(tunnel_byte "$1" 0 4) >> 12) & 0xff00) = $2" ;;
	esac
}

# The tunnel header has eight bytes, GRE's with its key; those of flows have more if OPTIONS give the devices a checksum
# or a sequence number.
tunnel_header() {
	local header=8
	[ "$tunnel" != mpls ] || header=4
	if [ "$tunnel" = gre ]; then
		[ -z "$keyless" ] || header=4
		case " ${OPTIONS:-} " in *" csum "*) header=$((header + 4)) ;; esac
		case " ${OPTIONS:-} " in *" seq "*) header=$((header + 4)) ;; esac
	fi
	echo "$header"
}

# The place of a byte of the inner frame, and of what is behind its untagged Ethernet header, if it has one.
frame_byte() { # FAMILY OFFSET [SIZE]
	tunnel_byte "$1" $(($(tunnel_header) + $2)) ${3:+"$3"}
}
inner_byte() { # FAMILY OFFSET [SIZE]
	frame_byte "$1" $((${ip_inside:+0 - 14} + 14 + $2)) ${3:+"$3"}
}

inner_type_filter() { # FAMILY TYPE
	echo "$(frame_byte "$1" 12 2) = $2"
}

# The same as a rule of nftables, for an IPv4 underlay.
inner_type_rule() { # TYPE
	case $tunnel in
	gre) echo "ip protocol 47 @nh,320,16 $1" ;; # of those with a key
	*) echo "udp dport $tunnel_port @th,224,16 $1" ;;
	esac
}

# Those of flows whose own checksum is there, or is not.
checksum_filter() { # FAMILY yes|no
	local operator='='
	[ "$2" = no ] || operator='!='
	echo "$(tunnel_filter "$1") and not $(probe_filter "$1") and $(checksum_field "$1") $operator 0"
}

checksum_field() { # FAMILY
	case $tunnel$carrier in
	gre) echo "($(tunnel_byte "$1" 0) & 0x80)" ;;
	mplsgre) echo "($(tunnel_byte "$1" -8) & 0x80)" ;;
	mpls) echo "(0 & $(tunnel_byte "$1" 0))" ;; # there is none
	*) tunnel_byte "$1" -2 2 ;; # of UDP's header, in front of it
	esac
}

# A readiness message; in GRE without a key, as long as no traffic has told one, and never with more.
probe_filter() { # FAMILY
	local filter
	filter="$(tunnel_byte "$1" 20 2) = 0x88b5"
	[ "$tunnel" != mpls ] || filter="$(tunnel_byte "$1" 4 4) = 0x10007ff8"
	# Those in GRE have a key, or none; and where that is there, it has messages of its own.
	[ "$tunnel$carrier" != mplsgre ] ||
		filter="($filter or $(tunnel_byte "$1" 0 4) = 0x10007ff8 or $(tunnel_byte "$1" 8 2) = 0x88b5 or $(tunnel_byte "$1" 12 2) = 0x88b5)"
	[ "$tunnel" != gre ] || filter="($filter or $(tunnel_byte "$1" 16 2) = 0x88b5)"
	echo "$filter"
}
