"""The judge is judged: `python3 -m unittest endurance.test_checks`, from the folder Tests/. Histories that are wrong in
one way each, and random ones against a search of all orders."""

import itertools
import random
import unittest

from .checks import Findings, check_counters, check_errors, check_own_order, check_registers
from .conductor import CORRUPT, Window
from .history import Outcome, Request, judge, outcome_of, read, spell

KEY = b"k"


def asked(name: str, value: object, invoked: float, completed: float, outcome: Outcome = Outcome.DONE, client: int = 1,
          position: int = 0, text: str = "") -> Request:
    return Request(client, 0, position, name, (KEY,), (value,), invoked, completed, outcome, text)


def register(*history: Request, last: tuple[Request, ...] = (), deaths: tuple[Window, ...] = ()) -> Findings:
    findings = Findings()
    check_registers(list(history), list(last), {KEY: list(deaths)}, findings)
    return findings


def order_exists(history: tuple[Request, ...]) -> bool:
    """By trying all of them."""
    for order in itertools.permutations(history):
        value, fits = None, True
        for position, request in enumerate(order):
            if any(later.completed < request.invoked for later in order[position + 1 :]):
                fits = False
            elif request.name == "SET":
                value = request.values[0]
            elif request.values[0] != value:
                fits = False
            if not fits:
                break
        if fits:
            return True
    return False


class RegisterTests(unittest.TestCase):
    def test_a_right_history(self):
        self.assertFalse(register(
            asked("GET", None, 0, 1), asked("SET", (1, 1), 2, 5), asked("GET", None, 3, 4), asked("GET", (1, 1), 3, 4),
            asked("GET", (1, 1), 6, 7)).all())

    def test_a_stale_read(self):
        self.assertTrue(register(
            asked("SET", (1, 1), 0, 1), asked("SET", (1, 2), 2, 3), asked("GET", (1, 1), 4, 5)).wrong_replies)

    def test_a_value_that_nobody_wrote(self):
        self.assertTrue(register(asked("GET", (1, 1), 0, 1)).wrong_replies)
        self.assertTrue(register(asked("GET", read(b"nonsense"), 0, 1)).wrong_replies)

    def test_a_write_that_was_refused_and_is_there(self):
        write = asked("SET", (1, 1), 0, 1, Outcome.NOTHING)
        self.assertFalse(register(write, asked("GET", None, 2, 3)).all())
        self.assertTrue(register(write, asked("GET", (1, 1), 2, 3)).wrong_replies)

    def test_a_write_of_unknown_outcome(self):
        write = asked("SET", (1, 1), 0, 1, Outcome.UNKNOWN)
        late = asked("GET", (1, 1), 4, 5)
        self.assertFalse(register(write, asked("GET", None, 2, 3), late).all())
        self.assertTrue(register(write, late, asked("GET", None, 6, 7)).wrong_replies)

    def test_a_lost_write(self):
        findings = register(asked("SET", (1, 1), 0, 1), last=(asked("GET", None, 2, 3),))
        self.assertFalse(findings.wrong_replies)
        self.assertTrue(findings.lost_writes)

    def test_a_cache_forgets_and_nothing_comes_back(self):
        death = Window("death", 3, 4, 5)
        write = asked("SET", (1, 1), 0, 1)
        self.assertFalse(register(write, asked("GET", None, 6, 7), deaths=(death,)).all())
        self.assertTrue(register(write, asked("GET", None, 2, 3), deaths=(death,)).wrong_replies)
        self.assertTrue(register(write, asked("GET", (1, 1), 6, 7), deaths=(death,)).wrong_replies)

    def test_random_histories_against_all_orders(self):
        source = random.Random(7)
        verdicts = set()
        for _ in range(1500):
            history = []
            for number in range(source.randint(2, 6)):
                begin = source.random() * 10
                times = (begin, begin + source.random() * 5)
                if source.random() < 0.5:
                    history.append(asked("SET", (1, number), *times))
                else:
                    written = [request.values[0] for request in history if request.name == "SET"]
                    history.append(asked("GET", source.choice([None, *written]), *times))
            is_right = order_exists(tuple(history))
            verdicts.add(is_right)
            self.assertEqual(not register(*history).all(), is_right, history)
        self.assertEqual(verdicts, {True, False})


