"""The time of a check, by a clock of the tests."""



from numpygpt.testing.pace import Pace, paced


def test_what_the_first_leave_over_the_later_have(clock):
    pace = Pace(10, 5)
    assert pace.next() == 2
    clock.now += 0.5
    assert pace.next() == 3.5
    clock.now += 6
    assert pace.next() == -0.5
    assert pace.next() == 1.5


def test_no_things_need_no_time(clock):
    assert Pace(10, 0).next() == 10
    assert [*paced([], 10)] == []


def test_what_comes_when_its_time_is_used_up_is_left_out(clock):
    """Ten things and ten seconds; the fourth takes four of them, to the dot."""
    seen = []
    for item in paced(iter(range(10)), 10):
        seen.append(item)
        clock.now += 4 if item == 3 else 0.5
    assert seen == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    clock.now = 0
    seen = []
    for item in paced(range(4), 4):
        seen.append(item)
        clock.now += 2
    assert seen == [0, 2]  # no time is left for 1 and 3
