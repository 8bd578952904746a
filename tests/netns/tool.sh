#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The tool's contract: every object and command in text and JSON, the options, the exit statuses and error sentences,
# who may do what, and the events.
#
#   ipvs-tunctl -n a --> a [ipvs_tun]  eth0 .1 ----- 192.0.2.0/24 ----- .2 eth0  b [ipvs_tun, or crafted packets]
#                           vx100, VXLAN 100 on port 4789                  vx100
#
# b is the other host for readiness (peer check, peer ready and silent), and sends marked packets for session events.
. "$(dirname "$0")/lib.sh"

SLOW=${SLOW:-1}
require vxlan veth
setup_ns a b
link "$a" eth0 "192.0.2.1/24 2001:db8:2::1/64" "$b" eth0 "192.0.2.2/24 2001:db8:2::2/64"
ip -n "$a" link add vx100 type vxlan id 100 local 192.0.2.1 dstport 4789
ip -n "$b" link add vx100 type vxlan id 100 local 192.0.2.2 dstport 4789
ip -n "$a" link set vx100 up
ip -n "$b" link set vx100 up
# Another user must be able to start it, wherever the checkout is.
chmod 755 "$work"
install -m 755 "$IPVS_TUNCTL" "$work/ipvs-tunctl"
IPVS_TUNCTL=$work/ipvs-tunctl
version=$(cat "$top/VERSION")

# --- what is said about one run ----------------------------------------------

run_tool() { # ARGUMENTS… : $status, and $work/out and $work/err
	status=0
	"${as[@]}" timeout "$((30 * SLOW))" "$IPVS_TUNCTL" "$@" > "$work/out" 2> "$work/err" || status=$?
}
as=()	# a command that runs the tool

show_run() {
	echo "status $status"
	head -n 5 "$work/out" "$work/err"
	return 1
}

# It does it and says nothing.
does() { # ARGUMENTS…
	run_tool "$@"
	{ [ "$status" -eq 0 ] && [ ! -s "$work/out" ] && [ ! -s "$work/err" ]; } || show_run
}

# It succeeds, with exactly this text.
prints() { # TEXT ARGUMENTS…
	local text=$1
	shift
	run_tool "$@"
	{ [ "$status" -eq 0 ] && [ ! -s "$work/err" ] && equal "$(< "$work/out")" "$text"; } || show_run
}

# It succeeds, with one JSON value that fulfils a condition.
shows() { # CONDITION ARGUMENTS…
	local condition=$1
	shift
	run_tool -j "$@"
	{ [ "$status" -eq 0 ] && [ ! -s "$work/err" ] &&
		jq -e -s "length == 1 and (.[0] | $condition)" "$work/out" > /dev/null; } || show_run
}

# A failure: nothing on stdout, one line on stderr, which is "Error: SENTENCE." (SENTENCE a pattern).
fails() { # STATUS SENTENCE ARGUMENTS…
	local expected=$1 sentence=$2
	shift 2
	run_tool "$@"
	# shellcheck disable=SC2053 # a pattern
	# One line: what stands before the first line feed is all.
	{ [ "$status" -eq "$expected" ] && [ ! -s "$work/out" ] &&
		[[ $(< "$work/err") == "Error: "$sentence. && $(< "$work/err") != *$'\n'* ]]; } || show_run
}
misuse() { fails 1 "$@"; }
refused() { fails 2 "$@"; }

# --- help and version: no module is needed ------------------------------------

objects=(status mark tunnel peer port zone session path timeout limit stats monitor pause resume)
commands=("status show" "mark add" "mark del" "mark list" "mark flush" "tunnel set" "tunnel list" "peer add"
	"peer replace" "peer del" "peer list" "peer check" "peer flush" "port add" "port replace" "port del" "port list"
	"port flush" "zone add" "zone del" "zone list" "session list"
	"session count" "session add" "session del" "session flush" "path list" "path kill" "timeout list" "timeout set"
	"limit list" "limit set" "stats show" "stats reset")

helps() { # WORDS…
	run_tool "$@" --help
	{ [ "$status" -eq 0 ] && [ ! -s "$work/err" ] && grep -q "^Usage: ipvs-tunctl${*:+ $*}" "$work/out"; } || show_run
}

every_help() {
	local words
	for words in "" "${objects[@]}" "${commands[@]}"; do
		# shellcheck disable=SC2086 # an object and its command
		helps $words || return 1
		cat "$work/out" >> "$work/helps"
	done
}
# The manual page writes --vni as ".Fl -vni".
in_the_manual() {
	local word missing=''
	while read -r word; do
		grep -q -E "(Fl|,) -${word#--}( |\$)" "$top/docs/ipvs-tunctl.8" || missing+=" $word"
	done < <(grep -o -E '^ +(-., ?)?--[a-z-]+' "$work/helps" | grep -o -E '[-]-[a-z-]+' | sort -u)
	for word in "${commands[@]}"; do
		grep -q -E "Ic ${word% *} (Op Ic )?${word#* }( |\$)" "$top/docs/ipvs-tunctl.8" || missing+=" $word"
	done
	equal "$missing" ""
}
all_objects() {
	local object
	run_tool -h
	for object in "${objects[@]}"; do grep -q "^ *$object " "$work/out" || { echo "no $object" && return 1; }; done
}

check "help goes to stdout" helps
check "and has every object" all_objects
check "so has every object's and command's own help" every_help
check "all of it is in the manual page" in_the_manual
check "-V prints the version" prints "ipvs-tunctl $version" -V
check "--version too" prints "ipvs-tunctl $version" --version

# --- without the module ---------------------------------------------------------

check "without the module, a sentence and the remedy" refused \
	'The ipvs_tun kernel module is not loaded; load it with "modprobe ipvs_tun"' -n "$a" status
check "so says a write" refused 'The ipvs_tun kernel module is not loaded; *' -n "$a" mark flush
check "and monitor" refused 'The ipvs_tun kernel module is not loaded; *' -n "$a" monitor
check "misuse is said first" misuse '*missing*' -n "$a" mark add
load_module

# --- misuse -----------------------------------------------------------------------

