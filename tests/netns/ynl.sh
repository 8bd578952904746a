#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The netlink contract is the YAML alone: the stock YNL command-line client of the kernel's source, which knows nothing
# of this project but kmod/uapi/ipvs_tun.yaml, configures the module, reads it, is told why it is refused, hears events.
#
#   tools/net/ynl/cli.py --spec ipvs_tun.yaml ---> host [ipvs_tun] <--- ipvs-tunctl, which must see the same
. "$(dirname "$0")/lib.sh"

source_tree=${XDG_CACHE_HOME:-$HOME/.cache}/ipvs-tun/linux-source-6.12
if [ ! -x "$source_tree/tools/net/ynl/cli.py" ]; then
	skip "the stock YNL client drives the family" "linux-source-6.12 is not unpacked there: tests/lab/linux-source does it"
	finish
fi
require vxlan udp_tunnel
setup_ns host
load_module

# It finds the schema from the specification's place in a kernel tree.
specs=$work/Documentation/netlink/specs
mkdir -p "$specs"
cp "$source_tree/Documentation/netlink/genetlink.yaml" "$specs/.."
cp "$top/kmod/uapi/ipvs_tun.yaml" "$specs/"

# One process that calls the client's main() for each line of arguments (a JSON array) and answers in a line: it takes
# seconds to start, and to read the specification, which is read and checked against the schema once.
cat > "$work/client.py" <<'PYTHON'
import contextlib, copy, io, json, os, sys, traceback
sys.path.insert(0, sys.argv[1])
import yaml
import cli
known = {}
def safe_load(stream):
    if stream.name not in known:
        known[stream.name] = yaml.load(stream, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return copy.deepcopy(known[stream.name])
yaml.safe_load = safe_load
common = ["cli.py", "--spec", sys.argv[2], "--output-json"]
# The client leaves by exit(), which closes sys.stdin.
for line in os.fdopen(os.dup(0)):
    sys.argv = common + json.loads(line)
    status, output = 0, io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            cli.main()
        except SystemExit as end:
            status = end.code
        except BaseException:
            status = 70
            traceback.print_exc()
    print(json.dumps({"status": status, "output": output.getvalue()}), flush=True)
    if "--no-schema" not in common:
        common.append("--no-schema")
PYTHON
start_client() {
	coproc client { exec ip netns exec "$host" /usr/bin/python3 "$work/client.py" "$source_tree/tools/net/ynl" \
		"$specs/ipvs_tun.yaml"; }
	# shellcheck disable=SC2154 # set by coproc
	background+=("$client_PID")
	# Subshells have none of a coprocess's own descriptors.
	exec 8>&"${client[1]}" 9<&"${client[0]}"
}
start_client
ynl() { # ARGUMENTS… : its answer as JSON
	local line
	jq -cn '$ARGS.positional' --args -- "$@" >&8
	read -r -t "$((60 * ${SLOW:-1}))" line <&9
	jq -r .output <<< "$line"
	return "$(jq .status <<< "$line")"
}

# The answer to a request, or to a dump, fulfils a condition.
answers() { # CONDITION ARGUMENTS…
	local condition=$1 answer
	shift
	answer=$(ynl "$@") || { echo "$answer" && return 1; }
	jq -e "$condition" <<< "$answer" > /dev/null || { echo "no \"$condition\" in: $answer" && return 1; }
}

# A refusal: its text and the attribute that it names.
refuses() { # TEXT ATTRIBUTE ARGUMENTS…
	local text=$1 attribute=$2 rc=0 answer
	shift 2
	answer=$(ynl "$@" 2>&1) || rc=$?
	[ "$rc" -ne 0 ] || { echo "it was accepted: $answer" && return 1; }
	grep -qF -- "$text" <<< "$answer" || { echo "no \"$text\" in: $answer" && return 1; }
	grep -qF -- "$attribute" <<< "$answer" || { echo "no \"$attribute\" in: $answer" && return 1; }
}

check "status-get of a namespace without configuration" answers \
	'.status["version"] == "'"$(cat "$top/VERSION")"'" and .status.generation == 0 and .status.sessions == 0
		and (.status | has("hook") | not)' --do status-get

change='{"change": [
	{"action": "add", "mark": {"value": 4660, "mask": 65535, "name": "web", "vni": [100, 200]}},
	{"action": "add", "peer": {"prefix": "192.0.2.0", "prefix-len": 24, "flags": ["accept"]}},
	{"action": "add", "zone": {"name": "tenant", "vni": [100, 200]}},
	{"action": "set", "timeout": {"state": "udp", "seconds": 77}},
	{"action": "set", "tunnel": {"type": "vxlan", "second-mark": 64, "accept-mark": [64, 240], "port": [4789]}},
	{"action": "set", "limit": {"sessions": 5000}},
	{"action": "add", "pause": {"steps": ["steer"]}},
	{"action": "add", "port": {"name": "vnet*", "vni": 100, "flags": ["direct", "balancer"],
		"own": [{"prefix": "c6336405", "prefix-len": 32}, {"prefix": "0a000000", "prefix-len": 8}]}}]}'
