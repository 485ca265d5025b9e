"""Faults of the processes that a call needs: otpvoice, Asterisk, Redis. What is promised, and which test shows it.

The numbers are a fault's own, for ever; those of the parts are in ``fault_rows_parts.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CRASH_TABLE: Final = "crash table"
"""In the place of a test: what the run of the matrix writes."""


@dataclass(frozen=True, slots=True)
class Row:
    """``number``: a fault's own, for ever. ``shown``: ``file::test`` below ``tests/``, or ``CRASH_TABLE``.

    ``promised``: what a customer sees; ``by``: what makes it so, and what we leave undone.
    """

    number: int
    fault: str
    promised: str
    by: str
    shown: tuple[str, ...]


PROCESSES: Final = (
    Row(
        1,
        "otpvoice is killed before it has told Asterisk to dial",
        "Dialled once by the next life, or `failed` (`lost_before_dialing`; `expired` where its code is stale). One"
        " summary.",
        "The plan lies sealed in Redis until the moment before the order; without `OTPVOICE_SECRET_KEY` there is none.",
        (
            CRASH_TABLE,
            "test_recovery.py::test_a_call_that_stood_in_line_is_dialled",
            "test_recovery.py::test_what_can_not_be_known_any_more_is_dialled_for_nobody",
            "faults/test_next_life.py::test_what_a_life_leaves_is_ended_called_for_and_dialled_as_if_it_had_gone_on",
        ),
    ),
    Row(
        2,
        "otpvoice is killed after it has told Asterisk to dial",
        "Never dialled again. A channel that is found is hung up: `failed` (`app_lost`). None is found:"
        " `indeterminate`.",
        "`dialing` is written, and waited for, before the first byte of the order.",
        (
            CRASH_TABLE,
            "test_recovery.py::test_whoever_may_have_been_rung_is_not_rung_again",
            "faults/test_orders.py::test_what_becomes_of_orders_whose_answer_goes_wrong",
        ),
    ),
    Row(
        3,
        "otpvoice is killed while it speaks or collects keys",
        "The next life hangs up at once: `failed` (`app_lost`). How far a code was heard can't be known any more.",
        "What nobody owns is looked for at each connection.",
        (CRASH_TABLE, "faults/test_we_die.py::test_the_next_life_hangs_up_and_goes_on"),
    ),
    Row(
        4,
        "otpvoice is dead, and nobody starts it again",
        "Asterisk ends the calls itself; a caller goes on in the dialplan.",
        "`TIMEOUT(absolute)` on every channel: the time to ring, the longest duration and 30 s.",
        (
            "faults/test_we_die.py::test_asterisk_ends_a_call_that_nobody_looks_after",
            "dialplan/test_nobody_home.py::test_nobody_is_home",
            "dialplan/test_nobody_home.py::test_that",
        ),
    ),
    Row(
        5,
        "otpvoice stands still (SIGSTOP, a machine that was paused) and goes on",
        "For a moment: the callee notices nothing. For so long that another life took over: it writes nothing any more,"
        " and there is one summary.",
        "Each write names the life that makes it.",
        (
            CRASH_TABLE,
            "faults/test_we_die.py::test_we_hang_for_a_moment",
            "faults/test_we_die.py::test_who_hangs_is_replaced_and_says_so",
            "adapters/test_store_estates.py::test_whose_call_was_taken_over_writes_nothing_any_more",
        ),
    ),
    Row(
        6,
        "SIGTERM during calls",
        "`/readyz` is 503 at once, new calls get 503 `draining`; calls finish within `OTPVOICE_DRAIN_TIMEOUT`,"
        " then they"
        " are hung up; exit code 0. A second signal: now. Webhooks that were not taken are posted by the next life.",
        "What is to be posted lies in Redis, and is crossed out when it was taken.",
        (
            "faults/test_shutdown.py::test_a_call_finishes_after_sigterm",
            "faults/test_shutdown.py::test_what_is_left_at_the_drain_timeout_is_hung_up",
            "faults/test_shutdown.py::test_a_second_signal_ends_all_at_once",
            "faults/test_next_life.py::test_what_a_life_leaves_is_ended_called_for_and_dialled_as_if_it_had_gone_on",
            "faults/test_short_stories.py::test_what_may_run_out_or_go_away",
        ),
    ),
    Row(
        7,
        "Asterisk is killed, restarts, or stays away",
        "Its calls end `failed` (`asterisk_lost`) when that is known; new ones get 503 until it has booted.",
        "A restart shows in its start time; 15 s without it are a loss.",
        (
            CRASH_TABLE,
            "faults/test_asterisk_dies.py::test_asterisk_is_killed_and_comes_back",
            "faults/test_asterisk_dies.py::test_asterisk_comes_up_after_us",
            "faults/test_long_stories.py::test_what_takes_long",
            "ari/test_node.py::test_an_asterisk_that_boots_is_asked_again_and_again_with_growing_patience",
        ),
    ),
    Row(
        8,
        "The events socket drops, or falls silent",
        "Calls go on; it is back at once, a silent one is noticed within 10 s. What ended in the gap ends with"
        " what can be"
        " known of it. Who calls in meanwhile goes on in the dialplan, with STASISSTATUS=FAILED.",
        "After each connection the channels are compared. Keys come over the media socket. A socket that Asterisk opens"
        " to us (and that would replay events) is not used: late events would be taken for new ones.",
        (
            CRASH_TABLE,
            "ari/test_node.py::test_who_was_connected_comes_back_at_once",
            "ari/test_node.py::test_a_silent_socket_is_noticed_and_replaced",
            "faults/test_events_socket.py::test_a_call_goes_on_and_is_heard_whole",
            "faults/test_events_socket.py::test_keys_count_and_nobody_is_rung_while_it_is_away",
            "faults/test_events_socket.py::test_calls_that_end_in_the_gap_have_one_summary_each",
            "faults/test_long_stories.py::test_what_takes_long",
            "dialplan/test_nobody_home.py::test_nobody_is_home",
        ),
    ),
    Row(
        9,
        "Asterisk's REST interface is away, the events are not",
        "Calls go on and are heard whole; hang-ups are asked for again until they are done. A new call is"
        " refused, failed"
        " or `indeterminate`, and nobody is rung twice.",
        "What is safe to repeat is repeated, with growing pauses; an order is not. There is no circuit breaker:"
        " there is"
        " no second node that could take the calls.",
        (
            "faults/test_rest_away.py::test_calls_go_on_without_rest_and_are_hung_up_when_it_is_back",
            "ari/test_line.py::test_a_hang_up_is_tried_again_while_rest_is_away",
            "ari/test_line.py::test_a_call_that_can_not_be_hung_up_is_reaped_at_the_next_connection",
        ),
    ),
    Row(
        10,
        "Two instances have the same name",
        "The later one has it. The former one says so (`ari.replaced`), is not ready any more and touches nothing; they"
        " do not take it from each other again and again.",
        "Asterisk tells who was replaced; whoever was stays away for good.",
        (
            "faults/test_we_die.py::test_a_second_one_with_the_same_name_takes_over_once",
            "ari/test_node.py::test_whoever_takes_our_name_has_it",
            "ari/test_node.py::test_a_client_that_was_replaced_does_not_come_back_to_take_its_name_again",
        ),
    ),
    Row(
        11,
        "Asterisk sends what nobody understands",
        "It is counted and logged, and costs one event. The connection stays; one message beyond 4 MiB ends it,"
        " and it is"
        " made anew.",
        "The reader routes; whoever is told of an event takes the harm of it.",
        (
            "ari/test_socket.py::test_what_is_no_event_is_counted_and_left",
            "ari/test_socket.py::test_a_message_beyond_all_measure_ends_it",
            "ari/test_any_event.py::test_whatever_is_told_the_connection_is_kept_and_the_next_call_is_carried_out",
        ),
    ),
    Row(
        12,
        "Events come out of order, twice, or before the answer to the order",
        "A call has one end and nothing after it; who picked up has answered.",
        "Ids are ours and registered before the order is sent; the flow takes any event in any state.",
        (
            "ari/test_any_event.py::test_in_whatever_order_it_is_told_a_call_has_one_end_and_nothing_after_it",
            "core/test_flow_any.py::test_every_call_ends_once_and_leaves_nobody_behind",
            "core/test_flow_any.py::test_whatever_comes_between_at_any_moment_of_a_good_call",
            "ari/test_line.py::test_an_answer_that_is_told_before_the_order_is_confirmed",
            "ari/test_line.py::test_an_end_that_is_told_before_the_answer",
        ),
    ),
    Row(
        13,
        "Redis is killed, and comes back",
        "Calls go on. What is to be written waits, for at most 10 000 calls, and is written once when it is back. New"
        " calls get 503 `store_unavailable`. What could not be written at our own end is in the log.",
        "Only the order to dial waits for Redis, 15 s at most. With AOF (`everysec`) a power failure costs a second of"
        " writes.",
        (
            CRASH_TABLE,
            "faults/test_redis_dies.py::test_redis_is_killed_at_the_end_of_a_call_and_away_for_the_next",
            "adapters/test_store_writer.py::test_over_the_limit_calls_that_go_on_give_way_and_ended_ones_never",
            "faults/test_long_stories.py::test_what_takes_long",
        ),
    ),
    Row(
        14,
        "Redis does not answer, or too late",
        "The same. Whoever asks over HTTP has an answer within the 2 s of an operation; the event loop is not held up.",
        "Each operation has a deadline, connecting and a second attempt included.",
        (
            "faults/test_redis_dies.py::test_redis_says_nothing_any_more",
            "faults/test_redis_in_need.py::test_what_redis_may_lack",
        ),
    ),
    Row(
        15,
        "An answer of Redis is lost after it wrote",
        "No second call, summary or webhook.",
        "Every write is one script that is safe to repeat.",
        (
            "faults/test_redis_dies.py::test_a_lost_answer_makes_no_second_entry",
            "adapters/test_store_repeats.py::test_a_lost_answer_changes_nothing",
            "adapters/test_store_agreement.py::test_both_stores_agree_whatever_is_done_to_them",
        ),
    ),
    Row(
        17,
        "Redis is emptied (FLUSHALL, SCRIPT FLUSH)",
        "Calls in progress end as they would, each with one summary. What was told before, webhooks that were"
        " not posted, endpoints that accounts had registered, and keys of requests are lost;"
        " nobody can say more of a call that otpvoice dies in then.",
        "Scripts are sent again when they are missing; there are no consumer groups that could be.",
        (
            "faults/test_redis_in_need.py::test_what_redis_may_lack",
            "adapters/test_store_repeats.py::test_a_server_that_forgot_all_scripts_is_sent_them",
            "adapters/test_store_repeats.py::test_a_server_that_was_restarted_empty_is_filled_again",
        ),
    ),
    Row(
        18,
        "Redis is full (`noeviction`), or its disk is",
        "As if it were away: new calls get 503, calls in progress end as they would, and are written when there"
        " is room.",
        "What waits is in memory, bounded and counted (`otpvoice_store_writes_pending`); nothing is spooled to a"
        " disk of"
        " ours.",
        (
            "faults/test_redis_in_need.py::test_what_redis_may_lack",
            "adapters/test_store_repeats.py::test_a_full_server_refuses_what_takes_room_and_leaves_nothing_half_done",
        ),
    ),
)