check "no object" misuse 'An object is missing; the objects are status, mark, *'
check "an object that does not exist" misuse 'There is no object "marks"; *' marks list
check "no command" misuse '"mark" needs a command: add, del, list, flush' mark
check "a command that does not exist" misuse '"mark" has no command "show"; *' mark show
check "an option that does not exist" misuse '*no option --colour*' mark list --colour
check "a global option behind the object" misuse '*stands before the object' mark list -j
check "one argument too many" misuse '"x" is one argument too many *' mark list x
check "an option without its value" misuse '*--prio needs a value' mark add 1 --prio
check "an option twice" misuse 'Option --prio is given more than once' mark add 1 --prio 1 --prio 2
check "an option of nobody before the object" misuse '"ipvs-tunctl" has no option -x; *' -x status
helps_all_the_same() {
	run_tool session list --src bogus --help
	{ [ "$status" -eq 0 ] && [ ! -s "$work/err" ] && grep -q "^Usage: ipvs-tunctl session list " "$work/out"; } || show_run
}
check "help is given, whatever else is wrong" helps_all_the_same
check "no such namespace" misuse 'There is no network namespace "nowhere"; *' -n nowhere status
check "nor one without a name: never the caller's own" misuse '"" is no name of a network namespace' -n '' status
check "a mark that is no number" misuse '"12x" is no firewall mark*' mark add 12x
check "a mark beyond its mask" misuse '0x10/0xf never matches*' mark add 0x10/0xf
check "a VNI out of range" misuse '16777216 is out of range for a VNI*' mark add 1 --vni 16777216
check "a tunnel type that does not exist" misuse '"vlan" is no tunnel type; the types are vxlan, gre, mpls, geneve' \
	mark add 1 --tunnel vlan
check "a second mark that is none" misuse '*marks nothing*' tunnel set vxlan --second-mark 0x08
check "nothing to set" misuse 'Nothing to set: *' tunnel set vxlan
check "nvgre is on or off" misuse 'Nvgre is on or off, not "1"' tunnel set gre --nvgre 1
check "a peer without a right: what each means" misuse '*--send *--accept *--none *' peer add 192.0.2.2
check "rights that exclude each other" misuse '*--none excludes*' peer add 192.0.2.2 --none --send
check "--send with a wrong value" misuse '*--send=sometimes*' peer add 192.0.2.2 --send=sometimes
check "--dev without --accept" misuse '*--dev*needs --accept' peer add 192.0.2.2 --send --dev eth0
check "a prefix with bits beyond its length" misuse '*192.0.2.0/24 is the prefix' peer add 192.0.2.2/24 --accept
check "an address that is none" misuse '"192.0.2" is no IPv4 or IPv6 address' peer check 192.0.2
check "a port without a name: what to give" misuse "The port's name is missing: DEV, *, or --group N, *" port add --direct
check "so is one to delete" misuse "The port's name is missing: *" port del
check "a port of two names" misuse 'DEV and --group exclude each other: "tap\*" *' port add 'tap*' --group 7
check "a name that no device can have" misuse '"0123456789abcdef" is no name of a network device' port add 0123456789abcdef
check "none at all" misuse '"" is no name of a network device' port add ''
check "a pattern of none" misuse '"\[a b\]" is no pattern of names of network devices' port add '[a b]'
check "one that is too long" misuse '*is too long: it can have 31 characters' port add 'tap-of-a-server-with-a-long-name*'
check "a group that is no number" misuse '"vms" is no group*' port add --group vms
check "one network is behind a port" misuse '"100,200" is no VNI*' port add tap0 --vni 100,200
check "--own without --balancer" misuse '--own * needs --balancer' port add tap0 --own 192.0.2.1
check "--own with bits beyond its length" misuse '*192.0.2.0/24 is the prefix' port add tap0 --balancer --own 192.0.2.1/24
check "more of them than there may be" misuse '65 prefixes are too many: 64 can be named' \
	port add tap0 --balancer --own "$(seq -s, -f 192.0.2.%.0f 65)"
check "del takes a name alone" misuse '*no option --direct*' port del tap0 --direct
check "a zone without VNIs" misuse '*--vni*missing*' zone add tenant
check "TCP without ports" misuse '*--sport and --dport*' session del --src 192.0.2.9 --dst 192.0.2.8 --proto tcp
check "two families" misuse '*not of one family' session del --src 192.0.2.9 --dst 2001:db8::1 --proto 99
check "a MAC that is none" misuse '"02:00" is no MAC address*' session list --mac 02:00
check "a state that does not exist" misuse '*the states are tcp-syn, tcp-established, *' session list --state open
check "a timeout that does not exist" misuse '*"tcp" is no session state*' timeout set tcp 5
check "a timeout of nothing" misuse '*out of range*' timeout set udp 0
check "a limit that does not exist" misuse 'There is no limit "flows"; *' limit set flows 5
check "accounting is on or off" misuse 'Accounting is on or off, not "yes"' limit set accounting yes
check "a step that does not exist" misuse '"everything" is no step; *' pause everything
check "events that do not exist" misuse 'There are no "flow" events; *' monitor flow

# --- objects: what is done, how it reads, its JSON ---------------------------------

check "a fresh namespace: status" shows "
	.tool_version == \"$version\" and .module_version == \"$version\" and .generation == 0 and .sessions == 0
	and .ports == 0 and .port_devices == 0 and .hooks == [] and .paused == [] and .warnings == []" -n "$a" status
check "status show is the default" shows '.generation == 0' -n "$a" status show
for object in mark peer port zone session path; do
	check "$object list is an empty array" shows '. == []' -n "$a" "$object" list
done

check "mark add" does -n "$a" mark add 0x48594c42
check "with all options" does -n "$a" mark add 0x4000/0x4000 --tunnel vxlan --vni 100,200 --dst 10.1.0.0/16 --prio 5 --name web
check "and an earlier one" does -n "$a" mark add 7 --prio 1
check "mark list: in the order of matching, each with its fields" shows '
	[.[] | .value] == ["0x48594c42", "0x7", "0x4000"] and (.[2] ==
	{value: "0x4000", mask: "0x4000", tunnel: ["vxlan"], vni: [100, 200], dst: "10.1.0.0/16", prio: 5, name: "web"})
	and .[0].name == null and .[0].dst == null' -n "$a" mark list
check "with -s, counters" shows 'all(.packets == 0 and .not_ready == 0)' -n "$a" -s mark list
check "as text: a heading and three rows" equal "$(ctl "$a" mark list | awk '{ print $1, $NF }' | paste -s -d ' ')" \
	"value name 0x48594c42 - 0x7 - 0x4000 web"
