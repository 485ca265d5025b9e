"""Faults of what is around the processes: webhooks, speech, streams, keys, clients, clocks, descriptors, settings."""

from __future__ import annotations

from typing import Final

from tests.docs.fault_rows import CRASH_TABLE, Row

PARTS: Final = (
    Row(
        19,
        "A webhook's endpoint is down, slow, or answers nonsense",
        "Ten attempts in three days, then a dead letter that can be sent again; 410 ends the endpoint at once. No other"
        " endpoint waits for it.",
        "A lane an endpoint, with a bound; 3xx is a failure; 64 kB of an answer are read.",
        (
            "adapters/test_webhooks_dispatcher.py::test_a_failure_is_put_back_for_later",
            "adapters/test_webhooks_dispatcher.py::test_so_is_one_that_reaches_nobody",
            "adapters/test_webhooks_dispatcher.py::test_an_endless_answer_is_an_answer_and_is_not_read_on",
            (
                "adapters/test_webhooks_dispatcher.py"
                "::test_three_days_of_trying_and_the_letter_is_dead_until_it_is_replayed"
            ),
            "adapters/test_webhooks_dispatcher.py::test_410_closes_the_endpoint_for_this_account_alone",
            "adapters/test_webhooks_dispatcher.py::test_a_thousand_for_a_dead_endpoint_delay_nobody_else",
            "adapters/test_webhooks_schedule.py::test_each_pause_is_a_tenth_longer_or_shorter_by_chance",
            "scenarios/test_webhooks.py::test_all_that_happens_is_told",
        ),
    ),
    Row(
        20,
        "otpvoice dies between a webhook's POST and the note of it",
        "It is posted again: the same id, the same body.",
        "A lease of 30 s on what is being posted.",
        (
            CRASH_TABLE,
            "adapters/test_webhooks_dispatcher.py::test_who_dies_between_the_post_and_the_note_posts_the_same_again",
            "scenarios/test_webhooks.py::test_what_a_dead_instance_has_left_is_told_and_what_two_do_is_told_once",
        ),
    ),
    Row(
        21,
        "A speech engine is missing, fails, or crashes",
        "The next voice of the ladder speaks, all of a code by one voice; the summary names it.",
        "Each text is a process of its own.",
        (
            "adapters/test_speech_renderer.py::test_an_engine_that_fails_loses_no_call",
            "adapters/test_speech_renderer.py::test_an_engine_that_is_not_there_is_passed_over",
            "adapters/test_speech_child.py::test_a_program_that_fails_gives_no_sound",
            "adapters/test_speech_hostile.py::test_an_engine_that_fails_says_why_and_leaves_nothing",
        ),
    ),
    Row(
        22,
        "A speech engine hangs",
        "It is killed with its children at its deadline, left alone for a while, and another one speaks.",
        "A process group and a deadline.",
        (
            "adapters/test_speech_child.py::test_a_program_that_hangs_is_killed_with_its_children",
            "adapters/test_speech_renderer.py::test_one_that_hangs_costs_a_few_calls_time_and_no_more",
            "adapters/test_speech_left_alone.py::test_a_few_in_a_row_and_it_is_left_alone_for_a_while",
        ),
    ),
    Row(
        23,
        "The online voice refuses, hangs, or can't be found",
        "No call notices: it is asked ahead of time only, and after three failures it is not asked for a while.",
        "A circuit, and a deadline for each text.",
        (
            "adapters/test_speech_gtts.py::test_after_three_failures_it_is_not_asked_any_more",
            "adapters/test_speech_gtts.py::test_too_many_requests_pause_it_at_once",
            "adapters/test_speech_gtts.py::test_a_service_that_drips_is_left_at_the_deadline",
            "adapters/test_speech_supply.py::test_a_call_does_not_wait_for_an_engine_that_is_asked_ahead",
        ),
    ),
    Row(
        24,
        "The disk of clips is full, read-only, hangs, or has rotten files",
        "Calls are spoken from memory, or anew.",
        "Files are written aside and renamed, with a checksum; the least recently used go first.",
        (
            "adapters/test_speech_clip_files.py::test_any_byte_that_changes_is_found",
            "adapters/test_speech_clip_files.py::test_a_disk_that_is_full",
            "adapters/test_speech_clip_files.py::test_a_disk_that_becomes_read_only",
            "adapters/test_speech_clip_files.py::test_nobody_waits_for_a_disk_that_hangs",
            "adapters/test_speech_clip_files.py::test_what_was_used_last_stays",
        ),
    ),
    Row(
        25,
        "A recording's URL is slow, endless, of the wrong type, or a bomb",
        "Nobody is rung: `failed`, and the summary's error says which it was.",
        "Everything is fetched and decoded before anybody is rung, in a child, within bounds of bytes, time and"
        " duration.",
        (
            "scenarios/test_play_url.py::test_a_bad_one_rings_nobody",
            "adapters/test_speech_downloads.py::test_the_word_for_a_server_that_is_slow",
            "adapters/test_speech_decoding.py::test_a_bomb_is_too_large",
            "adapters/test_speech_decoding.py::test_what_is_no_such_file_is_said_to_be_none",
        ),
    ),
    Row(
        26,
        "A stream's WebSocket is refused, or drops",
        "Who only listens is called again, a few times; the call does not notice. A plan that is with a bot goes"
        " on. The"
        " summary counts frames sent and dropped.",
        "Streams run beside the call.",
        (
            "adapters/streams/test_reconnecting.py::test_who_is_lost_is_called_again",
            "adapters/streams/test_reconnecting.py::test_who_refuses_again_and_again_is_left_alone",
            "adapters/streams/test_listening.py::test_every_frame_was_sent_or_dropped_when_a_customer_leaves",
            "scenarios/test_streams.py::test_a_stream_that_nobody_takes_is_an_error_and_the_call_goes_on",
            "scenarios/test_voicebots.py::test_one_that_is_not_there_or_breaks_off_does_not_hold_the_plan_up",
        ),
    ),
    Row(
        27,
        "A stream's peer does not read any more",
        "The oldest frames are dropped and counted, memory stays flat, the call is heard as ever.",
        "A ring buffer for each stream.",
        (
            "adapters/streams/test_outgoing.py::test_the_oldest_frames_go_overboard_and_are_counted",
            "adapters/streams/test_leaks.py::test_memory_is_flat_beside_a_customer_who_reads_nothing",
            "adapters/streams/test_hostile.py::test_who_reads_nothing_is_left_behind_and_costs_nobody_anything",
        ),
    ),
    Row(
        28,
        "A stream's peer floods us",
        "What is too much is dropped and told, abuse ends the stream; no call notices.",
        "Messages, bytes a second and what may wait are bounded; Asterisk's XOFF is obeyed.",
        (
            "adapters/streams/test_hostile.py::test_who_listens_and_floods",
            "adapters/streams/test_hostile.py::test_who_talks_and_floods",
            "adapters/streams/test_talk.py::test_what_is_too_much",
            "ari/test_leg.py::test_xoff_is_obeyed_and_xon_goes_on",
            "ari/test_leg.py::test_saying_never_waits_also_where_asterisk_reads_nothing",
        ),
    ),
    Row(
        29,
        "Keys by the thousand, or after the end",
        "A collection has its most digits, the others are counted and ignored. A flood that is more than a machine can"
        " take ends its own call; others do not notice.",
        "500 events may wait for a call. Asterisk itself lets eight keys a second through.",
        (
            "faults/test_floods.py::test_ten_thousand_keys_a_second_disturb_nobody_else",
            "faults/test_floods.py::test_what_is_held_for_a_call_does_it_no_harm",
            "faults/test_long_stories.py::test_what_takes_long",
            "core/test_digits.py::test_it_ends_exactly_once_and_is_deaf_after",
            "test_session.py::test_a_flood_of_events_ends_the_call_and_takes_no_memory",
            "ari/test_pool.py::test_what_is_said_of_a_former_call_reaches_nobody",
            "media/test_chan_websocket.py::test_what_is_no_control_message_is_malformed",
        ),
    ),
    Row(
        30,
        "The same request comes twice, with the same key",
        "One call. The first answer again; 409 while there is none yet; 422 for another body; after the time for which"
        " calls are kept it is another call.",
        "The call's id is made of the key; claim and acceptance are scripts that are safe to repeat.",
        (
            "web/test_idempotency.py::test_a_request_that_is_sent_again_gets_the_first_answer_again",
            "web/test_idempotency.py::test_while_the_first_is_being_answered_the_next_is_told_to_come_back",
            "web/test_idempotency.py::test_another_body_is_another_request",
            "web/test_idempotency.py::test_a_key_that_was_forgotten_may_be_used_for_another_call",
            "web/test_idempotency.py::test_two_hundred_at_once_place_one_call_through_the_live_process",
        ),
    ),
    Row(
        31,
        "Two processes want the same call",
        "One has it, and only that one dials and writes.",
        "A call is the instance's that accepted it, and adopted by one script. There is no queue that hands jobs out.",
        (
            CRASH_TABLE,
            "test_recovery.py::test_what_has_ended_or_is_another_instances_is_left_alone",
            "adapters/test_store_estates.py::test_of_two_lives_at_once_exactly_one_may_dial",
        ),
    ),
    Row(
        32,
        "The clock is set, by an hour or a day, here or at Redis",
        "Nothing times out sooner or later, what lasted is told truly, and what is written stays in order.",
        "Waits and durations are by the monotonic clock, instants by the other. `otpvoice doctor` compares the"
        " clocks of"
        " all three. A Redis whose clock leaps ahead forgets earlier what it keeps for a time.",
        (
            "faults/test_clocks.py::test_what_clocks_may_do",
            "doctor/test_parts.py::test_a_clock_is_compared_with_the_middle_of_its_question",
            "adapters/test_speech_clip_files.py::test_a_clock_that_jumps_costs_old_clips_and_no_more",
        ),
    ),
    Row(
        33,
        "The event loop stands still for half a second",
        "It shows (`otpvoice_event_loop_lag_seconds`, `loop.lagging`), and no connection or call is lost.",
        "Up to 12 s of speech lie in Asterisk; the configuration lets Asterisk wait for us for seconds.",
        (
            "faults/test_clocks.py::test_a_loop_that_stands_still_is_seen_and_loses_nobody",
            "metrics/test_lag.py::test_a_loop_that_is_held_up_is_late",
        ),
    ),
    Row(
        34,
        "No descriptor is left (`ulimit -n`)",
        "Calls in progress end as they would. A new one is refused, or fails, before anybody is rung; all is well again"
        " when there are some.",
        "What a call needs is had before it is dialled.",
        ("faults/test_short_stories.py::test_what_may_run_out_or_go_away",),
    ),
    Row(
        35,
        "Who asks for a call leaves before the answer",
        "There is one call; it is in the list, and its key gives the first answer.",
        "A request that was read is carried out.",
        (
            "faults/test_short_stories.py::test_what_may_run_out_or_go_away",
            "web/test_http.py::test_a_client_that_goes_away_neither_loses_nor_doubles_its_call",
        ),
    ),
    Row(
        36,
        "Settings are wrong",
        "It ends at once with exit code 78, all that is wrong in one list, no secret in it; nothing was begun.",
        "All settings are read and checked before anything is opened.",
        (
            "cli/test_serve_refuses.py::test_each_of_these_is_refused_before_anything_is_begun",
            "cli/test_serve_refuses.py::test_a_process_with_settings_that_are_wrong_ends_by_itself",
            "test_settings.py::test_no_complaint_shows_a_secret",
        ),
    ),
)
