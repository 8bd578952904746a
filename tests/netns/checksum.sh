#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Checksums. Every edit of a tunnel packet (the mark, its removal, the reply's new addresses, identifier and MAC) keeps
# the outer UDP checksum right, whoever was to compute it and whoever verifies it. A naive edit passes over veth, where
# nobody looks, and dies on a wire.
#
#   client --tx,gso--> lbhost [mark] ==tx,gso==> switch ==gro==> rshost [clear] --gro--> rs     upload: large requests
#   client <---------- lbhost        <==gro===== switch <==tx,gso== rshost [edit] <--tx,gso-- rs  download: large replies
#                                       (the whole drawing: nat-topology.sh)
#
# The matrix, in each family of the underlay:
#   who computes the transmit checksum   nobody (all offloaded), the underlay's hosts, client and VM, both
#   segmentation offloads and GRO        on: aggregates are edited; off: single packets
#   the tunnel's own checksum            with (udpcsum), without (noudpcsum, udp6zerocsumtx/rx)
#   which edit                           steering alone, rewrite alone
# and both directions in each, over IPv4 and IPv6 inside, and UDP. Then an "external" device on the server's host. In no
# round may any kernel on the way count a checksum error; that this is seen is shown with an edit that is naive.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/nat-topology.sh"

large=${LARGE:-400000}
log=$work/server.log
hosts=()

# Everything that a kernel of this network counts against a checksum, as lines; empty at best.
errors() {
	local ns
	for ns in "${hosts[@]}"; do
		in_ns "$ns" nstat -asz | awk -v ns="${ns%-*}" \
			'($1 ~ /InCsumErrors$/ || $1 == "TcpInErrs") && $2 > 0 { print ns, $1, $2 }'
	done
}

errors_of() { # NS COUNTER
	in_ns "$1" nstat -asz "$2" | awk -v name="$2" '$1 == name { print $2 }'
}

# Devices where packets of the main job leave, and where they come in.
underlay_ports() { printf '%s eth0\n' "$lbhost" "$rshost" "$gwhost"; }
inner_ports() { printf '%s\n' "$client to-lb" "$lbhost to-client" "$rs eth0" "$rshost tap0"; }

offload() { # WHICH FEATURE VALUE… : a device that has a feature so already says so, and that is well
	local which=$1 ns device
	shift
	while read -r ns device; do in_ns "$ns" ethtool -K "$device" "$@" > /dev/null 2>&1 || true; done <<< "$("$which")"
}

# A state of the switches, and that the devices took it: csum is software or offload; segments is on or off.
set_offloads() { # UNDERLAY-TX INNER-TX SEGMENTS
	offload underlay_ports tx "$1"
	offload inner_ports tx "$2"
	offload underlay_ports tso "$3" gso "$3" gro "$3"
	offload inner_ports tso "$3" gso "$3" gro "$3"
	features "$rshost" eth0 "tx-checksumming: $1" "generic-segmentation-offload: $3" "generic-receive-offload: $3" &&
		features "$rs" eth0 "tx-checksumming: $2" "generic-segmentation-offload: $3"
}

features() { # NS DEVICE LINE…
	local ns=$1 device=$2 state line
	shift 2
	state=$(in_ns "$ns" ethtool -k "$device")
	for line; do grep -q "^$line" <<< "$state" || { echo "$device of $ns is not $line" && return 1; }; done
}

# Large downloads and uploads over both inner families at once, and a datagram of an odd length each.
cat > "$work/traffic" <<'SCRIPT'
large=$1 file=$2 sum=$3
shift 3
download() {
	got=$(curl -g -s -S -f -m 60 "http://$1/bytes/$large" | sha256sum)
	[ "${got%% *}" = "$sum" ] || { echo "download from $1: $got"; touch "$file.bad"; }
}
upload() {
	got=$(curl -g -s -S -f -m 60 -H 'Expect:' -T "$file" "http://$1/upload")
	[ "$got" = "$sum" ] || { echo "upload to $1: $got"; touch "$file.bad"; }
}
datagram() {
	address=${1#[} text=$(printf '%0*d' $((200 + RANDOM % 500 * 2 + 1)) 7)
	exec 3<> "/dev/udp/${address%]}/7"
	for try in 1 2 3; do
		echo "$text" >&3
		read -r -t 2 -u 3 line && break
	done
	[ "${line#* }" = "$text" ] || { echo "datagram to $1: $line"; touch "$file.bad"; }
}
rm -f "$file.bad"
for vip; do
	download "$vip" & upload "$vip" & datagram "$vip" &
done
wait
[ ! -e "$file.bad" ]
SCRIPT

traffic() { # VIP…
	in_ns "$client" bash "$work/traffic" "$large" "$work/pattern-$large" "$large_sum" "$@"
}

# One round of the matrix: the traffic arrives, took the way that is to be shown, and nobody complains.
one_round() { # NAME MODE(steer|rewrite) CHECKSUM(yes|no)
	local before marked recorded edited updated which=steered
	[ "$2" = steer ] || which=rewritten
	before=$(errors)
	read -r marked updated <<< "$(counters "$lbhost" marked checksum_updated)"
	read -r recorded edited <<< "$(counters "$rshost" recorded "$which")"
	check "$1: all arrives whole" traffic "$vip4" "[$vip6]"
	check "$1: no checksum error anywhere" equal "$(errors)" "$before"
	check "$1: marked, recorded, $which" counters_grew "$lbhost" marked "$marked" 40 \
		"$rshost" recorded "$recorded" 6 "$rshost" "$which" "$edited" 20
	if [ "$3" = yes ]; then
		check "$1: checksums were corrected" stat_grew "$lbhost" checksum_updated "$updated" 6
	else
		check "$1: what has no checksum got none" equal "$(stat_of "$lbhost" checksum_updated)" "$updated"
	fi
}

counters() { # NS NAME… : on one line
	local ns=$1
	shift
	ctl_json "$ns" stats show | jq -r '[.[$ARGS.positional[]] | tostring] | join(" ")' --args "$@"
}

counters_grew() { # {NS COUNTER BEFORE BY}…
	while [ $# -gt 0 ]; do
		stat_grew "$1" "$2" "$3" "$4" || { echo "$2" && return 1; }
		shift 4
	done
}

# The tunnel's UDP checksum field on the wire: zero or not, our probes (EtherType 0x88b5) aside.
field_filter() { # FAMILY OPERATOR
	case $1 in
	4) echo "udp dst port 4789 and udp[28:2] != 0x88b5 and udp[6:2] $2 0" ;;
	6) echo "ip6 proto 17 and ip6[42:2] = 4789 and ip6[68:2] != 0x88b5 and ip6[46:2] $2 0" ;;
	esac
}

