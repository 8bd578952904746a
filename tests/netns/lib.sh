# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# What the scenarios share, in the manner of the kernel's selftests. A scenario sources this file, builds its network,
# calls check for each thing that it shows, and ends with finish. It runs as root inside a lab machine (tests/lab/run).
#
#   setup_ns A B …           network namespaces with random names, kept in the variables $A $B …, removed at the end
#   check NAME COMMAND…      one result: ok if the command succeeds; what it printed is shown if not
#   wait_until S COMMAND…    polls; never sleep for what can be asked
#   underlay_host, overlay, attach_vm, …   the networks; each says at its head what it makes
#   start_server, tcp, udp_echo, …         traffic
#   capture_start, capture_count           what was on the wire
#   stat_of NS NAME          one counter of the module
#   load_module, unload_module

set -eu -o pipefail
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
netns_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$netns_dir/../.." && pwd)
IPVS_TUNCTL=${IPVS_TUNCTL:-$top/build/bin/ipvs-tunctl}
module_file=$top/build/kmod/$(uname -r)/ipvs_tun.ko
work=$(mktemp -d)

# --- results -----------------------------------------------------------------

results=0 failures=0 skipped=0 finished=''

report() { # WORD NAME
	results=$((results + 1))
	echo "$1 $results - $2"
}

# The command's output is evidence only where it failed.
check() { # NAME COMMAND…
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then
		report ok "$name"
	else
		failures=$((failures + 1))
		report "not ok" "$name"
		echo "# command: $*"
		[ -z "$output" ] || head -c 4000 <<< "$output" | sed 's/^/# /'
		[ -z "${CHECK_STOPS:-}" ] || exit 1
	fi
}

skip() { # NAME REASON
	skipped=$((skipped + 1))
	report ok "$1 # SKIP $2"
}

note() { echo "# $*"; }

# What was shown since the last time, if nothing failed in it: a cell of docs/matrix.md, which is made of these lines.
cells_failed=0
cell() { # TUNNEL-AS-ITS-ROW-IS-NAMED UNDERLAY(4|6) INNER(4|6) CHECKSUM-OFFLOAD(on|off)
	[ "$failures" -ne "$cells_failed" ] || note "cell: $*"
	cells_failed=$failures
}

# The same for docs/topologies.md. Of the scenario's tunnel as its matrix row is named, or "none".
topologies_failed=0
topology() { # TOPOLOGY-AS-ITS-ROW-IS-NAMED TUNNEL UNDERLAY(4|6) INNER(4|6)…
	local inner
	for inner in "${@:4}"; do
		[ "$failures" -ne "$topologies_failed" ] || note "topology: $1 $2 $3 $inner"
	done
	topologies_failed=$failures
}

# For check: the opposite of a command's status.
not() { ! "$@"; }

# For check: compares, and says both.
equal() { # ACTUAL EXPECTED
	[ "$1" = "$2" ] || { echo "is '$1', expected '$2'" && return 1; }
}

at_least() { # ACTUAL MINIMUM
	[ "$1" -ge "$2" ] || { echo "is $1, expected at least $2" && return 1; }
}

at_most() { # ACTUAL MAXIMUM
	[ "$1" -le "$2" ] || { echo "is $1, expected at most $2" && return 1; }
}

# A program that prints results of its own, "ok NAME" or "not ok NAME" a line, and must end well. (Without /dev/fd,
# which is not in every lab.)
relay() { # NAME COMMAND…
	local name=$1 line
	shift
	mkfifo "$work/relay"
	{ "$@" 2>&1 || echo "not ok $name: it failed"; } > "$work/relay" &
	while IFS= read -r line; do
		case $line in
		"ok "*) report ok "${line#ok }" ;;
		"not ok "*) report "not ok" "${line#not ok }" && failures=$((failures + 1)) ;;
		*) echo "# ${line#\# }" ;;
		esac
	done < "$work/relay"
	rm "$work/relay"
	wait $!
}

