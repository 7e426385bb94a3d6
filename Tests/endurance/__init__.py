"""The judge of "a failing shard costs only its own requests", on real processes: clients record what they asked, when,
and what they were answered, while servers are killed, stopped, slowed down and cut off; afterwards the history must be
one that four correct servers could have made. `python3 -m endurance --help`, from the folder Tests/.

The path of a chapter: `conductor` draws faults from the seed and inflicts them on servers (`fleet`), on the bytes
between Keyway and each server (`wire`), on the machine's network (`network`) and on Keyway itself; `clients` are
processes whose requests are kept as `history`; when the chapter is healed and read once more, `checks` looks for wrong
replies and lost writes, and `report` adds up. Every chapter has keys of its own, so memory does not grow with the
length of a run.

Standard library only; server and program are found as `differential` finds them.
"""
