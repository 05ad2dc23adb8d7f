"""Whether a firewall of this machine lets other devices in, as far as that can be read without root."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lab.setup.before_class.machine_reader import MachineReader
from lab.setup.findings import BAD, GOOD, NOTE, Finding
from runtime.installation import COMMAND

_MAC_FIREWALL = "/usr/libexec/ApplicationFirewall/socketfilterfw"


def finding(machine: MachineReader, ports: Sequence[int], interface: str) -> Finding:
    """What the first firewall that is found says of these ports on this interface."""
    if machine.system == "darwin":
        return _application_firewall(machine)
    if machine.is_wsl:
        return Finding(
            "firewall",
            NOTE,
            "The firewall of Windows stands before this machine and cannot be read from WSL.",
            f"Allow the ports in Windows (as administrator): {_windows_rule(ports)}",
        )
    return _ufw(machine, ports) or _firewalld(machine, ports, interface) or _rules(machine, ports)


def _ufw(machine: MachineReader, ports: Sequence[int]) -> Finding | None:
    settings = machine.text("/etc/ufw/ufw.conf")
    if settings is None or not re.search(r"^ENABLED=yes\b", settings, re.MULTILINE | re.IGNORECASE):
        return None
    defaults = machine.text("/etc/default/ufw") or ""
    if re.search(r"^DEFAULT_INPUT_POLICY=\"?ACCEPT", defaults, re.MULTILINE):
        return Finding("firewall", GOOD, "ufw is on and lets in whatever no rule refuses.")
    remedy = "; ".join(f"sudo ufw allow {port}/tcp" for port in ports)
    rules = machine.text("/etc/ufw/user.rules")
    if rules is None:
        detail = "ufw is on and keeps devices out; whether it makes an exception, only root can read."
        return Finding("firewall", NOTE, detail, f"Allow the ports: {remedy}")
    closed = [port for port in ports if not _ufw_allows(rules, port)]
    if closed:
        detail = f"ufw is on and keeps devices out of {_joined(closed)}."
        return Finding("firewall", BAD, detail, f"Allow the ports: {remedy}")
    return Finding("firewall", GOOD, f"ufw is on and lets devices in to {_joined(ports)}.")


def _ufw_allows(rules: str, port: int) -> bool:
    """ufw keeps each rule of the user as `### tuple ### allow tcp 8090,8080 0.0.0.0/0 any 0.0.0.0/0 in`."""
    found = re.findall(r"^### tuple ### (?:allow|limit)\S* (?:tcp|any) (\S+) ", rules, re.MULTILINE)
    return any(_holds(part, port) for ports in found for part in ports.split(","))


def _firewalld(machine: MachineReader, ports: Sequence[int], interface: str) -> Finding | None:
    state = machine.run("firewall-cmd", "--state")
    if state is None or state.text.strip() != "running":
        return None
    named = machine.run("firewall-cmd", f"--get-zone-of-interface={interface}") if interface else None
    zone = named.text.strip() if named and named.code == 0 else ""
    option = [f"--zone={zone}"] if zone else []
    remedy = "Allow the ports until the next restart: sudo firewall-cmd " + " ".join(
        [*option, *(f"--add-port={port}/tcp" for port in ports)]
    )
    if zone == "trusted":
        return Finding("firewall", GOOD, "firewalld is on and trusts this network.")
    listed = machine.run("firewall-cmd", *option, "--list-ports")
    if listed is None or listed.code:
        detail = "firewalld is on; which ports it has open could not be read without root."
        return Finding("firewall", NOTE, detail, remedy)
    open_ports = [word.partition("/")[0] for word in listed.text.split() if word.endswith("/tcp")]
    closed = [port for port in ports if not any(_holds(part, port) for part in open_ports)]
    if closed:
        return Finding(
            "firewall", BAD, f"firewalld is on and keeps devices out of {_joined(closed)}.", remedy
        )
    return Finding("firewall", GOOD, f"firewalld is on and lets devices in to {_joined(ports)}.")


def _rules(machine: MachineReader, ports: Sequence[int]) -> Finding:
    """Rules of nftables or iptables that no service of the two above made."""
    ruleset = machine.run("nft", "list", "ruleset") if machine.is_root else None
    if ruleset is not None and ruleset.code == 0:
        return _nftables(ruleset.text, ports)
    chain = machine.run("iptables", "-S", "INPUT") if machine.is_root else None
    if chain is not None and chain.code == 0:
        return _iptables(chain.text, ports)
    loaded = [
        name
        for name in ("nftables", "iptables", "netfilter-persistent")
        if (state := machine.run("systemctl", "is-active", name)) and state.text.strip() == "active"
    ]
    if loaded:
        return Finding(
            "firewall",
            NOTE,
            f"Rules of {loaded[0]} were loaded at start; what they refuse, only root can read.",
            f"See `sudo nft list ruleset`, and try from a phone: `{COMMAND} doctor --class --listen`.",
        )
    return Finding(
        "firewall",
        GOOD,
        "Neither ufw nor firewalld is on; rules written by hand were not read, as only root can.",
        f"A phone shows it: `{COMMAND} doctor --class --listen`.",
    )


def _nftables(ruleset: str, ports: Sequence[int]) -> Finding:
    inputs = re.findall(r"hook input\b[^\n]*", ruleset)
    drops = [line for line in inputs if "policy drop" in line]
    closed = [port for port in ports if drops and not _nft_accepts(ruleset, port)]
    if closed:
        return Finding(
            "firewall",
            NOTE,
            f"nftables drops what comes in, and no rule seems to accept {_joined(closed)}.",
            "Add a rule (`tcp dport { … } accept`) to that chain, and try from a phone.",
        )
    return Finding("firewall", GOOD, "The rules of nftables let devices in.")


def _nft_accepts(ruleset: str, port: int) -> bool:
    for found in re.findall(r"tcp dport (\{[^}]*\}|\S+)[^\n]*\baccept\b", ruleset):
        if any(_holds(part.strip(" {}"), port) for part in found.split(",")):
            return True
    return False


def _iptables(chain: str, ports: Sequence[int]) -> Finding:
    accepted = re.findall(r"^-A INPUT .*--dports? (\S+) .*-j ACCEPT", chain, re.MULTILINE)
    drops = re.search(r"^-P INPUT DROP|^-A INPUT -j (?:DROP|REJECT)", chain, re.MULTILINE)
    parts = [part for found in accepted for part in found.split(",")]
    closed = [port for port in ports if drops and not any(_holds(part, port) for part in parts)]
    if closed:
        return Finding(
            "firewall",
            NOTE,
            f"iptables drops what comes in, and no rule seems to accept {_joined(closed)}.",
            "; ".join(f"sudo iptables -I INPUT -p tcp --dport {port} -j ACCEPT" for port in closed),
        )
    return Finding("firewall", GOOD, "The rules of iptables let devices in.")


def _application_firewall(machine: MachineReader) -> Finding:
    state = machine.run(_MAC_FIREWALL, "--getglobalstate")
    where = "System Settings, Network, Firewall"
    if state is None or state.code:
        detail = "Whether the firewall of macOS is on could not be read."
        return Finding("firewall", NOTE, detail, f"Look at {where}; it must let Python in.")
    if "disabled" in state.text.lower() or "State = 0" in state.text:
        return Finding("firewall", GOOD, "The firewall of macOS is off.")
    blocked = machine.run(_MAC_FIREWALL, "--getblockall")
    text = blocked.text.lower() if blocked else ""
    # Else it prints "… block all state set to disabled" or "… is disabled".
    if "block all" in text and "disabled" not in text:
        detail = "The firewall of macOS blocks all incoming connections."
        return Finding("firewall", BAD, detail, f"Switch that off in {where}, Options.")
    return Finding(
        "firewall",
        NOTE,
        "The firewall of macOS is on; it lets Python in only once you have allowed it.",
        f"Choose Allow when macOS asks at the first `{COMMAND} up --host 0.0.0.0`; later in "
        + where
        + ", Options.",
    )


def _windows_rule(ports: Sequence[int]) -> str:
    numbers = ",".join(str(port) for port in ports)
    rule = "New-NetFirewallRule -DisplayName HipsterLab -Direction Inbound -Protocol TCP"
    return f"{rule} -LocalPort {numbers} -Action Allow"


def _holds(part: str, port: int) -> bool:
    """Whether `8090`, `8000:9000`, `8000-9000` or `any` holds this port."""
    if part == "any":
        return True
    first, _, last = part.replace(":", "-").partition("-")
    return first.isdecimal() and int(first) <= port <= int(last if last.isdecimal() else first)


def _joined(ports: Sequence[int]) -> str:
    words = [str(port) for port in ports]
    return f"port {words[0]}" if len(words) == 1 else f"the ports {' and '.join(words)}"