finish() {
	finished=yes
	echo "1..$results"
	if [ "$failures" -gt 0 ]; then exit 1; fi
	exit 0
}

# --- clean-up ----------------------------------------------------------------

namespaces=()
background=()

clean_up() {
	local rc=$? ns pid
	trap - ERR
	set +e
	if [ -z "$finished" ]; then
		report "not ok" "the scenario ran to its end (status $rc)"
		echo "1..$results"
		rc=1
	fi
	for pid in "${background[@]}"; do kill "$pid" 2> /dev/null; done
	for ns in "${namespaces[@]}"; do
		ip netns pids "$ns" 2> /dev/null | xargs -r kill -KILL 2> /dev/null
		ip netns del "$ns" 2> /dev/null
	done
	rm -rf "$work"
	exit "$rc"
}
trap clean_up EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
# Within command substitutions too, whose output is not ours.
exec 7>&1
trap 'echo "# failed: $BASH_COMMAND (line $LINENO of ${BASH_SOURCE[0]##*/}, called from line ${BASH_LINENO[0]})" >&7' ERR
set -E

now_ms() { local t=$EPOCHREALTIME && t=${t/[.,]/} && echo $((t / 1000)); }

wait_until() { # SECONDS COMMAND… : on a kernel that is SLOW times slower, so much longer
	local end=$(($(now_ms) + $1 * 1000 * ${SLOW:-1}))
	shift
	until "$@" > /dev/null 2>&1; do
		[ "$(now_ms)" -lt "$end" ] || { echo "not within the time: $*" && return 1; }
		sleep 0.1
	done
}

# --- the module and the tool -------------------------------------------------

dependencies=()
load_module() {
	[ ${#dependencies[@]} -gt 0 ] || {
		IFS=, read -r -a dependencies <<< "$(modinfo -F depends "$module_file")"
		modprobe -a "${dependencies[@]}"
	}
	insmod "$module_file"
}

unload_module() { rmmod ipvs_tun; }

ctl() { # NS ARGUMENTS… : the tool on that host
	local ns=$1
	shift
	timeout $((20 * ${SLOW:-1})) "$IPVS_TUNCTL" -n "$ns" "$@"
}

ctl_json() { # NS ARGUMENTS…
	local ns=$1
	shift
	timeout $((20 * ${SLOW:-1})) "$IPVS_TUNCTL" -j -n "$ns" "$@"
}

stat_of() { # NS COUNTER
	local all expression='"'$2'": *([0-9]+)'
	all=$(ctl_json "$1" stats show)
	[[ $all =~ $expression ]] || { echo "no counter $2" >&2 && return 1; }
	echo "${BASH_REMATCH[1]}"
}

# A counter that did, or did not, move since it was noted.
stat_grew() { # NS COUNTER BEFORE [BY]
	at_least "$(stat_of "$1" "$2")" "$(($3 + ${4:-1}))"
}

# Where labels are carried by another tunnel the address is an endpoint in that, too, and ready there before any label goes.
peer_ready() { # NS ADDRESS
	ctl "$1" peer check "$2" || return 1
	[ -z "$carrier" ] || ctl_json "$1" peer list | jq -e --arg address "$2" \
		'[.[].endpoints[]? | select(.tunnel == "mpls" and .address == $address and .state == "ready")] | length == 1'
}

# A balancer's and a real server's host that trust each other. Only the balancer's side needs the mark.
pair_hosts() { # LBHOST LBADDRESS RSHOST RSADDRESS
	ctl "$1" peer replace "$4" --send --accept
	ctl "$3" peer replace "$2" --send --accept
}

# --- namespaces --------------------------------------------------------------

require() { # MODULE… : nothing is loaded on demand in every lab
	local module
	for module in "$@"; do modprobe "$module"; done
}

setup_ns() { # VARIABLE…
	local variable ns new=()
	for variable in "$@"; do
		printf -v ns '%s-%04x%04x' "$variable" "$RANDOM" "$RANDOM"
		namespaces+=("$ns")
		new+=("$ns")
		printf -v "$variable" %s "$ns"
	done
	inherited_settings
	printf 'netns add %s\n' "${new[@]}" | ip -batch -
	for ns in "${new[@]}"; do ip -n "$ns" link set lo up; done
}

# New namespaces begin with the machine's own. Addresses must work at once, and replies come by another way than the
# requests left.
inherited_settings() {
	local file
	[ -e /proc/sys/net/ipv6 ] || modprobe ipv6
	echo 1 > /proc/sys/net/core/devconf_inherit_init_net
	for file in ipv4/conf/{all,default}/rp_filter ipv6/conf/{all,default}/accept_{dad,ra} \
		ipv6/conf/default/router_solicitations; do
		echo 0 > "/proc/sys/net/$file"
	done
}

in_ns() { ip netns exec "$@"; }

# Several commands of ip in one process: in an emulated machine, processes are what takes the time.
batch() { # NS COMMAND…
	printf '%s\n' "${@:2}" | ip -n "$1" -batch -
}

forwarding() { # NS
	in_ns "$1" sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward && echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'
}

mac_of() { # NS DEVICE
	local line
	line=$(ip -n "$1" -br link show dev "$2")
	# The name, its state, the address.
	read -r _ _ line _ <<< "$line"
	echo "$line"
}

# One cable: two devices, each with its addresses.
#   link A eth0 "192.0.2.1/24 2001:db8::1/64" B eth0 "192.0.2.2/24"
link() { # NS1 DEVICE1 ADDRESSES1 NS2 DEVICE2 ADDRESSES2
	local lines=()
	address_lines "$2" "$3"
	batch "$1" "link add $2 type veth peer name $5 netns $4" "${lines[@]}" "link set $2 up"
	lines=()
	address_lines "$5" "$6"
	batch "$4" "${lines[@]}" "link set $5 up"
}

add_addresses() { # NS DEVICE ADDRESSES
	local lines=()
	address_lines "$2" "$3"
	batch "$1" "${lines[@]}"
}

address_lines() { # DEVICE ADDRESSES : adds the commands to the caller's $lines
	local address
	for address in $2; do
		case $address in
		*:*) lines+=("addr add $address dev $1 nodad") ;;
		*) lines+=("addr add $address dev $1") ;;
		esac
	done
}

