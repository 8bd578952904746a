#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The main job where hosts have Open vSwitch (the kernel's data path) in place of a Linux bridge. No hook of a bridge
# sees the frames there: requests are marked and recorded, and replies corrected, on the outer packets of its tunnel
# device.
#
# The tunnel is TUNNEL's: VXLAN, Geneve or GRE.
#
#   client --> lbhost [IPVS, first mark] br100 ==VXLAN==> rshost [record, unmark] vxlan_sys_4789 - br100 - tap0 --> rs
#   client <-- lbhost <================================== rshost [rewrite] vxlan_sys_4789 <- br100 <- tap0 <------- rs
#      ^                                                                                     |
#      +---- gwhost (Linux bridge) <======= the way of rs's default route, without us =======+
#                                                                             (the whole drawing: nat-topology.sh)
#
#            the balancer's host                      the server's host
#   server   Linux bridge, vx100                      Open vSwitch
#   both     Open vSwitch: br100 is its internal      Open vSwitch
#            port; the first mark has to survive
#
# A host's br100 has a tunnel port for each of the two others, all carried by its one external device.
# In NORMAL mode Open vSwitch floods from one tunnel port to the next: they are "protected" ports, which do not speak to
# each other, as the remotes of one Linux VXLAN port do not.
#
# In each setting, over each family of the underlay: without the module; with it TCP small and large in both directions
# and UDP, over IPv4 and IPv6 inside, and a tagged service; the first packet of a flow, which passes through the daemon
# instead of the kernel's flow table, flooded; after "peer del".
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/nat-topology.sh"

size=${SIZE:-500000}
log=$work/server.log
services=("$vip4 10.1.1.2 200.1.1.2" "$vip6 2001:db8:10::2 2001:db8:c1::2")
# The external device, and Open vSwitch's module for such ports.
case $tunnel in
vxlan) system_device=vxlan_sys_4789 vport=vport_vxlan checksums=true ;;
geneve) system_device=genev_sys_6081 vport=vport_geneve checksums=true ;;
# Linux's external GRE device sends a checksum if it is told to, and refuses to receive one (ip_tunnel_rcv()).
gre) system_device=gre_sys vport=vport_gre checksums=false ;;
esac

# --- Open vSwitch ------------------------------------------------------------

# A program of Open vSwitch's on a host: each host has a daemon and a data base of its own, all that they keep is in one
# directory. Daemons must not hold the scenario's output open.
ovs() { # HOST PROGRAM ARGUMENT…
	local state=$work/ovs-$1
	ip netns exec "$1" env OVS_RUNDIR="$state" OVS_LOGDIR="$state" OVS_DBDIR="$state" OVS_SYSCONFDIR="$state" \
		timeout $((30 * ${SLOW:-1})) "${@:2}" 7>&-
}

ovs_start() { # HOST
	local state=$work/ovs-$1 daemon=(-vconsole:warn -vsyslog:off --detach --pidfile --log-file)
	mkdir "$state"
	ovs "$1" ovsdb-tool create "$state/conf.db" /usr/share/openvswitch/vswitch.ovsschema
	ovs "$1" ovsdb-server "${daemon[@]}" --remote="punix:$state/db.sock" "$state/conf.db"
	ovs "$1" ovs-vswitchd "${daemon[@]}" "unix:$state/db.sock"
}

# Makes br100 with a tunnel port for each other host, or takes the ports to the other family of the underlay. More ports
# may follow.
ovs_switch() { # HOST FAMILY CHECKSUM(true|false) [PORT…]
	local host=$1 family=$2 checksum=$3 other port mac words
	shift 3
	printf -v mac '02:b0:%02d:00:00:64' "${host_index[$host]}"
	words=(--may-exist add-br br100 -- set bridge br100 "other-config:hwaddr=\"$mac\"")
	for other in "${underlay_hosts[@]}"; do
		[ "$other" != "$host" ] || continue
		port=vx${host_index[$other]}
		words+=(-- --may-exist add-port br100 "$port" -- set port "$port" protected=true
			-- set interface "$port" "type=$tunnel" options:key=100 "options:csum=$checksum"
			"options:local_ip=\"$(vtep "$host" "$family")\"" "options:remote_ip=\"$(vtep "$other" "$family")\"")
	done
	for port in "$@"; do words+=(-- --may-exist add-port br100 "$port"); done
	ovs "$host" ovs-vsctl "${words[@]}"
	ip -n "$host" link set br100 up
}

# What the kernel's data path has looked up in its flow table: found there (hit), or given to the daemon (missed).
lookups() { # HOST hit|missed
	local shown expression=$2':([0-9]+)'
	shown=$(ovs "$1" ovs-appctl dpctl/show)
	[[ $shown =~ $expression ]] && echo "${BASH_REMATCH[1]}"
}

