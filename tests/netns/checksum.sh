#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Checksums. Every edit of a tunnel packet (the mark, its removal, the reply's new addresses, identifier and MAC) keeps
# the tunnel's own checksum right, UDP's or GRE's, whoever was to compute it and whoever verifies it. A naive edit passes
# over veth, where nobody looks, and dies on a wire.
#
#   client --tx,gso--> lbhost [mark] ==tx,gso==> switch ==gro==> rshost [clear] --gro--> rs     upload: large requests
#   client <---------- lbhost        <==gro===== switch <==tx,gso== rshost [edit] <--tx,gso-- rs  download: large replies
#                                       (the whole drawing: nat-topology.sh)
#
# The matrix, in each family of the underlay:
#   who computes the transmit checksum   nobody (all offloaded), the underlay's hosts, client and VM, both
#   segmentation offloads and GRO        on: aggregates are edited; off: single packets
#   the tunnel's own checksum            with (udpcsum), without (noudpcsum, udp6zerocsumtx/rx); GRE: csum, nocsum
#   which edit                           steering alone, rewrite alone
# and both directions in each, over IPv4 and IPv6 inside, and UDP. Mark and removal meet every combination of the first
# three; steering and rewrite have half of them each, chosen so that both meet every combination of any two with the
# tunnel's own checksum (the other half is the other family's). Then an "external" device on the server's host. With
# MATRIX=pairs, for the other tunnels, any two of all these states meet in a round. MPLS over Ethernet has no checksum of its own,
# and is steered only. In no round may any kernel on the way count a checksum error; that this is seen is shown with an edit that
# is naive.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/nat-topology.sh"

size=${SIZE:-150000}
log=$work/server.log
hosts=()

# Devices where packets of the main job leave, and where they come in.
offload() { # WHICH(underlay|inner) SWITCH=VALUE…
	local where ports=("$lbhost eth0" "$rshost eth0" "$gwhost eth0")
	[ "$1" = underlay ] || ports=("$client to-lb" "$lbhost to-client" "$rs eth0" "$rshost tap0")
	shift
	# shellcheck disable=SC2086 # two words
	for where in "${ports[@]}"; do worker offload $where "$@"; done
}

# Transmit checksums first: without them a device has no segmentation offload, and says so. Generic segmentation is on in
# any case where tso is, and stays in the kernel's hands.
set_offloads() { # UNDERLAY-TX INNER-TX SEGMENTS
	offload underlay "tx=$1" "gso=$3" "gro=$3"
	offload inner "tx=$2" "gso=$3" "gro=$3"
	[ "$1" = off ] || offload underlay "tso=$3"
	[ "$2" = off ] || offload inner "tso=$3"
}

# One round of the matrix: the traffic arrives, took the way that is to be shown, and nobody complains. The counters of
# both hosts are in $lb and $rsh, as JSON, from round to round.
one_round() { # NAME MODE(steer|rewrite) UPDATES(yes|no|-)
	local lb_before=$lb rsh_before=$rsh before which=steered
	[ "$2" = steer ] || which=rewritten
	# Ports are chosen by chance: one that was used before would find its session, and make none.
	ctl "$rshost" session flush > /dev/null
	before=$(worker errors "${hosts[@]}")
	check "$1: all arrives whole" worker exchange "$client" "$size" "$vip4" "$vip6"
	check "$1: no checksum error anywhere" equal "$(worker errors "${hosts[@]}")" "$before"
	note_counters
	check "$1: marked" at_least "$(grown "$lb_before" "$lb" marked)" 20
	check "$1: recorded" at_least "$(grown "$rsh_before" "$rsh" recorded)" 6
	check "$1: $which" at_least "$(grown "$rsh_before" "$rsh" "$which")" 10
	# What the third rule of csum.c edits, and what the first two leave as it is.
	case $3 in
	yes) check "$1: the field was corrected with the mark" at_least "$(grown "$lb_before" "$lb" checksum_updated)" 6 ;;
	no) check "$1: no field was corrected" equal "$(grown "$lb_before" "$lb" checksum_updated)" 0 ;;
	esac
}

note_counters() {
	lb=$(ctl_json "$lbhost" stats show) rsh=$(ctl_json "$rshost" stats show)
}

grown() { # BEFORE AFTER COUNTER
	local expression='"'$3'": *([0-9]+)' before
	[[ $1 =~ $expression ]] && before=${BASH_REMATCH[1]}
	[[ $2 =~ $expression ]] && echo $((BASH_REMATCH[1] - before))
}

