"""The judge is judged: `python3 -m unittest coherence.test_checks`, from the folder Tests/. Histories that are wrong in
one way each, and those next to them that are right."""

import unittest

from .checks import LATE_S, Findings, Judge, KeyHistory
from .history import BESIDE, NEVER, Read, Write
from .kinds import KINDS, mark, spell, unspell
from .staleness import Staleness

KEY = b"s0"
LEASE_S, SLACK_S = 0.1, 0.05


def wrote(version: int, began: float, acknowledged: float, client: int = 1, way: int = 0, position: int = 1,
          is_end: bool = False, is_expiry: bool = False, key: bytes = KEY) -> Write:
    return Write(key, version, is_end, client, position, way, began, acknowledged, "SET", is_expiry)


def saw(version: int | None | str, began: float, ended: float, client: int = 2, way: int = 0, position: int = 1,
        key: bytes = KEY) -> Read:
    return Read(key, version, client, position, way, began, ended, "GET")


def rules(*events: Read | Write, pauses: tuple = ()) -> list[str]:
    """The rules that these break."""
    reads = [event for event in events if isinstance(event, Read)]
    writes = [event for event in events if isinstance(event, Write)]
    findings = Findings()
    judge = Judge(LEASE_S, SLACK_S, list(pauses))
    judge.judge(reads, writes, {key: KeyHistory(key, [write for write in writes if write.key == key])
                                for key in {event.key for event in events}}, findings)
    return sorted(findings.counts)


FIRST, SECOND = wrote(1, 0, 1), wrote(2, 2, 3)
BESIDE_SECOND = SECOND._replace(way=BESIDE)
SAME_KEYWAY = "older than what was written through the same Keyway"


class RuleTests(unittest.TestCase):
    def test_a_right_history(self):
        reads = saw(None, -1, 0.5), saw(1, 1, 2.5, position=2), saw(2, 4, 5, position=3)
        self.assertEqual(rules(FIRST, SECOND, *reads), [])

    def test_a_client_goes_back(self):
        late = SECOND._replace(acknowledged=9)
        self.assertEqual(rules(FIRST, late, saw(2, 4, 5), saw(1, 6, 7, position=2)), ["went back"])
        self.assertEqual(rules(FIRST, late, saw(2, 4, 5), saw(1, 6, 7, client=3)), [])

    def test_replies_of_one_piece_have_an_order(self):
        late = SECOND._replace(acknowledged=9)
        self.assertEqual(rules(FIRST, late, saw(2, 4, 5), saw(1, 4, 5, position=2)), ["went back"])
        self.assertEqual(rules(FIRST, late, saw(1, 4, 5), saw(2, 4, 5, position=2)), [])

    def test_a_client_reads_what_it_wrote(self):
        self.assertEqual(rules(FIRST, SECOND._replace(position=2), saw(1, 2, 3, client=1, position=3)),
                         ["not its own write"])
        self.assertEqual(rules(FIRST, SECOND._replace(position=3), saw(1, 2, 3, client=1, position=2)), [])

    def test_a_client_reads_nothing_that_it_writes_later(self):
        self.assertEqual(rules(FIRST, SECOND._replace(position=3), saw(2, 2, 3, client=1, position=2)),
                         ["before its own write"])

    def test_an_end_that_a_client_asks_for_later_is_the_last_thing_to_blame(self):
        own = wrote(3, 4, 5, client=7, position=3, is_end=True)
        read = saw(None, 4, 4.5, client=7, position=2)
        flush = wrote(2, 2, NEVER, client=8, is_end=True)
        self.assertEqual(rules(FIRST, own, read), ["before its own write"])
        self.assertEqual(rules(FIRST, flush, own, read), [])

    def test_what_went_through_the_same_keyway_is_seen_at_once(self):
        self.assertEqual(rules(FIRST, SECOND, saw(1, 3.001, 4)), [SAME_KEYWAY])
        self.assertEqual(rules(FIRST, SECOND, saw(1, 2.999, 4)), [])
        self.assertEqual(rules(FIRST, SECOND, saw(1, 3.001, 4, way=1)), [])

    def test_what_went_beside_it_is_seen_within_the_lease(self):
        self.assertEqual(rules(FIRST, BESIDE_SECOND, saw(1, 3.149, 4)), [])
        self.assertEqual(rules(FIRST, BESIDE_SECOND, saw(1, 3.151, 4)), ["staler than the lease"])
        self.assertEqual(rules(FIRST, SECOND, saw(1, 3.151, 4, way=1)), ["staler than the lease"])

    def test_pauses_of_the_machine_are_allowed_for(self):
        self.assertEqual(rules(FIRST, BESIDE_SECOND, saw(1, 3.2, 3.3), pauses=((3.05, 3.15),)), [])
        self.assertEqual(rules(FIRST, BESIDE_SECOND, saw(1, 3.2, 3.3), pauses=((1.05, 1.15),)),
                         ["staler than the lease"])

    def test_a_key_that_ended(self):
        end = wrote(2, 2, 3, is_end=True)
        self.assertEqual(rules(FIRST, end, saw(None, 4, 5)), [])
        self.assertEqual(rules(FIRST, end, saw(1, 4, 5)), [SAME_KEYWAY, "staler than the lease"])
        self.assertEqual(rules(FIRST, end, wrote(3, 6, 7), saw(None, 8, 9)), [SAME_KEYWAY, "staler than the lease"])
        self.assertEqual(rules(FIRST, saw(None, 2, 3)), [SAME_KEYWAY, "staler than the lease"])

    def test_a_life_that_ended(self):
        end = wrote(2, 2, 2.01, way=BESIDE, is_end=True, is_expiry=True)
        self.assertEqual(rules(FIRST, end, saw(1, 2.05, 2.1)), [])
        self.assertEqual(rules(FIRST, end, saw(1, 2.07, 2.1)), ["staler than the lease"])
        self.assertEqual(rules(FIRST, end, saw(None, 1.5, 1.9)), [SAME_KEYWAY, "staler than the lease"])

    def test_a_life_that_others_ended_before(self):
        end = wrote(2, 9, 9.01, way=BESIDE, is_end=True, is_expiry=True)
        self.assertEqual(rules(FIRST, end, wrote(3, 2, 3, is_end=True), saw(None, 4, 5)), [])

    def test_what_nobody_wrote(self):
        self.assertEqual(rules(FIRST, saw(7, 2, 3)), ["never written"])
        self.assertEqual(rules(FIRST, saw("nonsense", 2, 3)), ["never written"])
        self.assertEqual(rules(FIRST, SECOND, saw(2, 1.2, 1.5)), ["never written"])

    def test_a_write_of_unknown_outcome(self):
        unknown = wrote(2, 2, NEVER, client=9)
        third = wrote(3, 4, 5)
        self.assertEqual(rules(FIRST, unknown, saw(1, 3, 4)), [])
        self.assertEqual(rules(FIRST, unknown, saw(2, 3, 4)), [])
        self.assertEqual(rules(FIRST, unknown, third, saw(2, 6, 6.1)), [], "it may have come late")
        much_later = wrote(4, 2 + LATE_S, 3 + LATE_S)
        self.assertEqual(rules(FIRST, unknown, third, much_later, saw(2, 4 + LATE_S, 5 + LATE_S)),
                         [SAME_KEYWAY, "staler than the lease"])
        self.assertEqual(rules(FIRST, unknown, saw(2, 1.1, 1.2)), ["never written"])

    def test_an_end_of_unknown_outcome(self):
        unknown = wrote(2, 2, NEVER, client=9, is_end=True)
        self.assertEqual(rules(FIRST, unknown, saw(None, 3, 4)), [])
        self.assertEqual(rules(FIRST, unknown, saw(1, 5, 6)), [])
        covering = wrote(3, 2 + LATE_S, 3 + LATE_S)
        self.assertEqual(rules(FIRST, unknown, covering, saw(None, 4 + LATE_S, 5 + LATE_S)),
                         [SAME_KEYWAY, "staler than the lease"])

    def test_a_counter_is_its_own_version(self):
        one, two = (wrote(number, number, number + 0.5, key=b"c0") for number in (1, 2))
        unknown = wrote(0, 2, NEVER, key=b"c0")
        self.assertEqual(rules(one, two, saw(2, 3, 4, key=b"c0")), [])
        self.assertEqual(rules(one, two, saw(1, 3, 4, key=b"c0")), [SAME_KEYWAY, "staler than the lease"])
        self.assertEqual(rules(one, two, saw(3, 3, 4, key=b"c0")), ["never written"])
        self.assertEqual(rules(one, two, unknown, saw(3, 3, 4, key=b"c0")), [])