check "an equal rule is refused, in the kernel's words" refused 'Mark rule 0x7/0xffffffff exists' -n "$a" mark add 7
check "mark del" does -n "$a" mark del 7
check "of one that is not there" refused 'No mark rule 0x7/0xffffffff' -n "$a" mark del 7
check "mark flush" does -n "$a" mark flush
check "leaves none" shows '. == []' -n "$a" mark list

check "tunnel set" does -n "$a" tunnel set vxlan --second-mark 0x48 --accept-mark 0xf8,0x48 --port 4789,8472
check "tunnel list has them" shows '
	.[] | select(.type == "vxlan") | .second_mark == "0x48" and (.accept_mark | sort) == ["0x48", "0xf8"]
	and (.port | sort) == [4789, 8472] and .normal == "0x08"' -n "$a" tunnel list
check "and back to the devices' ports" does -n "$a" tunnel set vxlan --second-mark 0xf8 --accept-mark 0xf8 --port auto
check "tunnel set, another type" does -n "$a" tunnel set gre --second-mark 0x40 --accept-mark 0x40,0x80
check "status warns of a mark that stock hosts drop, and says what to do" shows '
	.warnings | length == 1 and (.[0] | test("0x0040.*tunnel set gre --second-mark 0x0080$"))' -n "$a" status
check "as text, too" grep -q '^warning .*0x0040' <(ctl "$a" status)
check "tunnel list has it, and each type that there is" shows '
	map(.type) == ["vxlan", "gre", "mpls", "geneve"] and (.[1] | .second_mark == "0x0040" and (.accept_mark | sort) == ["0x0040", "0x0080"]
	and .port == [] and .normal == "0x00" and .allowed == "0xf8")' -n "$a" tunnel list
check "and back to its default" does -n "$a" tunnel set gre --second-mark 0x80 --accept-mark 0x80
check "nothing to warn of" shows '.warnings == []' -n "$a" status
check "bits that its header does not have are refused" refused 'Second mark 0x7 has bits outside 0xf8, those of gre' -n "$a" tunnel set gre --second-mark 0x07
check "a key may be NVGRE's: not by itself" shows '.[] | select(.type == "gre") | .nvgre == false' -n "$a" tunnel list
check "but if told so" does -n "$a" tunnel set gre --nvgre on
check "tunnel list says it, of gre alone" shows 'map(.nvgre) == [null, true, null, null]' -n "$a" tunnel list
check "and off again" does -n "$a" tunnel set gre --nvgre off
check "other types have no keys" refused 'Tunnel type vxlan has no keys' -n "$a" tunnel set vxlan --nvgre on
check "and ports, which it has none of" refused 'Tunnel type gre has no ports' -n "$a" tunnel set gre --port 47
check "a mark of several bits of a label" does -n "$a" tunnel set mpls --second-mark 0x0c000 --accept-mark 0x08000,0x0ffc0
check "tunnel list has labels whole" shows '
	.[] | select(.type == "mpls") | .second_mark == "0x0c000" and (.accept_mark | sort) == ["0x08000", "0x0ffc0"]
	and .port == "auto" and .normal == "0x00" and .allowed == "0xffc0"' -n "$a" tunnel list
check "and back to its default" does -n "$a" tunnel set mpls --second-mark 0x08000 --accept-mark 0x08000
check "bits of a label that operators hand out are refused" refused 'Second mark 0x10000 has bits outside 0xffc0, those of mpls' \
	-n "$a" tunnel set mpls --second-mark 0x10000
check "it has ports, for what comes in UDP" does -n "$a" tunnel set mpls --port 6635
check "and labels for the way back" does -n "$a" tunnel set mpls --return-label 100=200,16=32
check "tunnel list has both" shows '.[] | select(.type == "mpls") | .port == [6635] and .return_label == ["16=32", "100=200"]' \
	-n "$a" tunnel list
check "a label of its own meaning is none" misuse '*15 is out of range for a label*' tunnel set mpls --return-label 15=100
check "one that is no pair" misuse '*"100" is no FORWARD=RETURN*' tunnel set mpls --return-label 100
check "one with bits of a mark" refused 'Label 32868 of a return label has bits of a mark (0x08000)' \
	-n "$a" tunnel set mpls --return-label 100=0x8064
check "a mark with bits of one" refused 'Label 200 of a return label has bits of a mark (0x00080)' \
	-n "$a" tunnel set mpls --second-mark 0x00080
check "two for one label" refused 'Label 100 has two return labels' -n "$a" tunnel set mpls --return-label 100=200,100=300
check "other types have no labels" refused 'Tunnel type gre has no labels' -n "$a" tunnel set gre --return-label 100=200
# As many as there may be, in one message of a dump.
most=$(seq -s, -f '%.0f=32' 16 32 4080)
check "128 return labels" does -n "$a" tunnel set mpls --return-label "$most"
check "tunnel list has all of them" shows '.[] | select(.type == "mpls") | .return_label | length == 128' -n "$a" tunnel list
check "one more is too many" misuse '129 return labels are too many: 128 can be named' tunnel set mpls --return-label "$most,4112=32"
check "and back: labels stay as they are" does -n "$a" tunnel set mpls --return-label none --port auto
check "tunnel list has none" shows '.[] | select(.type == "mpls") | .port == "auto" and .return_label == []' -n "$a" tunnel list

check "peer add" does -n "$a" peer add 198.51.100.0/24 --accept --dev eth0 --vni 100
check "peer list" shows '
	.[0] | (keys - ["prefix", "send", "accept", "none", "dev", "vni", "endpoints"]) == [] and .prefix == "198.51.100.0/24"
	and .send == false and .accept == true and .none == false and .dev == "eth0" and .vni == [100]
	and .endpoints == []' -n "$a" peer list
check "peer add of the same" refused 'Peer 198.51.100.0/24 exists' -n "$a" peer add 198.51.100.0/24 --send
check "peer replace" does -n "$a" peer replace 198.51.100.0/24 --none
check "has replaced it" shows '.[0] | .none == true and .accept == false and .dev == null' -n "$a" peer list
check "peer del of another" refused 'No peer 198.51.100.0/25' -n "$a" peer del 198.51.100.0/25
check "peer del" does -n "$a" peer del 198.51.100.0/24

