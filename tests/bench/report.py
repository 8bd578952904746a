#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Makes the table, the JSON file and docs/bench.md of what tests/bench/inside printed.

usage: report.py COMMAND DATE LAYOUT LOG... ; writes build/bench/bench.json and docs/bench.md, the table to stdout
"""
import json
import sys

command, date, layout, *logs = sys.argv[1:]

# One machine a log; differences are taken within a machine, where they repeat to about 10 instructions.
boots = []
for log in logs:
    values = {}
    for line in open(log):
        if line.startswith("= "):
            _, key, value = line.split(None, 2)
            values[key] = value.strip()
    boots.append(values)


def number(boot, key):
    return int(boot[key]) if key in boot else None


def own(boot, key, base):
    value, none = number(boot, key), number(boot, base)
    return None if value is None or none is None else value - none


# Two machines do nothing but the whole path.
whole = {key: value for boot in boots for key, value in boot.items() if key.startswith("whole-")}
boots = [boot for boot in boots if not any(key.startswith("whole-") for key in boot)]

# A machine for each type of tunnel uploads, and does nothing else.
uploads = {boot["tunnel"]: boot for boot in boots if "upload/p0" in boot}
boots = [boot for boot in boots if "upload/p0" not in boot]

# Tables of sessions are VXLAN's; the others have a column each for one session.
tunnels = {boot["tunnel"]: boot for boot in boots}
boots = [boot for boot in boots if boot["tunnel"] == "vxlan"] or boots

# Row, key of the measurement, key of the same packet without the module, the target
ROWS = [
    ("request, later packets", "request", "request/p0", "+350"),
    ("request, first packet (new tuple)", "new", "new/p0", "+1100"),
    ("reply, bridge steering", "steer", "reply/p0", "+300"),
    ("reply, rewrite alone", "rewrite", "reply/p0", "-"),
    ("unrelated traffic in", "unrelated-in", "unrelated-in/p0", "+60"),
    ("unrelated traffic out", "unrelated-out", "unrelated-out/p0", "+200"),
    ("unrelated out, from a balanced port", "unrelated-out-port", "unrelated-out/p0", "-"),
    ("the server's port direct: request", "port-request", "request/p0", "+300"),
    ("the server's port direct: new tuple", "port-new", "new/p0", "+700"),
    ("the server's port direct: reply", "port-reply", "reply/p0", "-1600"),
    ("the server's port direct: unrelated in", "port-unrelated-in", "unrelated-in/p0", "+40"),
    ("the server's port direct: unrelated out", "port-unrelated-out", "unrelated-out/p0", "+150"),
    ("marking (balancer's host)", "mark", "mark/p0", "-"),
    ("unmarked traffic (balancer's host)", "balancer-unmarked", "balancer-unmarked/p0", "-"),
]
IDLE = [("request", "request/loaded", "request/p0"), ("reply", "reply/loaded", "reply/p0"),
        ("balancer's host", "mark/loaded", "mark/p0")]
sizes = sorted({int(key.split("/")[1]) for boot in boots for key in boot
                if key.startswith("request/") and key.split("/")[1].isdigit()})


def first(function):
    for boot in boots:
        value = function(boot)
        if value is not None:
            return value
    return None


def shown(value, sign="+"):
    return "-" if value is None else f"{value:{sign}}"


table = ["| instructions for each packet, at one host | without the module | " +
         " | ".join(f"{size:,} session" + "s" * (size > 1) for size in sizes) + " | target |",
         "|---|---|" + "---|" * (len(sizes) + 1)]
for name, key, base, target in ROWS:
    cells = [shown(first(lambda boot: own(boot, f"{key}/{size}", base))) for size in sizes]
    if any(cell != "-" for cell in cells):
        table.append(f"| {name} | {shown(first(lambda boot: number(boot, base)), '')} | " + " | ".join(cells) +
                     f" | {target} |")
for name, key, base in IDLE:
    value = first(lambda boot: own(boot, key, base))
    if value is not None:
        table.append(f"| loaded, not configured: {name} | {first(lambda boot: number(boot, base))} | " +
                     " | ".join([shown(value)] + [""] * (len(sizes) - 1)) + " | 0 |")

names = {"vxlan": "VXLAN", "geneve": "Geneve", "gre": "GRE with a key", "ipgre": "GRE, IP inside", "mpls": "MPLS",
         "mplsgre": "MPLS in GRE", "mplsudp": "MPLS in UDP"}
by_tunnel = ["| with 1 session | " + " | ".join(f"{names[t]}: without | the module" for t in tunnels) + " |",
             "|---|" + "---|---|" * len(tunnels)]
for name, key, base, _ in ROWS:
    pairs = [(number(boot, base), own(boot, f"{key}/1", base)) for boot in tunnels.values()]
    by_tunnel.append(f"| {name} | " + " | ".join(f"{shown(a, '')} | {shown(b)}" for a, b in pairs) + " |")

UPLOADS = [("without the module", "p0"), ("configured, not marked", "unmarked"), ("marked", "marked"),
           ("not marked, without GRO at the underlay's device", "unjoined")]
upload = ["| instructions for each MByte uploaded, all hosts; packets in front of the tunnel device | " +
          " | ".join(names[tunnel] for tunnel in uploads) + " |", "|---|" + "---|" * len(uploads)]
for name, key in UPLOADS:
    cells = []
    for boot in uploads.values():
        base, value = number(boot, "upload/p0"), number(boot, "upload/" + key)
        more = f" ({100 * (value - base) / base:+.0f} %)" if key != "p0" else ""
        cells.append(f"{value:,}{more}; {boot['upload-packets/' + key]}")
    upload.append(f"| {name} | " + " | ".join(cells) + " |")

WHOLE = [("a datagram there and back", "trip"), ("a connection, a request and an answer", "connection"),
         ("a MByte up", "up"), ("a MByte down", "down")]
WAYS = [("p0", "P0"), ("p0g", "P0g"), ("steering", "ours, bridge steering"), ("direct", "ours, the server's port direct")]
path = ["| instructions, all hosts | " + " | ".join(name for _, name in WAYS) + " |", "|---|" + "---|" * len(WAYS)]
for name, kind in WHOLE:
    base = int(whole.get(f"whole-{kind}/p0g", 0))
    cells = []
    for way, _ in WAYS:
        value = int(whole.get(f"whole-{kind}/{way}", 0))
        more = f" ({100 * (value - base) / base:+.1f} %)" if base and way not in ("p0", "p0g") else ""
        cells.append(f"{value:,}{more}" if value else "-")
    path.append(f"| {name} | " + " | ".join(cells) + " |")

facts = ["| what | figure | target |", "|---|---|---|"]


def fact(what, figure, target="-"):
    facts.append(f"| {what} | {figure} | {target} |")


for boot in boots:
    for key in sorted(boot):
        kind, _, size = key.partition("/")
        if kind == "slab":
            n, buckets = int(size), 1024
            while n * 4 > buckets * 3:
                buckets *= 2
            fact(f"bytes of a session of IPv4, {n:,} of them: slab, and 8 for each of {buckets:,} buckets",
                 f"{float(boot[key]):.1f} + {8 * buckets / n:.1f}", "96")
        elif kind == "create" and int(size) >= 100000:
            net = int(boot[key]) - number(boot, "new/p0")
            fact(f"instructions to make one of {int(size):,} sessions, growth of the table included", f"{net:,}")
            fact("sessions made in 10^9 instructions (packet handling not counted)", f"{1000000000 // net:,}")
        elif kind == "conntrack":
            net = int(boot[key]) - number(boot, "new/p0")
            fact(f"the same for {int(size):,} entries of nf_conntrack (on the bridge; all its buckets from the beginning)",
                 f"{net:,}", "no fewer than ours")
            fact("entries made in 10^9 instructions", f"{1000000000 // net:,}")
        elif kind == "list-ns":
            fact(f"`session list` of {int(boot['list-lines/' + size]) - 1:,} sessions, 10^9 instructions (seconds at one a nanosecond)",
                 f"{int(boot[key]) / 1e9:.1f}")
        elif kind == "count-ns":
            fact(f"`session count` of {int(size):,}, 10^9 instructions", f"{int(boot[key]) / 1e9:.2f}")

suspects = [f"* `{key[8:]}` ({boot['tunnel']}): {boot[key]}" for boot in tunnels.values() for key in boot if key.startswith("suspect/")]

with open("build/bench/bench.json", "w") as file:
    json.dump({"command": command, "date": date, "boots": list(tunnels.values()) + list(uploads.values()),
               "whole": whole}, file, indent=1)

print("\n".join(table + [""] + by_tunnel + [""] + upload + [""] + path + [""] + facts))
if suspects:
    print("\nNot dropped or counted exactly as often as sent:\n" + "\n".join(suspects))

with open("tests/bench/bench.md.in") as file:
    text = file.read()
text = text.replace("@COMMAND@", command).replace("@DATE@", date).replace("@KERNEL@", boots[0].get("kernel", "?"))
text = text.replace("@COUNT@", boots[0].get("count", "?")).replace("@TABLE@", "\n".join(table))
text = text.replace("@TUNNELS@", "\n".join(by_tunnel)).replace("@UPLOAD@", "\n".join(upload)).replace("@WHOLE@", "\n".join(path)).replace("@FACTS@", "\n".join(facts)).replace("@LAYOUT@", open(layout).read().strip())
text = text.replace("@SUSPECTS@", "\n".join(suspects) if suspects else "None.")
with open("docs/bench.md", "w") as file:
    file.write(text)
