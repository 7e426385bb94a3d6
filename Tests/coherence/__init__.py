"""The judge of "copies of hot keys are never older than promised", on real processes: clients read keys that are hot
while others write them through Keyway and beside it, and while servers, their connections and Keyway itself are made to
fail.
`python3 -m coherence --help`, from the folder Tests/.

Each write of a key makes its next version, so all that may be read of a key has one order. The path of a chapter:
`writers` and `readers` keep what became of their requests (`steps`) as `history`; `conductor` inflicts faults;
`checks` holds every read against the versions that its time allows, `staleness` measures how old they were, and
`report` adds up.

Servers, wires and faults are those of `endurance`. Standard library only.
"""