# Ports: of three, one fits a device that is there.
batch "$a" "link add tap0 type veth peer name vm0" "link set tap0 up" "link set vm0 up"
check "port add" does -n "$a" port add 'tap*' --vni 100 --direct
check "by a group" does -n "$a" port add --group 7 --balancer --own 198.51.100.5,2001:db8:5::/64
check "and one without options, of a device that is not there" does -n "$a" port add vnet9
check "port list" shows '
	length == 3 and (map(keys - ["dev", "group", "vni", "direct", "balancer", "own", "devices"]) | add == [])
	and (map(select(.dev == "tap*")) | length == 1 and (.[0] | .group == null and .vni == 100 and .direct == true
		and .balancer == false and .own == [] and (.devices | length == 1 and (.[0] | keys == ["ifindex", "name", "warnings"]
		and .name == "tap0" and .ifindex == '"$(ip -n "$a" -j link show dev tap0 | jq '.[0].ifindex')"'))))
	and (map(select(.group == 7)) | length == 1 and (.[0] | .dev == null and .vni == null and .direct == false
		and .balancer == true and .own == ["198.51.100.5", "2001:db8:5::/64"] and .devices == []))
	and (map(select(.dev == "vnet9")) == [{dev: "vnet9", group: null, vni: null, direct: false, balancer: false, own: [],
		devices: []}])' -n "$a" port list
check "with -s, what each device sent" shows '
	.[] | select(.dev == "tap*") | .devices[0] | .direct_packets == 0 and .balanced_packets == 0' -n "$a" -s port list
port_row() { # FIELDS ARGUMENTS… : such a row is in the text
	local fields=$1
	shift
	ctl "$a" "$@" port list | awk '{ $1 = $1; print }' | grep -qxF -- "$fields"
}
check "as text: the columns" port_row "port group vni direct balancer own devices"
check "a pattern" port_row "tap* - 100 yes no - tap0"
check "a group" port_row "- 7 auto no yes 198.51.100.5,2001:db8:5::/64 -"
check "with -s: the columns" port_row "port group vni direct balancer own devices direct_packets balanced_packets" -s
check "and a row a device" port_row "tap* - 100 yes no - tap0 0 0" -s
check "status counts them" shows '.ports == 3 and .port_devices == 1' -n "$a" status
check "as text, too" grep -Eq '^ports +3 ports, 1 device$' <(ctl "$a" status)
check "status warns of one that is direct, and in no bridge" shows '.warnings | any(test("^port tap0: "))' -n "$a" status
check "port list has the warning" shows '.[] | select(.dev == "tap*") | .devices[0].warnings | length == 1' -n "$a" port list
check "an equal port is refused" refused 'Port tap\* exists' -n "$a" port add 'tap*'
check "so is an equal group" refused 'Port of group 7 exists' -n "$a" port add --group 7 --direct
check "group 0 is of every device that has no other" misuse 'Group 0 is that of every device *' -n "$a" port add --group 0
check "port del of another" refused 'No port tap9' -n "$a" port del tap9
check "a pattern is none of the names that it fits" refused 'No port tap0' -n "$a" port del tap0

devices_are() { # OF-EACH-PORT : the names of their devices, "PORT:NAME,…", sorted
	equal "$(ctl_json "$a" port list | jq -r '.[] | "\(.dev // .group):\([.devices[].name] | sort | join(","))"' |
		sort | paste -s -d ' ')" "$1"
}
batch "$a" "link add tap1 type veth peer name vm1" "link set tap1 up" "link set vm1 up"
check "a device that comes" wait_until 5 devices_are "7: tap*:tap0,tap1 vnet9:"
batch "$a" "link set vm1 down" "link set vm1 name vnet9" "link set vnet9 up"
check "one that gets the name" wait_until 5 devices_are "7: tap*:tap0,tap1 vnet9:vnet9"
batch "$a" "link set vm0 group 7" "link set tap0 group 7"
check "one that gets the group: a pattern comes before it" wait_until 5 devices_are "7:vm0 tap*:tap0,tap1 vnet9:vnet9"
check "a longer pattern, which comes first" does -n "$a" port add 'tap[0-4]*' --direct
check "has them" devices_are "7:vm0 tap*: tap[0-4]*:tap0,tap1 vnet9:vnet9"
check "a name, which comes before patterns" does -n "$a" port add tap1
check "has its own" devices_are "7:vm0 tap*: tap1:tap1 tap[0-4]*:tap0 vnet9:vnet9"
check "its pattern deleted" does -n "$a" port del 'tap[0-4]*'
check "a device goes to the next one" devices_are "7:vm0 tap*:tap0 tap1:tap1 vnet9:vnet9"
batch "$a" "link del tap1"
check "and when it is gone, to none" wait_until 5 devices_are "7:vm0 tap*:tap0 tap1: vnet9:"
check "port replace" does -n "$a" port replace --group 7 --balancer --vni 200
check "has replaced it" shows '.[] | select(.group == 7) | .vni == 200 and .own == []' -n "$a" port list
check "status warns of a balancer that has no address of its own" shows '.warnings |
	any(test("^port of group 7: it has no --own.*port replace --group 7 --vni 200 --balancer --own PREFIX"))' -n "$a" status
check "port replace of what is not there adds it" does -n "$a" port replace 'vnet*' --balancer \
	--own "$(seq -s, -f 192.0.2.%.0f 64)"
check "with as many addresses as there may be" shows '.[] | select(.dev == "vnet*") | .own | length == 64' -n "$a" port list
if modprobe br_netfilter 2> /dev/null; then
	check "status warns of br_netfilter, which direct replies pass by" shows '.warnings |
		any(test("br_netfilter.*net.bridge.bridge-nf-call-iptables=0$"))' -n "$a" status
	in_ns "$a" sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0
	check "but not where it calls nobody" shows '.warnings | any(test("br_netfilter")) | not' -n "$a" status
	modprobe -r br_netfilter
else
	skip "status warns of br_netfilter" "this kernel has none"
fi
check "port del of a group" does -n "$a" port del --group 7
check "of one that is not there" refused 'No port of group 7' -n "$a" port del --group 7
check "port del" does -n "$a" port del 'tap*'
check "port flush" does -n "$a" port flush
check "leaves none" shows '. == []' -n "$a" port list
check "nor a hook, nor a warning" shows '.ports == 0 and .port_devices == 0 and .hooks == [] and .warnings == []' -n "$a" status
batch "$a" "link del tap0"