# --- the underlay: one switch, hosts with 172.18.10.N and 2001:db8:18::N --------

underlay_mtu=1600 # full inner frames and their tunnel header must pass
underlay_hosts=()
declare -A host_index=()

underlay_switch() { # makes $switch
	setup_ns switch
	batch "$switch" "link add sw0 mtu $underlay_mtu type bridge" "link set sw0 up"
}

underlay_host() { # NS INDEX
	local lines=()
	host_index[$1]=$2
	underlay_hosts+=("$1")
	batch "$switch" "link add p$2 mtu $underlay_mtu type veth peer name eth0 mtu $underlay_mtu netns $1" \
		"link set p$2 master sw0 up"
	address_lines eth0 "172.18.10.$2/24 2001:db8:18::$2/64"
	batch "$1" "${lines[@]}" "link set eth0 up"
}

vtep() { # NS FAMILY : its tunnel endpoint
	vtep_of "${host_index[$1]}" "$2"
}

vtep_of() { # INDEX FAMILY
	case $2 in
	4) echo "172.18.10.$1" ;;
	6) echo "2001:db8:18::$1" ;;
	esac
}

# --- the overlay: tunnel.sh, by the type of the tunnel -------------------------

. "$netns_dir/tunnel.sh"

# A VM: a namespace whose eth0 is a port of the host's bridge.
attach_vm() { # VM HOST BRIDGE PORT ADDRESSES
	local lines=()
	batch "$2" "link add $4 type veth peer name eth0 netns $1" "link set $4 master $3" "link set $4 up"
	address_lines eth0 "$5"
	batch "$1" "${lines[@]}" "link set eth0 up"
}