# Addresses are bytes in the contract, and this client takes those as hexadecimal digits.
change=${change/192.0.2.0/c0000200}
check "a change set of eight kinds is one transaction" answers '.generation == 1' --do change-set --json "$change"
check "the tool sees its mark rule" equal "$(ctl_json "$host" mark list | jq -c '.[] | [.value, .mask, .name, .vni]')" \
	'["0x1234","0xffff","web",[100,200]]'
check "its peer" equal "$(ctl_json "$host" peer list | jq -c '.[] | [.prefix, .accept, .send]')" '["192.0.2.0/24",true,false]'
check "its zone" equal "$(ctl_json "$host" zone list | jq -c '.[] | [.name, .vni, .id]')" '["tenant",[100,200],100]'
check "its timeout" equal "$(ctl_json "$host" timeout list | jq '.[] | select(.name == "udp") | .seconds')" 77
check "its second mark, accepted marks and ports" equal \
	"$(ctl_json "$host" tunnel list | jq -c '.[] | select(.type == "vxlan") | [.second_mark, .accept_mark, .port]')" \
	'["0x48",["0x48","0xf8"],[4789]]'
check "its limit" equal "$(ctl_json "$host" limit list | jq '.[] | select(.name == "sessions") | .value')" 5000
check "its port" equal "$(ctl_json "$host" port list | jq -c '.[] | [.dev, .group, .vni, .direct, .balancer, .own, .devices]')" \
	'["vnet*",null,100,true,true,["198.51.100.5","10.0.0.0/8"],[]]'
check "its pause" equal "$(ctl_json "$host" status | jq -c .paused)" '["steer"]'

# Read back by the client itself.
check "status-get knows them" answers '.status.generation == 1 and .status.marks == 1 and .status.peers == 1
	and .status.ports == 1 and (.status.hook | length) > 0 and .limit.sessions == 5000 and .status.paused == ["steer"]' --do status-get
check "mark-get dumps" answers 'map(.mark) | length == 1 and .[0].name == "web" and .[0].vni == [100, 200]
	and .[0].packets == 0' --dump mark-get
check "tunnel-get dumps" answers 'map(.tunnel) | map(select(.type == "vxlan")) | .[0]
	| ."port-in-use" == [4789] and (has("auto") | not)' --dump tunnel-get
check "peer-get dumps" answers 'map(.peer) | .[0] | .prefix == "192.0.2.0" and ."prefix-len" == 24
	and .flags == ["accept"]' --dump peer-get
check "zone-get dumps" answers '.[0].zone | .name == "tenant" and .id == 100' --dump zone-get
check "port-get dumps" answers 'length == 1 and (.[0].port | .name == "vnet*" and .vni == 100
	and (.flags | sort) == ["balancer", "direct"] and .own[0] == {"prefix": "198.51.100.5", "prefix-len": 32}
	and (.own | length) == 2 and (has("group") or has("device") | not))' --dump port-get
check "timeout-get dumps each state by its name" answers \
	'map(.timeout.state) == ["tcp-syn", "tcp-established", "tcp-fin", "udp", "icmp", "other"]' --dump timeout-get
check "limit-get answers" answers '.limit.sessions == 5000 and .limit.accounting == 0' --do limit-get
check "stats-get dumps each counter with its sentence" answers \
	'map(.counter[]) | length > 20 and all(.value == 0 and (.text | length) > 10)
		and (map(.name) | index("marked") != null)' --dump stats-get

session='"src": "c8010102", "dst": "0a010102", "sport": 1000, "dport": 80, "protocol": 6'
way='"vni": 100, "mac": "028349f10b4d", "vtep": "ac120a02"'
check "session-add" answers 'true' --do session-add --json "{\"session\": {$session, $way}}"
check "session-get dumps it" answers 'length == 1 and (.[0].session | .src == "200.1.1.2" and .dst == "10.1.1.2"
	and .sport == 1000 and .dport == 80 and .protocol == 6 and .vni == 100 and .zone == 100
	and .mac == "02:83:49:f1:0b:4d" and .vtep == "172.18.10.2" and .tunnel == "vxlan"
	and .state == "tcp-established" and .flags == ["static"])' --dump session-get