check "zone add" does -n "$a" zone add tenant --vni 300,301
check "zone list" shows '. == [{name: "tenant", vni: [300, 301], id: 300}]' -n "$a" zone list
check "a VNI is in one zone only" refused 'Vni 301 is in zone tenant already' -n "$a" zone add other --vni 301
check "zone del" does -n "$a" zone del tenant
check "of one that is not there" refused 'No zone tenant' -n "$a" zone del tenant

check "timeout list: names and seconds" shows '
	map({(.name): .seconds}) | add | . == {"tcp-syn": 60, "tcp-established": 900, "tcp-fin": 120, "udp": 300, "icmp": 30} + {other}' \
	-n "$a" timeout list
check "timeout set" does -n "$a" timeout set udp 120
check "has set it" shows '.[] | select(.name == "udp") | .seconds == 120' -n "$a" timeout list
check "limit set" does -n "$a" limit set sessions-per-vni 60000
check "accounting" does -n "$a" limit set accounting on
check "limit list" shows 'map({(.name): .value}) | add | ."sessions-per-vni" == 60000 and .accounting == true
	and (.sessions | type) == "number"' -n "$a" limit list
check "pause" does -n "$a" pause mark backhaul
check "status says so" shows '.paused == ["mark", "steer", "rewrite"]' -n "$a" status
check "resume" does -n "$a" resume all
check "nothing is paused" shows '.paused == []' -n "$a" status
check "stats show: one object, name to number" shows 'type == "object" and length > 20 and all(.[]; type == "number")
	and has("marked") and has("recorded")' -n "$a" stats show
check "--explain: a sentence each" equal "$(ctl "$a" stats show --explain | grep -v '^[a-z0-9_]* *[0-9]*  [A-Z].*\.$' || true)" ""
check "stats reset" does -n "$a" stats reset

tuple=(--src 200.1.1.2 --sport 1000 --dst 10.1.1.2 --dport 80 --proto tcp)
way=(--mac 02:83:49:f1:0b:4d --vtep 172.118.10.2)
check "session add" does -n "$a" session add "${tuple[@]}" --vni 100 "${way[@]}"
check "in another network" does -n "$a" session add "${tuple[@]}" --vni 200 "${way[@]}" --local 192.0.2.1
check "over IPv6, another protocol" does -n "$a" session add --src 2001:db8:c1::2 --dst 2001:db8:10::2 --proto 132 \
	--sport 5 --dport 6 --vni 100 --mac 02:00:5e:10:00:01 --vtep 2001:db8:18::1
columns="index src_ip src_port dst_ip dst_port protocol mac vtep_ip vni"
more_columns="tunnel state age expires fwd_packets fwd_bytes rev_packets rev_bytes"
squeeze() { awk '{ $1 = $1; print }'; }
check "session list: the columns" equal "$(ctl "$a" session list | head -n 1 | squeeze)" "$columns"
check "with -s: those behind them" equal "$(ctl "$a" -s session list | head -n 1 | squeeze)" "$columns $more_columns"
check "a row" equal "$(ctl "$a" session list --vni 100 --proto tcp | tail -n 1 | squeeze)" \
	"1 200.1.1.2 1000 10.1.1.2 80 6 02:83:49:f1:0b:4d 172.118.10.2 100"
check "what is not there is -: a session by hand never expires" equal \
	"$(ctl "$a" -s session list --vni 200 | tail -n 1 | squeeze | cut -d' ' -f10,11,13)" "vxlan tcp-established -"