# Nothing is learned, no flow is in the kernel's table.
ovs_forget() { # HOST
	ovs "$1" ovs-appctl fdb/flush br100 > /dev/null
	ovs "$1" ovs-appctl revalidator/purge
}

is_external() { # HOST
	ip -n "$1" -d -j link show "$system_device" | jq -e '.[0].linkinfo.info_data.external'
}

# --- the overlay -------------------------------------------------------------

# Open vSwitch sends no UDP checksum unless told to, over IPv6 neither.
linux_switch() { # HOST FAMILY
	local options=udp6zerocsumrx
	[ "$tunnel" != gre ] || options=
	[ ! -e "$work/$1-br100" ] || overlay_remove "$1" 100
	# shellcheck disable=SC2086 # none, or one
	overlay "$1" "$2" 100 $options
}

# The tunnel's own devices of a host with a Linux bridge.
linux_ports() { # HOST
	ip -n "$1" -br link show master br100 | grep -o '^\(vx\|tn\)[0-9-]*'
}

tunnels() { # SETTING FAMILY
	linux_switch "$gwhost" "$2"
	case $1 in
	server)
		linux_switch "$lbhost" "$2"
		ovs_switch "$rshost" "$2" false tap0
		;;
	both)
		ovs_switch "$lbhost" "$2" "$checksums"
		ovs_switch "$rshost" "$2" "$checksums" tap0
		;;
	esac
	wait_until 10 http_get "$lbhost" 10.1.1.2 1
	wait_until 10 http_get "$lbhost" 2001:db8:10::2 1
}

# The balancer's host loses its Linux bridge. From here on the tunnels have checksums, and the underlay's devices do not
# compute them, so that the kernel looks at each that was edited.
balancer_gets_ovs() { # FAMILY
	overlay_remove "$lbhost" 100
	ip -n "$lbhost" link del br100
	ovs_start "$lbhost"
	ovs_switch "$lbhost" "$1" "$checksums"
	nat_vlan "$lbhost" 254
	worker offload "$lbhost" eth0 tx=off
	worker offload "$rshost" eth0 tx=off
	watch_first_mark
}

# Does the first mark, set in PREROUTING, come with the outer packet? Counts what has the client as its inner source:
# after UDP 8, VXLAN 8 and Ethernet 14, at 12 in IPv4 and at 8 in IPv6; GRE's, with a key, is eight bytes
# behind the 20 of IPv4. (Where a reply comes by another way, the client
# refuses it, towards the server's own address: that is no request, and has no mark.)
watch_first_mark() {
	local ip4 ip6
	case $tunnel in
	vxlan | geneve)
		ip4="udp dport $tunnel_port @th,336,32 0xc8010102" ip6="udp dport $tunnel_port @th,304,48 0x20010db800c1"
		;;
	gre)
		ip4="ip protocol 47 @nh,432,32 0xc8010102" ip6="ip protocol 47 @nh,400,48 0x20010db800c1"
		;;
	esac
	in_ns "$lbhost" nft -f - <<-NFT
		table inet outer {
			counter carried { }
			counter lost { }
			chain output {
				type filter hook output priority 0;
				$ip4 jump look
				$ip6 jump look
			}
			chain look {
				meta mark $first_mark counter name carried return
				counter name lost
			}
		}
	NFT
}

outer() { # carried|lost
	in_ns "$lbhost" nft -j list counter inet outer "$1" | jq '.nftables[] | .counter? | .packets // empty'
}

# --- what is shown -----------------------------------------------------------

request_round() { # SETTING FAMILY
	local service vip server seen text what
	for service in "${services[@]}"; do
		read -r vip server seen <<< "$service"
		what="$vip over IPv$2, $1"
		check "TCP to $vip: the server sees $seen ($what)" equal "$(http_get "$client" "$vip" 2>&1 || true)" "$seen"
		check "its row in the session table" row_is tcp 6 "$server" 80 "$seen" "$2"
		text="$1-$2-$RANDOM"
		check "UDP echo ($what)" equal "$(udp_echo "$client" "$vip" "$text" 2>&1 || true)" "$seen $text"
		check "its row in the session table" row_is udp 17 "$server" 7 "$seen" "$2"
		check "the server's log has the client's address and the text" grep -Eq "^udp $seen [0-9]+ $server $text" "$log"
	done
	check "downloads and uploads arrive whole (over IPv$2, $1)" worker exchange "$client" "$size" "$vip4" "$vip6"
	# At both, the underlay's devices compute no checksum.
	for seen in 4 6; do cell "$tunnel-ovs" "$2" "$seen" "$([ "$1" = both ] && echo off || echo on)"; done
	topology openvswitch "$tunnel-ovs" "$2" 4 6
	check "tagged: the server sees 200.1.1.2 (over IPv$2, $1)" \
		equal "$(http_get "$client" "$vip4_vlan" 2>&1 || true)" 200.1.1.2
	check "its row in the session table" row_is tcp 6 10.1.7.2 80 200.1.1.2 "$2"
}

