"""Turns: in order of coming, never two at once, and giving up in time."""

from __future__ import annotations

import threading

from store.turn import Turn


def test_turns_are_taken_in_the_order_of_coming() -> None:
    turn, order, threads = Turn(), [], []
    assert turn.acquire(1)

    def take(number: int) -> None:
        assert turn.acquire(10)
        order.append(number)
        turn.release()

    for number in range(8):
        threads.append(threading.Thread(target=take, args=(number,)))
        threads[-1].start()
        while turn.waiting < number + 1:
            threads[-1].join(0.001)
    turn.release()
    assert turn.acquire(10)
    for thread in threads:
        thread.join(10)
    assert order == list(range(8))
    turn.release()


def test_who_gives_up_leaves_the_queue() -> None:
    turn = Turn()
    assert turn.acquire(1)
    assert not turn.acquire(0.01)
    assert turn.waiting == 0
    turn.release()
    assert turn.acquire(0.01)
    turn.release()


def test_never_two_at_once() -> None:
    turn, inside, seen = Turn(), [0], []

    def work() -> None:
        for _ in range(300):
            assert turn.acquire(30)
            inside[0] += 1
            seen.append(inside[0])
            inside[0] -= 1
            turn.release()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert set(seen) == {1}


def test_the_urgent_go_first() -> None:
    turn, order, threads = Turn(), [], []
    assert turn.acquire(1)

    def take(name: str, urgent: bool) -> None:
        assert turn.acquire(10, urgent=urgent)
        order.append(name)
        turn.release()

    for name, urgent in (("first", False), ("second", False), ("urgent", True)):
        assert not turn.pressed
        threads.append(threading.Thread(target=take, args=(name, urgent)))
        threads[-1].start()
        while turn.waiting < len(threads):
            threads[-1].join(0.001)
    assert turn.pressed
    turn.release()
    for thread in threads:
        thread.join(10)
    assert order == ["urgent", "first", "second"]
