#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What Documentation/operations.rst promises, as C tables for the reference model.

    rules.py operations.rst >rules_table.h

The document's tables are read word by word: what is not understood ends this
with an error, so that no promise is left out silently.
"""
import re
import sys

STATES = {
    "Initialized": 2, "Unsynchronized": 3, "Synchronized": 4, "Broken": 5, "Fractured": 6,
    "Split": 7, "Inactive": 8, "Suspended": 9, "Failedover": 10, "Prepared": 11,
    "Aborted": 12, "Skewed": 13, "Partitioned": 16, "Invalid": 17, "Restored": 18,
}
OPERATIONS = {
    "Abort": 2, "Activate": 4, "Deactivate": 7, "Detach": 8, "Dissolve": 9, "Failover": 10,
    "Failback": 11, "Fracture": 12, "Resync Replica": 14, "Restore from Replica": 15,
    "Resume": 16, "Reset To Sync": 17, "Reset To Async": 18, "Return To ResourcePool": 19,
    "Reverse Roles": 20, "Split": 21, "Suspend": 22, "Unprepare": 23, "Prepare": 24,
}
TYPES = {"mirror": 0, "snapshot": 1, "clone": 2}
ACCESS = {"nothing": 0, "read": 1, "read, write": 2}
FACTS = {
    "the target is not consistent": "if_inconsistent", "it is not in sync": "if_not_in_sync",
    "the source changed since": "if_source_changed",
    "the target changed since": "if_target_changed",
}
IN_USE = {
    "the target must not be in use": "RULE_TARGET",
    "the source must not be in use": "RULE_SOURCE",
    "neither may be in use": "RULE_SOURCE | RULE_TARGET",
}
TURNED = {"Restoring": "RESTORING", "Failing back": "FAILING_BACK"}


def bad(what, text):
    sys.exit("rules.py: %s is not understood: %s" % (what, text))


def rows(lines):
    """Each row of a list-table as a list of its cells' texts."""
    found = []
    for line in lines:
        m = re.match(r"   (\*| ) -\s?(.*)", line)
        if m:
            if m.group(1) == "*":
                found.append([])
            found[-1].append(m.group(2).strip())
        elif re.match(r"       \S", line):
            found[-1][-1] = (found[-1][-1] + " " + line.strip()).strip()
    return found[1:]


def sections(text):
    for m in re.finditer(r"\.\. generated: ([^\n]+)\n(.*?)\.\. end of generated part", text, re.S):
        yield m.group(1).split(), rows(m.group(2).split("\n"))


def conditions(rest, fields):
    for m in re.finditer(r"If (.*?): (\*Force\* |Invalid State )?\(.*?\)(?=\. If |$)", rest):
        if m.group(1) not in FACTS:
            bad("a condition", m.group(0))
        kind = {None: "COND_ACTS", "*Force* ": "COND_FORCE",
                "Invalid State ": "COND_INVALID"}[m.group(2)]
        fields[FACTS[m.group(1)]] = kind
    if rest.count("If ") != len([f for f in fields if f.startswith("if_")]):
        bad("conditions", rest)


def one_rule(text):
    fields = {}
    head, _, rest = text.partition(". If ")
    if rest:
        conditions("If " + rest, fields)
    if head.startswith("Invalid State: "):
        fields["kind"] = "RULE_INVALID"
        return fields
    clauses, _, _words = head.partition(": ")
    clauses = clauses.split("; ")
    what = clauses.pop(0)
    for clause in clauses:
        if clause == "*Force*":
            fields["force"] = "1"
        elif clause in IN_USE:
            fields["in_use"] = IN_USE[clause]
        else:
            bad("a clause", clause)
    if what == "no change":
        fields["kind"] = "RULE_SAME"
        return fields
    if what == "the sync is gone":
        fields["kind"] = "RULE_GONE"
        return fields
    fields["kind"] = "RULE_CHANGES"
    m = re.fullmatch(r"(?:(\w+) / ([\w ]+), then )?\*\*(\w+)\*\* / ([\w ]+)", what)
    if not m:
        bad("a result", what)
    if m.group(1):
        fields["during"] = str(STATES[m.group(1)])
        fields["turned"] = TURNED.get(m.group(2), "NOT_TURNED")
    fields["after"] = str(STATES[m.group(3)])
    return fields


def rule_lines(kind, turned, table):
    operation = None
    for first, states, text in table:
        operation = first or operation
        fields = one_rule(text)
        init = ", ".join(".%s = %s" % f for f in sorted(fields.items()))
        for state in states.split(", "):
            yield "\t[%d][%d][%d][%d] = { %s }," % (TYPES[kind], turned, OPERATIONS[operation],
                                                    STATES[state], init)


def access_lines(kind, table):
    for cells in table:
        m = re.fullmatch(r"(\w+) \((\d+)\)", cells[0])
        if not m or STATES[m.group(1)] != int(m.group(2)):
            bad("a state", cells[0])
        words = [str(ACCESS[c]) for c in cells[1:5]] + [str(int(c == "yes")) for c in cells[5:7]]
        yield "\t[%d][%s] = { { { %s, %s }, { %s, %s } }, %s, %s }," % (
            TYPES[kind], m.group(2), *words)


def main():
    text = open(sys.argv[1], encoding="utf-8").read()
    rules, access = [], []
    for words, table in sections(text):
        if words[0] in ("operations", "restoring"):
            rules += rule_lines(words[1], int(words[0] == "restoring"), table)
        elif words[0] == "states":
            access += access_lines(words[1], table)
    if len(rules) < 400 or len(access) < 30:
        sys.exit("rules.py: only %d rules, %d states" % (len(rules), len(access)))
    print("/* Made by selftests/model/rules.py from Documentation/operations.rst */")
    print("const struct rule rule_table[3][2][25][32] = {\n%s\n};" % "\n".join(rules))
    print("const struct access access_table[3][32] = {\n%s\n};" % "\n".join(access))


main()