# An edit that forgets the checksum, from a trusted address: the server's kernel must count it, or this test is blind.
naive_edit_is_seen() { # FAMILY
	local counter=UdpInCsumErrors from to text before malformed recorded
	[ "$1" = 4 ] || counter=Udp6InCsumErrors
	from=$(vtep "$lbhost" "$1") to=$(vtep "$rshost" "$1")
	for text in good naive; do
		before=$(errors_of "$rshost" $counter)
		malformed=$(stat_of "$rshost" malformed_checksum) recorded=$(stat_of "$rshost" recorded)
		in_ns "$lbhost" /usr/bin/python3 "$netns_dir/craft.py" "$from" "$to" "203.0.113.$1:$((4000 + ${#text}))" \
			10.1.1.2:7 --checksum "$text" --text "$text edit $1" --destination-mac "$(mac_of "$rs" eth0)"
		if [ "$text" = good ]; then
			check "a crafted packet with the right checksum is recorded (IPv$1)" \
				wait_until 5 stat_grew "$rshost" recorded "$recorded"
			check "and delivered (IPv$1)" wait_until 5 grep -q "^udp .* good edit $1" "$log"
			check "and nobody complains (IPv$1)" equal "$(errors_of "$rshost" $counter)" "$before"
		else
			check "a naive edit is seen by the module (IPv$1)" \
				wait_until 5 stat_grew "$rshost" malformed_checksum "$malformed"
			check "and by $counter: this test is not blind (IPv$1)" \
				wait_until 5 error_grew $counter "$before"
			check "it makes no session (IPv$1)" equal "$(stat_of "$rshost" recorded)" "$recorded"
			check "and is not delivered (IPv$1)" not grep -q "^udp .* naive edit $1" "$log"
		fi
	done
}

error_grew() { # COUNTER BEFORE
	equal "$(errors_of "$rshost" "$1")" "$(($2 + 1))"
}

# The matrix on the overlay as it stands.
matrix() { # NAME CHECKSUM MODE…
	local name=$1 checksum=$2 tx underlay inner segments mode
	shift 2
	for tx in "on on" "off on" "on off" "off off"; do
		read -r underlay inner <<< "$tx"
		for segments in on off; do
			check "$name: underlay tx $underlay, VM tx $inner, gso/gro $segments" \
				set_offloads "$underlay" "$inner" "$segments"
			for mode; do
				ctl "$rshost" resume all
				case $mode in
				steer) ctl "$rshost" pause rewrite ;;
				rewrite) ctl "$rshost" pause steer ;;
				esac
				one_round "$name, tx $underlay/$inner, gso/gro $segments, $mode" "$mode" "$checksum"
			done
		done
	done
	set_offloads on on on
}

overlay_matrix() { # FAMILY CHECKSUM VXLAN-OPTIONS…
	local family=$1 checksum=$2 wire=$work/wire-$1-$2 unwanted='='
	nat_overlay "$family" "${@:3}"
	nat_configure "$family"
	check "the server's host is ready (IPv$family, ${*:3})" nat_ready "$family"
	capture_start "$switch" p2 "$wire" udp dst port 4789
	matrix "IPv$family, ${*:3}" "$checksum" steer rewrite
	capture_stop "$wire"
	[ "$checksum" = yes ] || unwanted='!='
	check "on the wire each tunnel packet is as ${*:3} says (IPv$family)" \
		equal "$(capture_count "$wire" "$(field_filter "$family" "$unwanted")")" 0
	check "there are tunnel packets (IPv$family)" at_least "$(capture_count "$wire" "$(field_filter "$family" '>=')")" 500
	rm -f "$wire"
}

nat_hosts
hosts=("$client" "$lbhost" "$rshost" "$gwhost" "$rs" "$switch")
start_server "$rs" "$log"
large_sum=$(pattern_sum "$large")
load_module
kernel_complaints() { dmesg | grep -c 'hw csum failure' || true; }
complaints=$(kernel_complaints)

for family in ${FAMILIES:-4 6}; do
	case $family in
	4) with=udpcsum without=noudpcsum ;;
	6) with=noudp6zerocsumtx without="udp6zerocsumtx udp6zerocsumrx" ;;
	esac
	overlay_matrix "$family" yes "$with"
	naive_edit_is_seen "$family"
	# shellcheck disable=SC2086 # several options
	overlay_matrix "$family" no $without
done

check "no kernel said \"hw csum failure\"" equal "$(kernel_complaints)" "$complaints"
finish
