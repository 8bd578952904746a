#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A virtual machine's network card, as QEMU would have it: frames go from a macvtap device's character device to a tap
device in the machine's namespace and back, with the offloads' header in front of each.

tap_vm.py CHARACTER-DEVICE MACHINE DEVICE MAC
"""
import ctypes
import fcntl
import os
import selectors
import struct
import subprocess
import sys

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
CLONE_NEWNET = 0x40000000


def enter(namespace):
    """This process's network namespace becomes that one: what is open stays what it is."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{namespace}", encoding="ascii") as handle:
        if libc.setns(handle.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {namespace}")


def tap(name):
    """A new tap device, and its file."""
    file = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
    return file


def main():
    """Until somebody kills it."""
    node, machine, name, mac = sys.argv[1:]
    outside = os.open(node, os.O_RDWR)
    enter(machine)
    inside = tap(name)
    subprocess.run(["ip", "link", "set", name, "address", mac, "up"], check=True)
    to_other = {outside: inside, inside: outside}
    selector = selectors.DefaultSelector()
    for file in to_other:
        os.set_blocking(file, False)
        selector.register(file, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            for _ in range(64):
                try:
                    os.write(to_other[key.fd], os.read(key.fd, 70000))
                except BlockingIOError:
                    break


main()