# Neither switch knows a flow or a MAC: a packet goes up to the daemon, which sends it, from process context, to all
# other hosts. The request is marked, the reply goes to the balancer's host, once.
first_packet() { # SETTING FAMILY WIRE
	local what="over IPv$2, $1" text="first-$1-$2-$RANDOM" missed before replies port
	# The server's gateway is silent meanwhile, or its switch would learn where it is. The server knows, and does not ask.
	for port in $(linux_ports "$gwhost"); do ip -n "$gwhost" link set "$port" down; done
	ip -n "$rs" neigh replace 10.1.1.1 lladdr "$(mac_of "$gwhost" br100)" dev eth0 nud reachable
	missed=$(lookups "$rshost" missed) before=$(stat_of "$rshost" flood_suppressed)
	[ "$1" = server ] || ovs_forget "$lbhost"
	ovs_forget "$rshost"
	check "the first packet of a flow: UDP echo ($what)" \
		equal "$(udp_echo "$client" "$vip4" "$text" 2>&1 || true)" "200.1.1.2 $text"
	check "its packets went through the daemon ($what)" at_least "$(lookups "$rshost" missed)" $((missed + 2))
	check "its reply was flooded, and the copy consumed ($what)" stat_grew "$rshost" flood_suppressed "$before"
	for port in $(linux_ports "$gwhost"); do ip -n "$gwhost" link set "$port" up; done
	capture_settle "$3" "$rshost" "$(vtep "$lbhost" "$2")"
	capture_stop "$3"
	# An inner UDP datagram from port 7, of this reply's length.
	replies="$(inner_field "$2" 9 1) = 17 and $(inner_field "$2" 20 2) = 7"
	replies+=" and $(inner_field "$2" 24 2) = $((8 + ${#text} + 11)) and src host $(vtep "$rshost" "$2")"
	check "the balancer's host got each reply once ($what)" equal \
		"$(capture_count "$3" "$replies and dst host $(vtep "$lbhost" "$2")")" "$(logged "^udp .* $text")"
	check "nobody else got one ($what)" equal "$(capture_count "$3" "$replies and not dst host $(vtep "$lbhost" "$2")")" 0
}

# Bytes of the inner IPv4 packet, behind eight bytes of tunnel header and Ethernet's 14.
inner_field() { # FAMILY OFFSET SIZE
	tunnel_byte "$1" $((8 + 14 + $2)) "$3"
}

counter() { # JSON NAME : of the module's counters
	local expression='"'$2'": *([0-9]+)'
	[[ $1 =~ $expression ]] && echo "${BASH_REMATCH[1]}"
}

# The server's port, a port of Open vSwitch: replies get the balancer's MAC address there; or go past the switch.
server_port() { # WHAT
	local before
	ctl "$rshost" port add tap0 --vni 100
	before=$(stat_of "$rshost" steer_ordinary)
	check "a port gives replies to the switch aimed at the balancer: all arrive ($1)" \
		worker exchange "$client" "$size" "$vip4" "$vip6"
	check "they were aimed ($1)" stat_grew "$rshost" steer_ordinary "$before" 20
	check "none was steered ($1)" equal "$(stat_of "$rshost" steered)" 0
	ctl "$rshost" port replace tap0 --vni 100 --direct
	before=$(stat_of "$rshost" direct)
	check "a direct port: downloads and uploads arrive whole ($1)" worker exchange "$client" "$size" "$vip4" "$vip6"
	check "most replies went past the switch ($1)" stat_grew "$rshost" direct "$before" 20
	check "the tagged service is the switch's still ($1)" \
		equal "$(http_get "$client" "$vip4_vlan" 2>&1 || true)" 200.1.1.2
	check "no checksum is wrong ($1)" equal "$(worker errors "$lbhost" "$rshost")" "$errors"
	ctl "$rshost" port flush
}