# A host of the clients' network, where they share a switch with several balancers: the bridge fr0 of $front.
attach_front() { # NS PORT ADDRESSES
	ip link add "$2" netns "$front" type veth peer name front netns "$1"
	ip -n "$front" link set "$2" master fr0 up
	add_addresses "$1" front "$3"
	ip -n "$1" link set front up
}

# --- the balancer ------------------------------------------------------------

service() { # NS PROTOCOL(t|u) VIP:PORT REALSERVER:PORT…
	local ns=$1 protocol=$2 vip=$3 real
	shift 3
	{
		echo "-A -$protocol $vip -s rr"
		for real in "$@"; do echo "-a -$protocol $vip -r $real -m"; done
	} | in_ns "$ns" ipvsadm -R
}

first_mark=0x48594c42

# Everything from a client to one of the addresses carries the first mark.
mark_to() { # NS ADDRESS…
	local ns=$1 address
	shift
	{
		printf '%s\n' 'table inet first_mark {' 'chain prerouting {' 'type filter hook prerouting priority mangle;'
		for address in "$@"; do
			case $address in
			*:*) echo "ip6 daddr $address meta mark set $first_mark counter" ;;
			*) echo "ip daddr $address meta mark set $first_mark counter" ;;
			esac
		done
		printf '%s\n' '}' '}'
	} | in_ns "$ns" nft -f -
}

# --- traffic -----------------------------------------------------------------

# Our server (server.py): HTTP on port 80, UDP echo on port 7, all addresses, each request one line of its log:
# PROTOCOL CLIENT PORT SERVER WHAT
start_server() { # NS LOG
	ip netns exec "$1" /usr/bin/python3 "$netns_dir/server.py" "$2" > "$2.errors" 2>&1 &
	background+=($!)
	wait_until 30 grep -q ready "$2"
}

# A process that stays, for scenarios with many short steps; its commands are at the head of worker.py.
worker_start() {
	mkfifo "$work/ask" "$work/answer"
	PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$netns_dir/worker.py" < "$work/ask" > "$work/answer" 2> "$work/worker.errors" &
	background+=($!)
	exec 8> "$work/ask" 9< "$work/answer"
}

worker() { # COMMAND WORD…
	local line
	echo "${*@Q}" >&8
	while read -r line <&9; do
		case $line in
		". "*) return "${line#. }" ;;
		*) echo "$line" ;;
		esac
	done
	echo "the worker has died" && cat "$work/worker.errors" && return 1
}

url() { # ADDRESS PATH
	case $1 in
	*:*) echo "http://[$1]$2" ;;
	*) echo "http://$1$2" ;;
	esac
}

# One small request; prints the client's address as the server saw it.
http_get() { # NS ADDRESS [SECONDS]
	in_ns "$1" curl -g -s -S -f -m $((${3:-10} * ${SLOW:-1})) "$(url "$2" /)"
}

# A large answer arrives as it left. The server repeats a pattern; both ends know its checksum.
http_download() { # NS ADDRESS BYTES
	local got
	got=$(in_ns "$1" curl -g -s -S -f -m $((60 * ${SLOW:-1})) "$(url "$2" "/bytes/$3")" | sha256sum)
	equal "${got%% *}" "$(pattern_sum "$3")"
}

http_upload() { # NS ADDRESS BYTES
	local got
	pattern_sum "$3" > /dev/null
	got=$(in_ns "$1" curl -g -s -S -f -m $((60 * ${SLOW:-1})) -H 'Expect:' -T "$work/pattern-$3" "$(url "$2" /upload)")
	equal "$got" "$(pattern_sum "$3")"
}