# An edit that forgets the checksum, from a trusted address: the server's kernel must count it, or this test is blind.
naive_edit_is_seen() { # FAMILY
	local complaint kind before name number=0
	complaint=$(checksum_complaint "$1")
	for kind in good none naive; do
		name="$kind checksum, IPv$1"
		number=$((number + 1)) # a flow of its own
		note_counters
		before=$(complaints)
		worker send "$lbhost" "$(vtep "$lbhost" "$1")" "$(vtep "$rshost" "$1")" 203.0.113.$((10 * $1 + number)) 4000 \
			10.1.1.2 7 dmac="$(mac_of "$rs" eth0)" text="crafted-$kind-$1" checksum="$kind"
		if [ "$kind" = good ] || { [ "$kind" = none ] && checksum_optional "$1"; }; then
			check "a crafted packet is recorded ($name)" wait_until 5 stat_grew "$rshost" recorded "$(value_of "$rsh" recorded)"
			check "and delivered ($name)" wait_until 5 grep -q "^udp .* crafted-$kind-$1" "$log"
			check "and nobody complains ($name)" equal "$(complaints)" "$before"
		elif [ "$kind" = naive ]; then
			check "a crafted packet is seen by the module ($name)" \
				wait_until 5 stat_grew "$rshost" malformed_checksum "$(value_of "$rsh" malformed_checksum)"
			check "and by the kernel ($complaint): this test is not blind ($name)" \
				wait_until 5 complaint_of "$complaint" "$before"
			check "it makes no session ($name)" equal "$(stat_of "$rshost" recorded)" "$(value_of "$rsh" recorded)"
			check "and is not delivered ($name)" not grep -q "^udp .* crafted-$kind-$1" "$log"
		fi
	done
}

# All that the server's host has to complain of.
complaints() {
	worker errors "$rshost"
	driver_refused "$rshost"
}

value_of() { # COUNTERS NAME
	jq -r --arg name "$2" '.[$name]' <<< "$1"
}

complaint_of() { # COUNTER BEFORE
	local now
	now=$(complaints)
	[ "$now" != "$2" ] && grep -q " $1 " <<< "$now"
}

# Of all that a round can be made of: are an even number in their second state?
even() { # WORD…
	local word sum=0
	for word; do
		case $word in 6 | on | yes | steer) sum=$((sum + 1)) ;; esac
	done
	[ $((sum % 2)) -eq 0 ]
}

# Is it this round's turn? Half of all; or two in each overlay, eight in all, in which any two states of any two of the
# six meet twice: three of the six are free, each other one follows from two or three of those.
its_turn() { # NAME CHECKSUM UNDERLAY-TX INNER-TX SEGMENTS MODE
	if [[ $1 == *external ]]; then
		# There both transmit checksums are alike: one of them counts.
		even "$family" "$3" "$5" "$6"
	elif [ "${MATRIX:-}" = pairs ]; then
		even "$family" "$3" "$4" && even "$2" "$3" "$5" && even "$family" "$2" "$3" "$6"
	else
		even "$family" "$2" "$3" "$4" "$5" "$6"
	fi
}

# The matrix on the overlay as it stands.
matrix() { # NAME CHECKSUM(yes|no) MODE…
	local name=$1 checksum=$2 tx underlay inner segments mode updates what row=$matrix_row
	shift 2
	[[ $name != *external ]] || row+=-external
	for mode; do
		ctl "$rshost" resume all
		case $mode in
		steer) ctl "$rshost" pause rewrite ;;
		rewrite) ctl "$rshost" pause steer ;;
		esac
		note_counters
		for tx in "${tx_states[@]}"; do
			read -r underlay inner <<< "$tx"
			for segments in on off; do
				its_turn "$name" "$checksum" "$underlay" "$inner" "$segments" "$mode" || continue
				# Above a complete inner checksum the outer one is offloaded, and not there yet: to the underlay's
				# device, or to the kernel just before it. What GRO has joined has no complete one any more.
				updates=$checksum
				case $checksum$inner$segments in
				yesoffoff) updates=no ;;
				yesoffon) updates=- ;;
				esac
				# What is in labels is complete when it comes to a tunnel's device: that computes none for labels.
				[ "$tunnel" != mpls ] || updates=no
				what="$name, tx $underlay/$inner, gso and gro $segments, $mode"
				check "$what" set_offloads "$underlay" "$inner" "$segments"
				one_round "$what" "$mode" "$updates"
				cell "$row" "$family" 4 "$underlay"
				cell "$row" "$family" 6 "$underlay"
			done
		done
	done
	set_offloads on on on
}