class OtherTests(unittest.TestCase):
    def test_the_order_of_one_client(self):
        def findings(*history: Request) -> list[str]:
            found = Findings()
            check_own_order(list(history), {KEY}, found)
            return found.wrong_replies

        one, two = (asked("SET", (1, number), 0, 1, position=number) for number in (1, 2))
        self.assertFalse(findings(one, asked("GET", (1, 1), 0, 1, position=1.5), two))
        self.assertFalse(findings(one, two, asked("GET", (1, 2), 0, 1, position=3)))
        self.assertTrue(findings(one, two, asked("GET", (1, 1), 0, 1, position=3)))
        self.assertTrue(findings(one, asked("GET", (1, 2), 0, 1, position=1.5), two))

    def counter(self, final: int, *history: Request) -> Findings:
        findings = Findings()
        check_counters(list(history), {KEY: final}, set(), findings)
        return findings

    def test_counters(self):
        one, two = asked("INCR", 1, 0, 1), asked("INCR", 2, 2, 3)
        unknown = Request(1, 0, 0, "INCR", (KEY,), (), 0, 1, Outcome.UNKNOWN)
        self.assertFalse(self.counter(2, one, two).all())
        self.assertFalse(self.counter(3, one, two, unknown).all())
        self.assertTrue(self.counter(3, one, two).wrong_replies)
        self.assertTrue(self.counter(1, one, two).lost_writes)
        self.assertTrue(self.counter(2, one, asked("INCR", 1, 2, 3)).wrong_replies)
        self.assertTrue(self.counter(2, asked("INCR", 2, 0, 1), asked("INCR", 1, 2, 3)).wrong_replies)

    def errors(self, request: Request, *windows: Window) -> Findings:
        findings = Findings()
        check_errors([request], list(windows), {KEY: 1}, findings)
        return findings

    def test_errors_need_a_fault_of_their_shard(self):
        failed = asked("GET", None, 10, 11, Outcome.NOTHING, text="SHARDDOWN shard shard1 (127.0.0.1:1): gone")
        self.assertFalse(self.errors(failed, Window("kill", 1, 8, 9)).all())
        self.assertFalse(self.errors(failed, Window("outage", None, 8, 9)).all())
        self.assertTrue(self.errors(failed, Window("kill", 2, 8, 9)).stray_errors)
        self.assertTrue(self.errors(failed, Window("kill", 1, 12, 13)).stray_errors)
        other = failed._replace(text="SHARDDOWN shard shard2")
        self.assertTrue(self.errors(other, Window("kill", 1, 8, 9)).stray_errors)

    def test_odd_replies_come_from_corrupted_shards(self):
        odd = asked("GET", None, 10, 11, Outcome.ODD, text="GET was answered 7")
        self.assertTrue(self.errors(odd, Window("kill", 1, 8, 9)).wrong_replies)
        self.assertFalse(self.errors(odd, Window(CORRUPT, 1, 8, 9)).all())
        self.assertTrue(self.errors(odd._replace(text="no reply within 20 s"), Window(CORRUPT, 1, 8, 9)).wrong_replies)

    def test_what_errors_promise(self):
        self.assertIs(outcome_of("SET", "OVERLOADED ...; nothing was executed; try again"), Outcome.NOTHING)
        self.assertIs(outcome_of("SET", "CONNLOST ...; outcome unknown: it may have been executed"), Outcome.UNKNOWN)
        part = "SHARDDOWN 'mset' failed on 1 of 2 shards, first on shard1: nothing was executed"
        self.assertIs(outcome_of("MSET", part), Outcome.UNKNOWN)
        self.assertIs(outcome_of("SET", "ERR surprise"), Outcome.ODD)

    def test_values_tell_what_they_are(self):
        self.assertEqual(read(spell((3, 17), 200)), (3, 17))
        self.assertIsInstance(read(spell((3, 17), 200)[:-1]), str)
        reply = [None, spell((1, 2), 0)]
        self.assertEqual(judge("MGET", (b"a", b"b"), (), b"", reply), (Outcome.DONE, (None, (1, 2)), ""))


if __name__ == "__main__":
    unittest.main()
