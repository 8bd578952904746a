#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# MPLS in GRE and in UDP: a label is the network, an address of IP the endpoint. The server's host pops the label; its
# routing tables send the replies, with another label, to gwhost: they are steered at FORWARD, or what leaves for gwhost
# is corrected at LOCAL_OUT, label, key and addresses. A label-switched path back may have a label of its own.
#
#   client --- lbhost .1 [IPVS, first mark] === IP | GRE, key 100, or UDP 6635 | label 100, marked 0x08064 ==> rshost .2 --- rs
#      |                              [pop] <== IP | GRE, key 100, or UDP 6635 | label 100, or 170 ==========+   |
#      +--- gwhost .3 <=============================================== label 150, where the tables would send it +
#
# (the rest of the drawing: nat-topology.sh, routed-overlay.sh; TUNNEL is mplsgre or mplsudp, its devices have OPTIONS)
TUNNEL=${TUNNEL:-mplsgre}
. "$(dirname "$0")/lib.sh"
. "$netns_dir/nat-topology.sh"

large=${LARGE:-1000000}
log=$work/server.log
services=("$vip4 10.1.1.2 200.1.1.2" "$vip6 2001:db8:10::2 2001:db8:c1::2")

# Where replies would go has a label that is not the requests'.
elsewhere() { # FAMILY
	replies_by "$rs" "$gwhost"
	ip -n "$rshost" route replace 200.1.1.0/24 encap mpls 150 via inet 10.1.2.3 dev tn100-3 onlink
	ip -n "$rshost" route replace 2001:db8:c1::/64 encap mpls 150 via inet6 2001:db8:12::3 dev tn100-3 onlink
	ip -n "$gwhost" -f mpls route replace 150 dev lo
}

row_is() { # PROTOCOL NUMBER SERVER PORT CLIENT VTEP : an address, no MAC
	local actual
	session_row_is "${@:1:5}" "- $6 100" || return 1
	actual=$(ctl_json "$rshost" -s session list --src "$5" --sport "$(last_port "$1" "$5" "$3")" --proto "$1" |
		jq -r '.[] | "\(.tunnel) \(.vtep_ip) \(.vtep_mac) \(.mac) \(.vni)"')
	equal "$actual" "mpls $6 null null 100"
}

label_filter() { # FAMILY LABEL
	echo "$(tunnel_filter "$1") and ($(tunnel_byte "$1" 0 4) >> 12) = $2"
}

# Those of flows: the readiness messages of all types of tunnel have another nibble there.
flow_filter() { # FAMILY
	local nibble
	nibble="($(tunnel_byte "$1" 4) & 0xf0)"
	echo "$(tunnel_filter "$1") and ($nibble = 0x40 or $nibble = 0x60)"
}

one_round() { # FAMILY steering|rewrite REPLY-LABEL
	local family=$1 mode=$2 reply=$3 service vip server seen before wire=$work/wire-$1-$2-$3
	ctl "$rshost" resume all
	case $mode in
	steering) ctl "$rshost" pause rewrite ;;
	rewrite) ctl "$rshost" pause steer ;;
	esac
	before=$(stat_of "$rshost" "${counter[$mode]}")
	in_ns "$rshost" nft reset counters > /dev/null
	capture_start "$switch" p2 "$wire" "$(tunnel_filter "$family")"
	for service in "${services[@]}"; do
		read -r vip server seen <<< "$service"
		service_works "$vip over IPv$family, $mode, label $reply" "$vip" "$server" "$seen" "$large" \
			"$(vtep "$lbhost" "$family")"
		case $vip in
		*:*) cell "$matrix_row" "$family" 6 "${TX:-on}" ;;
		*) cell "$matrix_row" "$family" 4 "${TX:-on}" ;;
		esac
	done
	capture_stop "$wire"
	check "by $mode" stat_grew "$rshost" "${counter[$mode]}" "$before" 20
	check "requests have label 100 and the mark, 0x08064" at_least \
		"$(capture_count "$wire" "$(label_filter "$family" $((100 | 0x8000))) and $(outer_from "$lbhost" "$family")")" 20
	check "replies have label $reply, and go to the balancer's host" at_least "$(capture_count "$wire" \
		"$(label_filter "$family" "$reply") and $(outer_from "$rshost" "$family") and $(outer_to "$lbhost" "$family")")" 20
	check "none leaves the server's host otherwise" equal "$(capture_count "$wire" "$(outer_from "$rshost" "$family") and
		not ($(label_filter "$family" "$reply") and $(outer_to "$lbhost" "$family")) and $(flow_filter "$family")")" 0
	check "nothing is marked behind the record stage" equal "$(behind "$rshost" marked)" 0
	check "and the packets are there" at_least "$(behind "$rshost" clean)" 20
}
declare -A counter=([steering]=steered [rewrite]=rewritten)

# A path back with a label of its own, and what is refused.
return_labels() { # FAMILY
	local problem
	ip -n "$lbhost" -f mpls route replace 170 dev lo
	ctl "$rshost" tunnel set mpls --return-label 100=170,300=301
	check "return labels are listed" equal "$(ctl_json "$rshost" tunnel list |
		jq -c '.[] | select(.type == "mpls") | .return_label')" '["100=170","300=301"]'
	for problem in "100=0x8064:has bits of a mark" "100=170,100=171:two return labels" "100=15:label" "100:FORWARD=RETURN"; do
		check "refused: --return-label ${problem%%:*}" refused "${problem#*:}" --return-label "${problem%%:*}"
	done
	one_round "$1" steering 170
	one_round "$1" rewrite 170
	ctl "$rshost" tunnel set mpls --return-label none
	check "and none any more" equal "$(ctl_json "$rshost" tunnel list |
		jq -c '.[] | select(.type == "mpls") | .return_label')" '[]'
}

refused() { # WORDS OPTIONS…
	local words=$1 said
	shift
	if said=$(ctl "$rshost" tunnel set mpls "$@" 2>&1); then echo "it was not: $said" && return 1; fi
	grep -F -- "$words" <<< "$said"
}

nat_hosts
start_server "$rs" "$log"
watch_behind_record "$rshost"
if [ "${TX:-on}" = off ]; then
	for host in "$lbhost" "$rshost" "$gwhost"; do in_ns "$host" ethtool -K eth0 tx off > /dev/null; done
fi
for family in ${FAMILIES:-4 6}; do
	# shellcheck disable=SC2086 # several options
	nat_overlay "$family" ${OPTIONS:-}
	elsewhere "$family"
	wait_until 10 http_get "$lbhost" 10.1.1.2 1
	wait_until 10 http_get "$lbhost" 2001:db8:10::2 1
	no_answers "without the module (IPv$family)"

	load_module
	ctl "$lbhost" mark add "$first_mark"
	pair_hosts "$lbhost" "$(vtep "$lbhost" "$family")" "$rshost" "$(vtep "$rshost" "$family")"
	check "the server's host becomes ready, over IPv$family" nat_ready "$family"
	one_round "$family" steering 100
	one_round "$family" rewrite 100
	return_labels "$family"
	ctl "$rshost" resume all
	ctl "$rshost" peer del "$(vtep "$lbhost" "$family")"
	no_answers "after peer del (IPv$family)"
	unload_module
done
finish