# The balancer's port is the switch's internal one here, and no rule marks anything.
balancer_port() { # WHAT
	local before
	ctl "$lbhost" mark flush
	check "without a mark rule nobody is answered ($1)" not http_get "$client" "$vip4" 1
	ctl "$lbhost" port add br100 --balancer --own "10.1.0.0/16,2001:db8:10::/48,$vip4,$vip6"
	before=$(stat_of "$lbhost" marked)
	check "the balancer's port classifies: a request is answered ($1)" \
		equal "$(http_get "$client" "$vip4" 2>&1 || true)" 200.1.1.2
	check "over IPv6 inside too ($1)" equal "$(http_get "$client" "$vip6" 2>&1 || true)" 2001:db8:c1::2
	check "its packets were marked ($1)" stat_grew "$lbhost" marked "$before" 8
	before=$(stat_of "$lbhost" marked)
	check "its own request is answered ($1)" equal "$(http_get "$lbhost" 10.1.1.2)" 10.1.1.254
	check "and not marked ($1)" equal "$(stat_of "$lbhost" marked)" "$before"
	ctl "$lbhost" port flush
	ctl "$lbhost" mark add "$first_mark"
}

one_setting() { # SETTING FAMILY
	local what="over IPv$2, $1" wire=$work/wire-$1-$2 host marked errors hits lb rsh
	tunnels "$1" "$2"
	nobody_is_answered "without the module ($what)"
	if [ "$1" = both ]; then
		# Through the internal port and the tunnel's, without anybody's help.
		check "the first mark is on the outer packets ($what)" at_least "$(outer carried)" 4
	fi

	load_module
	nat_configure "$2"
	check "the server's host becomes ready ($what)" nat_ready "$2"
	for host in "$lbhost" "$rshost"; do in_ns "$host" nft reset counters > /dev/null; done
	errors=$(worker errors "$lbhost" "$rshost") hits=$(lookups "$rshost" hit)
	capture_start "$switch" p2 "$wire" "$(tunnel_filter "$2") or udp dst port 2"
	request_round "$1" "$2"
	first_packet "$1" "$2" "$wire"

	# The module was loaded for this setting: its counters began at 0.
	lb=$(ctl_json "$lbhost" stats show) rsh=$(ctl_json "$rshost" stats show)
	check "the balancer's host marked ($what)" at_least "$(counter "$lb" marked)" 50
	check "the server's host recorded each flow ($what)" at_least "$(counter "$rsh" recorded)" 12
	check "replies were rewritten ($what)" at_least "$(counter "$rsh" rewritten)" 50
	check "none was steered ($what)" equal "$(counter "$rsh" steered)" 0
	check "the kernel's data path carried them ($what)" at_least "$(lookups "$rshost" hit)" $((hits + 50))
	check "no checksum is wrong ($what)" equal "$(worker errors "$lbhost" "$rshost")" "$errors"
	marked="$(flags_filter "$2" "$second_mark") and not $(probe_filter "$2")"
	check "$second_mark is on the wire ($what)" at_least "$(capture_count "$wire" "$marked")" 50
	check "the server's host sends nothing marked, but for probes ($what)" \
		equal "$(capture_count "$wire" "$marked and src host $(vtep "$rshost" "$2")")" 0
	check "nothing is marked behind the record stage ($what)" equal "$(behind "$rshost" marked)" 0
	check "and the packets are there ($what)" at_least "$(behind "$rshost" clean)" 50
	if [ "$1" = both ]; then
		[ "$checksums" = false ] ||
			check "checksums were corrected with the replies ($what)" at_least "$(counter "$rsh" checksum_updated)" 20
		check "no outer packet of a request is without the first mark ($what)" equal "$(outer lost)" 0
	fi

	server_port "$what"
	[ "$1" = server ] || balancer_port "$what"
	ctl "$rshost" peer del "$(vtep "$lbhost" "$2")"
	nobody_is_answered "after peer del ($what)"
	unload_module
}

CHECK_STOPS=yes check "Open vSwitch is installed" type -P ovsdb-tool ovsdb-server ovs-vswitchd ovs-vsctl ovs-appctl
require openvswitch "$vport"
read -r -a families <<< "${FAMILIES:-4 6}"
nat_hosts
link "$rshost" tap0 "" "$rs" eth0 "$rs_addresses"
nat_server
for host in "$lbhost" "$gwhost"; do linux_switch "$host" "${families[0]}"; done
nat_vlan "$lbhost" 254
nat_vlan "$gwhost" 1
ovs_start "$rshost"
start_server "$rs" "$log"
watch_behind_record "$rshost"
worker_start

for family in "${families[@]}"; do one_setting server "$family"; done
check "the server's host has one tunnel device, which is external" is_external "$rshost"
balancer_gets_ovs "${families[0]}"
for family in "${families[@]}"; do one_setting both "$family"; done
check "the balancer's host has one too" is_external "$lbhost"
finish