check "a filter that matches" answers 'length == 1' --dump session-get --json '{"filter": {"protocol": 6, "dport": 80}}'
check "one that does not" answers 'length == 0' --dump session-get --json '{"filter": {"protocol": 17}}'
check "session-count" answers '.count == 1' --do session-count --json '{"filter": {"src": "c8010000", "src-len": 16}}'
check "the tool lists it column by column" equal "$(ctl "$host" session list | awk '$1 == 1 { $1 = $1; print }')" \
	"1 200.1.1.2 1000 10.1.1.2 80 6 02:83:49:f1:0b:4d 172.18.10.2 100"
check "path-get dumps its way" answers 'length == 1 and (.[0].path | .vtep == "172.18.10.2" and .sessions == 1)' --dump path-get
check "session-del" answers 'true' --do session-del --json "{\"session\": {$session, \"vni\": 100}}"
check "it has gone" answers '(.count // 0) == 0' --do session-count

# Refusals, each with its text and its attribute.
check "a rule that exists" refuses "mark rule 0x1234/0xffff exists" ".change.mark.value" \
	--do change-set --json '{"change": [{"action": "add", "mark": {"value": 4660, "mask": 65535}}]}'
check "a prefix with host bits" refuses "prefix 192.0.2.1/24 has host bits set" ".change.peer.prefix" \
	--do change-set --json '{"change": [{"action": "add", "peer": {"prefix": "c0000201", "prefix-len": 24, "flags": ["send"]}}]}'
check "a port that exists" refuses "port vnet* exists" ".change.port" \
	--do change-set --json '{"change": [{"action": "add", "port": {"name": "vnet*"}}]}'
check "one that is not there" refuses "no port of group 7" ".change.port" \
	--do change-set --json '{"change": [{"action": "del", "port": {"group": 7}}]}'
check "one of no name" refuses "a port needs a name or a group" "port" \
	--do change-set --json '{"change": [{"action": "add", "port": {"vni": 7}}]}'
check "one of two names" refuses "a port has a name or a group, not both" ".change.port" \
	--do change-set --json '{"change": [{"action": "add", "port": {"name": "tap0", "group": 7}}]}'
check "a name that no device has" refuses '"tap 0" cannot be the name of a device' ".change.port" \
	--do change-set --json '{"change": [{"action": "add", "port": {"name": "tap 0"}}]}'
check "nor has it no letter" refuses '"" cannot be the name of a device' ".change.port" \
	--do change-set --json '{"change": [{"action": "add", "port": {"name": ""}}]}'
check "own addresses of who is no balancer" refuses "own addresses need the flag balancer" ".change.port" --do change-set \
	--json '{"change": [{"action": "add", "port": {"name": "tap0", "flags": ["direct"], "own": [{"prefix": "c6336405"}]}}]}'
check "a second mark outside of the reserved bits" refuses "has bits outside 0xf7" ".change.tunnel.second-mark" \
	--do change-set --json '{"change": [{"action": "set", "tunnel": {"type": "vxlan", "second-mark": 8}}]}'
check "a number that the policy refuses" refuses "integer out of range" ".change.timeout.seconds" \
	--do change-set --json '{"change": [{"action": "set", "timeout": {"state": "udp", "seconds": 0}}]}'
check "a change without its action" refuses "a change needs its action" "change" \
	--do change-set --json '{"change": [{"zone": {"name": "x", "vni": [7]}}]}'
check "the second of two changes" refuses "no zone none" ".change.zone.name" --do change-set \
	--json '{"change": [{"action": "del", "zone": {"name": "tenant"}}, {"action": "del", "zone": {"name": "none"}}]}'
check "a session that is not there" refuses "no such session" ".session" --do session-del --json "{\"session\": {$session}}"
check "nothing of what was refused is in force" answers '.status.generation == 1 and .status.marks == 1 and .status.ports == 1' --do status-get
check "nor is the zone gone" answers 'length == 1' --dump zone-get

# Events. The client listens for a time, then says what it heard.
listen() { ynl --subscribe config --sleep "$((3 * ${SLOW:-1}))" > "$work/events"; }
listen &
listener=$!
while [ -d "/proc/$listener" ]; do
	ctl "$host" timeout set icmp 31
	sleep 0.5
done
check "it heard of a change by another program" grep -q '"name": "config-changed"' "$work/events"
check "and what it was" grep -Eq '"timeout": \{"state": "icmp", "seconds": 31\}' "$work/events"
unload_module
finish