class OtherTests(unittest.TestCase):
    def test_values_tell_their_version(self):
        self.assertEqual([unspell(KEY, spell(KEY, version)) for version in (1, 94, 12345)], [1, 94, 12345])
        self.assertIsNone(unspell(KEY, None))
        self.assertIsInstance(unspell(KEY, spell(KEY, 30)[:-1]), str)

    def test_values_tell_their_key(self):
        for reply in (spell(b"s1", 7), b"7", mark(KEY, 7), mark(KEY, 7) + b"8", 7, [spell(KEY, 7)]):
            self.assertIsInstance(unspell(KEY, reply), str, reply)
        reads = {name: kind.reads(name.encode() + b"0")[0].read for name, kind in KINDS.items()}
        replies = {"s": spell(KEY, 7), "h": mark(b"h0", 7), "l": mark(b"l0", 7), "z": b"-7", "c": b"7"}
        for name, read in reads.items():
            for other, reply in replies.items():
                self.assertEqual(read(reply) == 7, name == other, f"{reply} to a read of {name}0")

    def test_replies_of_both_protocols_tell_the_same(self):
        def found(name: str, index: int, reply: object) -> object:
            return KINDS[name].reads(name.encode())[index].read(reply)

        self.assertEqual([found("z", 0, reply) for reply in (b"-7", (",", b"-7"))], [7, 7])
        self.assertEqual([found("z", 0, reply) for reply in (None, ("_", b""))], [None, None])
        self.assertEqual([found("h", 1, reply) for reply in ([b"h.7", b"h.7"], [None, None])], [7, None])
        self.assertIsInstance(found("h", 1, [b"h.7", b"h.8"]), str)
        self.assertEqual([found("l", 1, reply) for reply in ([b"l.7"], [])], [7, None])
        self.assertEqual([found("s", 1, reply) for reply in (spell(b"s", 7), b"")], [7, None])
        self.assertEqual([found("c", 0, reply) for reply in (b"7", None)], [7, 0])

    def test_staleness_counts_from_the_first_write_that_was_missed(self):
        staleness = Staleness()
        third = wrote(3, 4, 5, way=BESIDE)
        history = {KEY: KeyHistory(KEY, [FIRST, BESIDE_SECOND, third])}
        staleness.add([saw(1, 6, 7), saw(2, 4.5, 7), saw(2, 5.25, 7), saw(3, 8, 9), saw(None, 8, 9)], history)
        self.assertEqual(staleness.stale_s, [3, 0.25])


if __name__ == "__main__":
    unittest.main()