names="$columns protocol_name"
check "JSON: the same names, and protocol_name" shows "
	length == 3 and all(keys == (\"$names\" | split(\" \") | sort))
	and (.[] | select(.protocol == 132) | del(.index)) == {src_ip: \"2001:db8:c1::2\", src_port: 5,
	dst_ip: \"2001:db8:10::2\", dst_port: 6, protocol: 132, protocol_name: \"sctp\", mac: \"02:00:5e:10:00:01\",
	vtep_ip: \"2001:db8:18::1\", vni: 100} and map(.index) == [1, 2, 3]" -n "$a" session list
check "with -s: those too, null for -, seconds and counts as numbers" shows "
	all(keys == (\"$names $more_columns\" | split(\" \") | sort) and .expires == null and (.age | type) == \"number\"
	and .fwd_packets == 0)" -n "$a" -s session list
for filter in "--src 200.1.0.0/16" "--dst 10.1.1.2" "--sport 1000" "--dport 80" "--proto 6" "--vtep 172.118.0.0/16" \
	"--mac 02:83:49:f1:0b:4d" "--state tcp-established"; do
	# shellcheck disable=SC2086 # an option and its value
	check "filter $filter" shows '.count == 2' -n "$a" session count $filter
done
check "filter --vni" shows '.count == 2' -n "$a" session count --vni 100
check "filter --tunnel" shows '.count == 0' -n "$a" session count --tunnel gre
check "session count as text" prints 3 -n "$a" session count
check "session add of the same" refused 'The session exists in network 100' -n "$a" session add "${tuple[@]}" --vni 100 "${way[@]}"
check "session del without VNI of two: refused, and lists them" refused '*100*200*vni*' -n "$a" session del "${tuple[@]}"
check "with one" does -n "$a" session del "${tuple[@]}" --vni 200
check "session del without VNI of one" does -n "$a" session del "${tuple[@]}"
check "of one that is not there" refused 'No such session' -n "$a" session del "${tuple[@]}"
check "path list" wait_until "$((10 * SLOW))" shows 'length == 1 and (.[0] | .vtep_ip == "2001:db8:18::1" and .mac == "02:00:5e:10:00:01"
	and .vni == 100 and .sessions == 1 and .dead == false)' -n "$a" path list
check "path kill of another" refused 'No path to 192.0.2.77' -n "$a" path kill --vtep 192.0.2.77
check "path kill" prints "1 path killed" -n "$a" path kill --vtep 2001:db8:18::1
check "its session is absent at once" shows '.count == 0' -n "$a" session count
check "session flush says how many" prints "0 sessions deleted" -n "$a" session flush
check "as JSON" shows '. == {deleted: 0}' -n "$a" session flush
check "-p prints JSON with indentation" equal "$(ctl "$a" -j -p session count)" $'{\n    "count": 0\n}'

# --- who may -----------------------------------------------------------------------

as=(ip netns exec "$a" setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all)
for words in status "mark list" "peer list" "port list" "zone list" "tunnel list" "timeout list" "limit list" "stats show"; do
	# shellcheck disable=SC2086 # an object and its command
	check "anyone: $words" shows 'true' $words
done
check "not sessions" refused 'Reading sessions needs CAP_NET_ADMIN in this network namespace' session list
check "nor their number" refused 'Counting sessions needs CAP_NET_ADMIN *' session count
check "nor paths" refused 'Reading paths needs CAP_NET_ADMIN *' path list
check "nor their events" refused '*session events need CAP_NET_ADMIN*' monitor session
check "nor a change" refused 'Changing the configuration needs CAP_NET_ADMIN in this network namespace' mark add 1
check "nor of sessions" refused 'Changing sessions needs CAP_NET_ADMIN *' session add "${tuple[@]}" "${way[@]}"
check "nor a flush" refused '*needs CAP_NET_ADMIN *' session flush
check "nor of paths" refused 'Killing paths needs CAP_NET_ADMIN *' path kill --vtep 192.0.2.2
check "nor of counters" refused 'Resetting the counters needs CAP_NET_ADMIN *' stats reset
check "nor another namespace" refused 'Cannot enter the network namespace *' -n "$b" status
as=(ip netns exec "$a" setpriv --reuid 65534 --regid 65534 --clear-groups unshare -Ur)
check "root of another user namespace may not either" refused 'Changing the configuration needs CAP_NET_ADMIN *' mark add 1
as=(setpriv --reuid 65534 --regid 65534 --clear-groups unshare -Urn)
check "but may in a network namespace of its own" does mark add 1
as=()
check "whoever may not has changed nothing" shows '. == []' -n "$a" mark list

# --- readiness -------------------------------------------------------------------

check_says() { # STATUS CONDITION ADDRESS
	run_tool -j -n "$a" peer check "$3"
	{ [ "$status" -eq "$1" ] && [ ! -s "$work/err" ] && jq -e "$2" "$work/out" > /dev/null; } || show_run
}
check "peer check of a stranger: 3, and why" check_says 3 '.ready == false and .prefix == null and (.reason | test("^No peer covers"))' 192.0.2.2
check "peer add" does -n "$a" peer add 192.0.2.2 --send --accept
check "not ready yet: 3" check_says 3 '.ready == false and .prefix == "192.0.2.2"' 192.0.2.2
check "a mark rule, so that there is something to mark" does -n "$a" mark add 1
check "silent, in a while: status warns of it, and says what to do" wait_until "$((15 * SLOW))" shows '
	.warnings | length == 1 and (.[0] | test("^no packet to 192.0.2.2 is marked \\(vxlan\\), for no answer.*load ipvs_tun there"))' \
	-n "$a" status
check "nothing to mark, nothing to warn of" does -n "$a" mark flush
check "so status says" shows '.warnings == []' -n "$a" status
check "the other side" does -n "$b" peer add 192.0.2.1 --accept
check "ready: 0" wait_until "$((15 * SLOW))" check_says 0 '.ready == true and .state == "ready"' 192.0.2.2
check "and nothing to warn of" shows '.warnings == []' -n "$a" status
check "as text too" grep -Eq '^ready +(true|yes)$' <(ctl "$a" peer check 192.0.2.2)
check "paused, nobody gets marks" does -n "$a" pause mark
check "peer check says so" check_says 3 '.ready == false and (.reason | test("paused"))' 192.0.2.2
check "resumed" does -n "$a" resume mark
check "it is ready again" check_says 0 '.ready == true' 192.0.2.2
check "peer list has its endpoint" shows '
	.[0].endpoints | length == 1 and (.[0] | .address == "192.0.2.2" and .tunnel == "vxlan" and .state == "ready" and (.last_seen | type) == "number"
	and .version == "'"$version"'")' -n "$a" peer list
check "with -s, what was marked to it and recorded from it" shows '
	.[0].endpoints[0] | .marked == 0 and .recorded == 0' -n "$a" -s peer list
check "--send=always is ready unasked" does -n "$a" peer add 203.0.113.7 --send=always
check "and says so" check_says 0 '.state == "always"' 203.0.113.7
check "peer flush" does -n "$a" peer flush
check "leaves none" shows '. == []' -n "$a" peer list
check "so that check says 3 again" check_says 3 '.ready == false' 192.0.2.2

# --- events ------------------------------------------------------------------------

# Marked packets from b, COUNT of them with client ports from PORT on: VXLAN 100, flags 0xf8, a TCP SYN inside.
cat > "$work/marked.py" <<'PYTHON'
import socket, struct, sys
mac, port, count = bytes.fromhex(sys.argv[1].replace(":", "")), int(sys.argv[2]), int(sys.argv[3])
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.connect(("192.0.2.1", 4789))
ends = socket.inet_aton("200.1.1.2") + socket.inet_aton("10.1.1.2")
ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0) + ends
total = sum(struct.unpack("!10H", ip))
total = (total & 0xffff) + (total >> 16)
ip = ip[:10] + struct.pack("!H", ~((total & 0xffff) + (total >> 16)) & 0xffff) + ip[12:]
packet = bytearray(struct.pack("!II", 0xf8000000, 100 << 8) + b"\2\0\0\0\0\1" + mac + b"\10\0" + ip +
                   struct.pack("!HHIIBBHHH", 0, 80, 1, 0, 0x50, 2, 1000, 0, 0))
for at in range(port, port + count):
    struct.pack_into("!H", packet, 42, at)
    out.send(packet)
PYTHON
marked() { # MAC PORT COUNT
	in_ns "$b" timeout "$((60 * SLOW))" /usr/bin/python3 "$work/marked.py" "$@"
}

# What the scenario does next waits for the event of what it did before: each line comes at once.
heard() { # NUMBER
	wait_until "$((15 * SLOW))" heard_now "$1"
}
heard_now() { [ "$(grep -c . "$work/events")" -ge "$1" ]; }

# What differs from run to run: ports of sockets, times. The generation is counted from the first.
normal_events() {
	jq -c -S 'if .config then .config.portid = (if .config.portid > 0 then "user" else 0 end) | .config.generation -= '"$generation"' else . end
		| (.peer.endpoints[]? | .last_seen) |= type' "$work/events"
}

ctl "$b" peer flush
generation=$(ctl_json "$a" status | jq .generation)
"$IPVS_TUNCTL" -n "$a" -j monitor > "$work/events" 2> "$work/monitor.err" &
monitor=$!
background+=("$monitor")
# It hears what comes once it sleeps in its receive: all that it asked before was answered at once.
joined() { grep -q skb "/proc/$monitor/wchan"; }
wait_until "$((10 * SLOW))" joined

ctl "$a" mark add 0x48594c42 --name web
check "an event comes at once: config" heard 1
ctl "$b" peer add 192.0.2.1 --accept
ctl "$a" peer add 192.0.2.2 --send --accept
check "peer ready" heard 3
marked 02:83:49:f1:0b:4d 1000 1
check "session new" heard 4
marked 02:83:49:f1:0b:4e 1000 1
check "session moved" heard 5
ctl "$a" timeout set tcp-syn 1
check "session expired" heard 7
ctl "$a" timeout set tcp-syn 60
ctl "$a" session add "${tuple[@]}" --vni 100 "${way[@]}"
ctl "$a" session del "${tuple[@]}"
check "session new and deleted" heard 10
ctl "$b" peer flush
check "peer silent" heard 11
ctl "$a" pause backhaul
ctl "$a" port add 'tap*' --vni 100 --balancer --own 198.51.100.5
ctl "$a" port del 'tap*'
ctl "$a" mark flush
check "config" heard 15
kill "$monitor"
wait "$monitor" 2> /dev/null || true
check "monitor said no error" equal "$(cat "$work/monitor.err")" ""

jq -c -S . > "$work/golden" <<GOLDEN
{"event": "changed", "config": {"generation": 1, "portid": "user", "changes": [{"action": "add", "object": "mark",
	"mark": {"value": "0x48594c42", "mask": "0xffffffff", "tunnel": [], "vni": [], "dst": null, "prio": 0, "name": "web"}}]}}
{"event": "changed", "config": {"generation": 2, "portid": "user", "changes": [{"action": "add", "object": "peer",
	"peer": {"prefix": "192.0.2.2", "send": true, "accept": true, "none": false, "dev": null, "vni": []}}]}}
{"event": "ready", "peer": {"prefix": "192.0.2.2", "endpoints": [{"address": "192.0.2.2", "tunnel": "vxlan", "state": "ready",
	"last_seen": "number", "version": "$version", "reason": null, "accept_mark": ["0xf8"]}]}}
{"event": "new", "session": {"src_ip": "200.1.1.2", "src_port": 1000, "dst_ip": "10.1.1.2", "dst_port": 80, "protocol": 6,
	"protocol_name": "tcp", "mac": "02:83:49:f1:0b:4d", "vtep_ip": "192.0.2.2", "vni": 100, "tunnel": "vxlan", "state": "tcp-syn"}}
{"event": "moved", "session": {"src_ip": "200.1.1.2", "src_port": 1000, "dst_ip": "10.1.1.2", "dst_port": 80, "protocol": 6,
	"protocol_name": "tcp", "mac": "02:83:49:f1:0b:4e", "vtep_ip": "192.0.2.2", "vni": 100, "tunnel": "vxlan", "state": "tcp-syn"}}
{"event": "changed", "config": {"generation": 3, "portid": "user", "changes": [{"action": "set", "object": "timeout",
	"timeout": {"name": "tcp-syn", "seconds": 1}}]}}
{"event": "expired", "session": {"src_ip": "200.1.1.2", "src_port": 1000, "dst_ip": "10.1.1.2", "dst_port": 80, "protocol": 6,
	"protocol_name": "tcp", "mac": "02:83:49:f1:0b:4e", "vtep_ip": "192.0.2.2", "vni": 100, "tunnel": "vxlan", "state": "tcp-syn"}}
{"event": "changed", "config": {"generation": 4, "portid": "user", "changes": [{"action": "set", "object": "timeout",
	"timeout": {"name": "tcp-syn", "seconds": 60}}]}}
{"event": "new", "session": {"src_ip": "200.1.1.2", "src_port": 1000, "dst_ip": "10.1.1.2", "dst_port": 80, "protocol": 6,
	"protocol_name": "tcp", "mac": "02:83:49:f1:0b:4d", "vtep_ip": "172.118.10.2", "vni": 100, "tunnel": "vxlan", "state": "tcp-established"}}
{"event": "deleted", "session": {"src_ip": "200.1.1.2", "src_port": 1000, "dst_ip": "10.1.1.2", "dst_port": 80, "protocol": 6,
	"protocol_name": "tcp", "mac": "02:83:49:f1:0b:4d", "vtep_ip": "172.118.10.2", "vni": 100, "tunnel": "vxlan", "state": "tcp-established"}}
{"event": "silent", "peer": {"prefix": "192.0.2.2", "endpoints": [{"address": "192.0.2.2", "tunnel": "vxlan", "state": "silent",
	"last_seen": "number", "version": "$version", "reason": "it said that it is going away", "accept_mark": ["0xf8"]}]}}
{"event": "changed", "config": {"generation": 5, "portid": "user", "changes": [{"action": "add", "object": "pause",
	"pause": {"steps": ["steer", "rewrite"]}}]}}
{"event": "changed", "config": {"generation": 6, "portid": "user", "changes": [{"action": "add", "object": "port",
	"port": {"dev": "tap*", "group": null, "vni": 100, "direct": false, "balancer": true, "own": ["198.51.100.5"]}}]}}
{"event": "changed", "config": {"generation": 7, "portid": "user", "changes": [{"action": "del", "object": "port",
	"port": {"dev": "tap*"}}]}}
{"event": "changed", "config": {"generation": 8, "portid": "user", "changes": [{"action": "flush", "object": "mark"}]}}
GOLDEN
check "the events are the golden ones" diff <(normal_events) "$work/golden"

# Text, chosen groups, time stamps, a reader that goes.
"$IPVS_TUNCTL" -n "$a" monitor -t config 2> "$work/monitor.err" > >(head -n 1 > "$work/events") &
monitor=$!
background+=("$monitor")
wait_until "$((10 * SLOW))" joined
ctl "$a" session add "${tuple[@]}" --vni 100 "${way[@]}"
ctl "$a" timeout set udp 99
check "monitor -t config: the time, the event, no session" wait_until "$((10 * SLOW))" grep -Eq \
	'^\[20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{6}\] config changed .*name udp seconds 99$' "$work/events"
# It notices at the next event that finds nobody.
ended() { ctl "$a" timeout set udp 98 && [ ! -d "/proc/$monitor" ]; }
check "its reader has gone: it ends" wait_until "$((10 * SLOW))" ended
rc=0
wait "$monitor" || rc=$?
check "and that is no error" equal "$rc $(cat "$work/monitor.err")" "0 "

# --- large tables ----------------------------------------------------------------

ctl "$a" session flush > /dev/null
ctl "$a" timeout set tcp-syn 900
ctl "$a" limit set sessions-per-vni 0
many=2000
# More in one burst than a processor's queue has room for by default.
sysctl -qw net.core.netdev_max_backlog=100000
marked 02:83:49:f1:0b:4d 1000 $many
check "many packets, many sessions" equal "$(ctl "$a" session count)" "$many"
closed() { # OPTION…
	local codes
	"$IPVS_TUNCTL" -n "$a" "$@" session list 2> "$work/err" | head -c 50 > "$work/out" && codes=("${PIPESTATUS[@]}") || codes=("${PIPESTATUS[@]}")
	equal "${codes[0]} $(cat "$work/err")" "0 " && [ -s "$work/out" ]
}
check "session list | head is no error" closed -s
check "with JSON neither" closed -j
check "all of them are listed, numbered" equal "$(ctl "$a" session list | awk 'END { print NR, $1 }')" "$((many + 1)) $many"
check "each once" equal "$(ctl_json "$a" session list | jq 'map([.src_ip, .src_port]) | unique | length')" "$many"
rc=0
"$IPVS_TUNCTL" -n "$a" session list > /dev/full 2> "$work/err" || rc=$?
check "a full disk is an error" equal "$rc $(cat "$work/err")" "2 Error: Cannot write the output: No space left on device."
check "the list is printed while the dump arrives" awk '/write\(1,/ { written = 1 } /recvmsg\(/ && written { found = 1 } END { exit !found }' \
	<(in_ns "$a" strace -e trace=write,recvmsg -s 1 "$IPVS_TUNCTL" session list 2>&1 > /dev/null)

# A monitor that does not read: events are lost, and that is said.
"$IPVS_TUNCTL" -n "$a" -j monitor session > "$work/events" 2>&1 &
monitor=$!
background+=("$monitor")
wait_until "$((10 * SLOW))" joined
kill -STOP "$monitor"

# A list whose reader stops: the table grows meanwhile, and that is said.
mkfifo "$work/slow"
"$IPVS_TUNCTL" -n "$a" -j session list > "$work/slow" 2> "$work/err" &
list=$!
background+=("$list")
exec 8< "$work/slow"
blocked() { grep -q pipe "/proc/$list/wchan"; }
check "a list waits for its reader" wait_until "$((15 * SLOW))" blocked
marked 02:83:49:f1:0b:4d $((1000 + many)) $((4 * many))
check "the table has grown" equal "$(ctl "$a" session count)" $((5 * many))
jq length <&8 > "$work/out" || true
rc=0
wait "$list" || rc=$?
check "the list ends well" equal "$rc" 0
check "it is JSON, and misses none that was there before" at_least "$(cat "$work/out")" "$many"
check "that the table changed is said" grep -qx 'Warning: .*changed during the dump.*\.' "$work/err"

# Some thousands new, more deleted; how many are too many for its buffer depends on the kernel's allocator.
check "session flush counts" prints "$((5 * many)) sessions deleted" -n "$a" session flush
# shellcheck disable=SC2016 # awk's fields
overrun() { in_ns "$a" awk 'NR > 1 && $9 > 0 { found = 1 } END { exit !found }' /proc/net/netlink; }
for _ in 1 2 3 4; do
	if overrun; then break; fi
	marked 02:83:49:f1:0b:4d 1000 $((5 * many))
	ctl "$a" session flush
done
kill -CONT "$monitor"
check "lost events are said" wait_until "$((15 * SLOW))" grep -q '"event":"lost"' "$work/events"
ctl "$a" session add "${tuple[@]}" --vni 100 "${way[@]}"
check "and it goes on" wait_until "$((15 * SLOW))" grep -q '"event":"new"' "$work/events"
kill "$monitor"

# --- streams that nobody reads, or that are not there --------------------------------

rc=0 && "$IPVS_TUNCTL" bogus 2> /dev/full || rc=$?
check "an error that nobody reads keeps its status" equal "$rc" 1
rc=0 && "$IPVS_TUNCTL" bogus 2>&- || rc=$?
check "so does one without stderr" equal "$rc" 1
rc=0 && "$IPVS_TUNCTL" -n "$a" status > /dev/full 2> "$work/err" || rc=$?
check "output that cannot be written is an error" equal "$rc $(cat "$work/err")" "2 Error: Cannot write the output: No space left on device."
rc=0 && "$IPVS_TUNCTL" -n "$a" status 2> "$work/err" >&- || rc=$?
check "so is output without stdout, which goes to nobody else" equal "$rc $(cat "$work/err")" \
	"2 Error: Cannot write the output: Bad file descriptor."

# --- the module goes -----------------------------------------------------------------

"$IPVS_TUNCTL" -n "$a" monitor > "$work/events" 2> "$work/monitor.err" &
monitor=$!
background+=("$monitor")
wait_until "$((10 * SLOW))" joined
unload_module
gone() { [ ! -d "/proc/$monitor" ]; }
check "monitor ends when the module is unloaded" wait_until "$((10 * SLOW))" gone
rc=0
wait "$monitor" || rc=$?
check "and says why" equal "$rc $(cat "$work/monitor.err")" "2 Error: The ipvs_tun kernel module was unloaded."
load_module

# --- another version ------------------------------------------------------------

other=$(tr 0-9 9 <<< "$version")
LC_ALL=C sed "s/${version//./\\.}/$other/g" "$IPVS_TUNCTL" > "$work/other"
chmod 755 "$work/other"
IPVS_TUNCTL=$work/other
check "a tool of another version" prints "ipvs-tunctl $other" -V
check "status warns of it" shows '.warnings | any(test("'"$version"' and this tool '"$other"'; install both"))' -n "$a" status
check "a refusal names it, and what to do" refused "No zone tenant (the module is version $version and this tool $other; install both *)" \
	-n "$a" zone del tenant
finish