# The same pattern as server.py's, kept in $work/pattern-BYTES; prints its checksum.
pattern_sum() { # BYTES
	[ -e "$work/pattern-$1.sum" ] || {
		/usr/bin/python3 -c 'import sys
block = bytes((i * 7 + i // 251) & 255 for i in range(65536))
left = int(sys.argv[1])
while left > 0:
    sys.stdout.buffer.write(block[:min(left, 65536)])
    left -= 65536' "$1" > "$work/pattern-$1"
		sha256sum < "$work/pattern-$1" | cut -d' ' -f1 > "$work/pattern-$1.sum"
	}
	cat "$work/pattern-$1.sum"
}

# One datagram there and back; prints what came back: the client's address as the server saw it, and the text. Asks
# again after a third of the time, for a busy machine may be slow and a datagram may be lost.
udp_echo() { # NS ADDRESS TEXT [SECONDS]
	# dd takes a datagram whole; "read" would take its first byte.
	# shellcheck disable=SC2016 # expanded by the inner shell
	in_ns "$1" bash -c 'exec 3<> "/dev/udp/$1/7"
		for try in 1 2 3; do
			echo "$2" >&3
			line=$(timeout "$3" dd bs=65536 count=1 <&3 2> /dev/null)
			[ -z "$line" ] || { echo "$line" && exit 0; }
		done
		exit 1' - "$2" "$3" "$(((${4:-18} + 2) / 3))"
}

# --- captures ----------------------------------------------------------------

# A capture is FILE; it is running when capture_start returns, and complete when capture_stop does.
declare -A capture_pid=()
capture_start() { # NS DEVICE FILE [FILTER…]
	local ns=$1 device=$2 file=$3
	shift 3
	# Not by in_ns: the process in the background must be tcpdump itself, to be stopped by its number.
	ip netns exec "$ns" tcpdump -i "$device" -U -n -s 256 -B 8192 -Z root -w "$file" "$@" 2> "$file.log" &
	capture_pid[$file]=$!
	background+=($!)
	wait_until 20 grep -q 'listening on' "$file.log"
}

# Whoever ends tcpdump at once loses what lies in the kernel's ring: it gets that after a second at most. Not all that came
# counts as captured, though: what came before the filter was there does not (nor does one of two on lo).
capture_stop() { # FILE
	local pid=${capture_pid[$1]} came='' captured
	came=$(capture_told "$1" "received by filter") || true
	for _ in {1..15}; do
		captured=$(capture_told "$1" captured) || break
		[ "$captured" -lt "${came:-0}" ] || break
		sleep 0.1
	done
	kill -TERM "$pid" 2> /dev/null || true
	wait "$pid" 2> /dev/null || true
	unset "capture_pid[$1]"
	grep -q '^0 packets dropped by kernel' "$1.log" || note "capture: $(grep dropped "$1.log" || true)"
}

# What tcpdump says of itself when asked: packets captured (they are in the file), received by filter, dropped.
capture_told() { # FILE WHAT
	local lines
	lines=$(wc -l < "$1.log")
	kill -USR1 "${capture_pid[$1]}" 2> /dev/null || return 1
	wait_until 5 capture_has_told "$1" "$lines" > /dev/null || return 1
	tail -n 1 "$1.log" | grep -o "[0-9]* packets\? $2" | cut -d' ' -f1
}

capture_has_told() { [ "$(wc -l < "$1.log")" -gt "$2" ]; }

capture_count() { # FILE [FILTER…]
	local file=$1
	shift
	# An inner packet has a line of its own, without a time.
	tcpdump -n -tt -r "$file" "$@" 2> /dev/null | grep -c '^[0-9]' || true
}

# What was sent before is in the file when this returns: a datagram from NS to ADDRESS, port 2, which the capture must
# see, and its filter must let pass, has come behind it.
capture_settle() { # FILE NS ADDRESS
	local before
	before=$(capture_count "$1" udp dst port 2)
	# shellcheck disable=SC2016 # expanded by the inner shell
	in_ns "$2" bash -c 'echo settled > "/dev/udp/$1/2"' - "$3"
	wait_until 10 capture_grew "$1" "$before" udp dst port 2
}

capture_grew() { # FILE BEFORE [FILTER…]
	[ "$(capture_count "$1" "${@:3}")" -gt "$2" ]
}

# Where tunnels carry IP packets, their overlay stands in for the one of tunnel.sh, and its VMs for those above.
if [ -n "$ip_inside" ]; then . "$netns_dir/routed-overlay.sh"; fi