overlay_matrix() { # FAMILY CHECKSUM
	local family=$1 checksum=$2 wire=$work/wire-$1-$2 other=yes options host before=()
	options=$(checksum_options "$family" "$checksum")
	# shellcheck disable=SC2086 # several options
	nat_overlay "$family" $options
	nat_configure "$family"
	check "the server's host is ready (IPv$family, $options)" nat_ready "$family"
	for host in "${tunnel_hosts[@]}"; do before+=("$(driver_refused "$host")"); done
	capture_start "$switch" p2 "$wire" "($(tunnel_filter "$family")) or udp dst port 2"
	# shellcheck disable=SC2086 # several modes
	matrix "IPv$family, $options" "$checksum" $modes
	# From the host that sent the last packet, so that all is in the file.
	capture_settle "$wire" "$rshost" "$(vtep "$lbhost" "$family")"
	capture_stop "$wire"
	for host in "${tunnel_hosts[@]}"; do
		check "the tunnel's driver has taken all that came to ${host%-*} (IPv$family, $options)" \
			wait_until 5 refused_only "$host" "${before[0]}"
		before=("${before[@]:1}")
	done
	[ "$checksum" = no ] || other=no
	check "on the wire each tunnel packet is as $options says (IPv$family)" \
		equal "$(capture_count "$wire" "$(checksum_filter "$family" "$other")")" 0
	check "there are tunnel packets (IPv$family)" \
		at_least "$(capture_count "$wire" "$(checksum_filter "$family" "$checksum")")" 500
	rm -f "$wire"
}

refused_only() { # HOST BEFORE
	equal "$(driver_refused "$1")" "$2"
}

# The server's host with an "external" device. On a VLAN-aware bridge, which maps VLANs to networks, the network of a
# reply is not known at the bridge: LOCAL_OUT rewrites it. Then as a switch of its own would have it, the device outside
# of the bridge: what it gets goes to the VM's port by tc, and br100 has a device for network 100 on another port, so
# that the network is known there and replies are put into the external device.
external_matrix() { # FAMILY CHECKSUM-OPTION
	local family=$1 mac
	nat_overlay "$family" "$2"
	overlay_remove "$rshost" 100
	overlay_external "$rshost" "$family" 10:100
	ip -n "$rshost" link set tap0 master bre
	in_ns "$rshost" bridge vlan add dev tap0 vid 10 pvid untagged
	check "the server's host is ready (IPv$family, external)" nat_ready "$family"
	matrix "IPv$family, external" yes rewrite

	ip -n "$rshost" link set vxe nomaster
	ip -n "$rshost" link del bre
	ip -n "$rshost" link add vx100 type vxlan id 100 local "$(vtep "$rshost" "$family")" dstport 4788
	overlay_bridge "$rshost" 100
	ip -n "$rshost" link set tap0 master br100
	in_ns "$rshost" tc qdisc add dev vxe handle ffff: ingress
	in_ns "$rshost" tc filter add dev vxe ingress matchall action mirred egress redirect dev tap0
	# What the VM asks for addresses would leave by the other port.
	mac=$(mac_of "$gwhost" br100)
	ip -n "$rs" neigh replace 10.1.1.1 lladdr "$mac" dev eth0
	ip -n "$rs" neigh replace 2001:db8:10::1 lladdr "$mac" dev eth0
	mac=$(mac_of "$rs" eth0)
	ip -n "$lbhost" neigh replace 10.1.1.2 lladdr "$mac" dev br100
	ip -n "$lbhost" neigh replace 2001:db8:10::2 lladdr "$mac" dev br100
	matrix "IPv$family, external" yes steer
	ip -n "$rshost" link del vxe
}

nat_hosts
require cls_matchall act_mirred sch_ingress
tunnel_hosts=("$lbhost" "$rshost" "$gwhost")
hosts=("$client" "${tunnel_hosts[@]}" "$rs" "$switch")
for host in "${tunnel_hosts[@]}"; do watch_behind_record "$host"; done
start_server "$rs" "$log"
worker_start
load_module
kernel_complaints() { dmesg | grep -c 'hw csum failure' || true; }
complaints=$(kernel_complaints)

# In a shared round these have one state of the transmit checksums.
[ -z "$ip_inside" ] || [ -z "${TURN:-}" ] || QUICK=yes
modes="steer rewrite"
[ "$tunnel$carrier" != mpls ] || modes=steer

for family in ${FAMILIES:-4 6}; do
	tx_states=("on on" "off on" "on off" "off off")
	[ -z "${QUICK:-}" ] || tx_states=("off on")
	# A station of a link is one peer: by IPv4, if that is one as well.
	[ "$tunnel$carrier" != mpls ] || for host in "$lbhost" "$rshost"; do ctl "$host" peer flush; done
	if [ "$tunnel$carrier" != mpls ]; then
		overlay_matrix "$family" yes
		naive_edit_is_seen "$family"
	fi
	overlay_matrix "$family" no
	# Of the others a bridge has no external device: it could not say where to send.
	[ "$tunnel" = vxlan ] || continue
	[ -n "${QUICK:-}" ] || tx_states=("on on" "off off")
	external_matrix "$family" "$(checksum_options "$family" yes)"
done

check "no SYN-ACK came twice that was sent once" worker twice "$client" "$rs"
check "no kernel said \"hw csum failure\"" equal "$(kernel_complaints)" "$complaints"
finish
