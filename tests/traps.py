"""What the three platforms do that nobody would expect, each with the tests that hold our answer to it; for tests/conformance/test_traps.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DISCOURSE, MATRIX, EXO, ALL = "discourse", "matrix", "exo", "every platform"
DT, DW, DI = "unit/test_discourse_translate.py", "conformance/test_discourse_twin.py", "conformance/test_discourse_twin_itself.py"
MT, MD, MW = "unit/test_matrix_translate.py", "unit/test_matrix_door.py", "conformance/test_matrix_twin.py"
MI, MS, MX = "conformance/test_matrix_inward.py", "conformance/test_matrix_spaces.py", "conformance/test_matrix_twin_itself.py"
ER, EW, EO = "unit/test_exo_reading.py", "conformance/test_exo_twin.py", "conformance/test_exo_writing.py"
ET, EQ = "conformance/test_every_adapter_traces.py", "conformance/test_exo_quotations.py"
EA, ED, EG = "conformance/test_every_adapter.py", "conformance/test_every_adapter_door.py", "conformance/test_every_adapter_gestures.py"
DK = "conformance/test_discourse_likers.py"
GW, GF, CV = "integration/test_gateway.py", "integration/test_gateway_faults.py", "integration/test_convergence.py"
HERE = "conformance/test_traps.py"


@dataclass(frozen=True)
class Trap:
    """A fact about a platform; `tests` are file and name of what proves that we do not fall into it."""

    name: str
    platform: str
    fact: str
    tests: tuple[tuple[str, str], ...]


TRAPS: Final = (
    # --- Discourse -------------------------------------------------------------------------------------------------------
    Trap("signature_over_raw_bytes", DISCOURSE, "The hex HMAC covers the body's bytes as sent, so that parsing first would prove nothing.", (
        (DT, "test_one_bit_changed_in_the_body_is_refused"), (DT, "test_an_unsigned_body_is_never_parsed"))),
    Trap("two_sites_one_secret", DISCOURSE, "A secret shared by two sites makes the other one's webhooks valid; a header names the site.", (
        (DT, "test_a_webhook_of_another_instance_with_the_same_secret_is_refused"),)),
    Trap("event_under_its_own_key", DISCOURSE, "The object stands under a key that differs by kind of event.", (
        (DT, "test_an_event_without_its_post_is_nonsense"), (DT, "test_a_like_is_a_heart_of_who_likes_and_not_of_the_posts_author"))),
    Trap("retry_is_a_new_event_id", DISCOURSE, "Each attempt at the same webhook bears another event id.", (
        (DI, "test_each_retry_bears_a_new_event_id_and_the_same_body"), (DT, "test_a_retry_with_a_new_event_id_is_the_same_change"))),
    Trap("version_does_not_move", DISCOURSE, "Neither a like nor a deletion raises a post's version: times tell changes apart.", (
        (DT, "test_the_marker_is_the_event_and_its_time_not_the_version_that_a_like_or_a_deletion_leaves_alone"),)),
    Trap("return_has_no_time", DISCOURSE, "Staff's return of a post changes neither version nor time: the second return looks like the first.", (
        (CV, "test_edit_like_solved_and_two_deletions_and_returns_of_one_post_are_an_event_each"),
        (DT, "test_whether_a_post_is_back_is_asked_of_the_rse"))),
    Trap("retries_overtake", DISCOURSE, "A webhook tried again comes behind those of what was done after it, its contrary too.", (
        (CV, "test_stories_that_went_wrong_once_end_well"), (DI, "test_a_webhook_may_come_twice_or_be_overtaken"))),
    Trap("given_up_after_four", DISCOURSE, "After four retries, in two hours and a half, a webhook is never tried again.", (
        (DI, "test_a_webhook_is_given_up_after_four_retries_and_at_once_after_a_404"),
        ("integration/test_losses.py", "test_what_was_done_while_nobody_listened_is_told_once_and_in_order_after_the_restart"))),
    Trap("not_found_ends_a_hook", DISCOURSE, "An answer 404 or 410 may end the webhook at its source for good.", (
        (HERE, "test_a_fault_of_ours_is_never_answered_not_found_or_gone"),)),
    Trap("like_nests_two_people", DISCOURSE, "In a like the post has an author, and who likes is somebody else.", (
        (DT, "test_a_like_is_a_heart_of_who_likes_and_not_of_the_posts_author"),)),
    Trap("like_without_id_or_time", DISCOURSE, "A like has neither an id nor a time of its own, and no webhook tells its end.", (
        (DT, "test_the_id_of_a_like_is_the_same_at_each_retry_and_names_nobody"),
        (DK, "test_a_like_taken_back_and_set_anew_is_told_each_time_and_a_late_webhook_is_asked_about"))),
    Trap("deletion_trashes_likes", DISCOURSE, "Staff's deletion shows a post as one that nobody likes, and its return brings the likes back one by one.", (
        (DK, "test_staffs_deletion_of_a_post_takes_back_nobodys_like"),
        ("unit/test_adapters_unliked.py", "test_a_like_that_is_back_at_the_second_question_was_never_taken_back"))),
    Trap("likers_moved_between_pages", DISCOURSE, "A like taken back moves the others of a long list, of which the next page then lacks one.", (
        ("unit/test_set_on.py", "test_likes_are_all_of_them_where_one_page_shows_as_many_as_the_post_counts_then"),)),
    Trap("solved_is_a_post", DISCOURSE, "An accepted answer is told as a post under another key, with the event's name in an unsigned header.", (
        (DT, "test_a_solution_is_asked_of_the_rse_since_the_signature_does_not_cover_the_events_name"),
        (EG, "test_a_question_accepted_withdrawn_and_accepted_again_is_three_events_however_often_each_is_told"))),
    Trap("unsigned_event_name", DISCOURSE, "A body may be replayed under the name of another event.", (
        (DT, "test_a_body_replayed_under_the_name_of_a_deletion_deletes_nothing"),)),
    Trap("created_without_text", DISCOURSE, "A new post may be told without its text.", (
        (DT, "test_a_post_without_its_text_is_to_be_completed"), (DW, "test_a_change_without_its_text_is_completed_by_the_api"))),
    Trap("topics_without_category_names", DISCOURSE, "Events of topics tell less than events of posts, no category's name among others.", (
        (DT, "test_other_events_are_unused"), (HERE, "test_a_topics_own_event_says_nothing_that_its_first_post_does_not_say_better"))),
    Trap("empty_names", DISCOURSE, "Many people have no display name, or an empty one.", (
        (DT, "test_a_user_name_does_not_leave_where_a_person_has_no_other_name"),)),
    Trap("hidden_posts", DISCOURSE, "A post that flags have hidden is told with all of its words, which no reader sees.", (
        (DT, "test_a_post_that_readers_may_not_read_is_unused_until_its_author_has_rewritten_it"),
        (DT, "test_a_hidden_post_that_goes_is_taken_back_where_it_was_brought_before"))),
    Trap("ping", DISCOURSE, "A ping is a body of one member and is no event.", ((DT, "test_a_ping_is_unused"),)),
    Trap("form_bodies", DISCOURSE, "A site may be set to send forms, and then still sends JSON under that name; a proxy may really encode it.", (
        (DT, "test_a_body_announced_as_a_form_may_still_be_json"), (DT, "test_a_body_may_really_be_a_form"),
        (DT, "test_a_form_without_a_readable_payload_is_refused_by_name"))),
    Trap("editor_is_not_named", DISCOURSE, "An edit names the post's author and not who edited, so that a person's edit of a copy looks like ours.", (
        (DW, "test_a_moderators_edit_names_the_posts_author"), (CV, "test_every_rse_ends_in_the_state_that_the_numbers_define"))),
    Trap("short_posts_refused", DISCOURSE, "Posts under 20 and titles under 15 characters are refused, as are titles that are taken.", (
        (DW, "test_a_very_short_message_without_title_arrives"), (DW, "test_two_messages_of_the_same_title_both_arrive"))),
    Trap("history_is_public", DISCOURSE, "Readers leaf through an emptied post's history, and its topic keeps the title that its words gave it.", (
        (ET, "test_of_a_message_that_others_answered_no_word_stays_anywhere"), (ET, "test_no_older_word_of_a_message_names_its_conversation"))),
    # --- Matrix ------------------------------------------------------------------------------------------------------------
    Trap("token_in_the_header", MATRIX, "The homeserver proves itself by its own token; 401 says that none came, 403 that it was another.", (
        (MD, "test_a_missing_token_is_refused_by_name"), (MD, "test_a_wrong_token_is_refused_as_the_specification_wants"),
        (MD, "test_a_token_in_the_query_opens_nothing"))),
    Trap("transaction_again", MATRIX, "The same transaction comes until it was answered well, and holds up all others.", (
        (MX, "test_a_transaction_comes_again_until_it_is_taken_and_nothing_overtakes_it"),
        (EA, "test_the_same_webhook_sent_again_says_the_same"), (MD, "test_a_deep_event_of_some_member_never_blocks_the_transactions_after_it"))),
    Trap("state_by_presence", MATRIX, "An event is state where it has a state key, were that empty.", (
        (MT, "test_an_event_with_a_state_key_is_state_even_when_the_key_is_empty"),)),
    Trap("redacts_in_two_places", MATRIX, "What a redaction takes away stands in its content since room version 11, above it before.", (
        (MT, "test_redacts_in_the_content_is_read_in_rooms_of_version_11_and_later"),
        (MT, "test_redacts_at_the_top_level_is_read_in_older_rooms"), (MI, "test_a_redaction_is_understood_in_rooms_of_any_version"))),
    Trap("edit_is_an_event", MATRIX, "An edit is a message of its own that names what it replaces.", (
        (MT, "test_an_edit_that_stands_changes_the_event_that_it_names_and_its_version_is_its_own_id"),)),
    Trap("anybody_sends_an_edit", MATRIX, "Any member may send an edit of another's message: servers pass it on, clients show it to nobody.", (
        (MT, "test_whose_message_a_person_edits_is_asked_of_the_homeserver_since_anybody_may_send_an_edit_of_it"),
        (MI, "test_an_edit_of_somebody_elses_message_is_read_as_little_as_it_is_shown"), (CV, "test_stories_that_went_wrong_once_end_well"))),
    Trap("encrypted", MATRIX, "An encrypted event cannot be read by a service, and is not meant to be.", (
        (MT, "test_an_encrypted_message_is_respected"), (MS, "test_an_encrypted_space_is_respected"))),
    Trap("answer_after_commit", MATRIX, "What was answered well is never sent again: an answer before the commit loses it.", (
        (GF, "test_while_postgresql_is_down_a_webhook_is_told_to_come_again"), (GF, "test_while_kafka_is_down_the_spool_holds_then_refuses_and_is_published_in_order_afterwards"),
        (MD, "test_a_transaction_is_accepted_with_an_empty_object"))),
    Trap("errors_in_its_words", MATRIX, "A homeserver reads errors by Matrix's own codes.", (
        (MD, "test_every_problem_speaks_matrix_beside_rfc_9457"), (MD, "test_a_body_that_is_not_json_is_refused_by_name"))),
    Trap("answer_with_its_length", MATRIX, "A real Synapse takes an answer without Content-Length for a failure.", (
        (HERE, "test_every_answer_of_the_door_tells_its_length"), ("real/test_synapse_client.py", "test_a_transaction_is_sent_again_until_our_answer_is_taken"))),
    Trap("ghosts_come_back", MATRIX, "What our ghosts write comes back as transactions.", (
        (MT, "test_what_our_own_ghost_wrote_is_translated_too_since_the_ledger_knows_the_echo"),
        (EG, "test_what_we_set_on_a_message_comes_back_as_an_echo_and_never_as_an_event"))),
    Trap("time_of_a_send", MATRIX, "A service may say when a message was written.", (
        (HERE, "test_a_copy_in_a_room_bears_the_time_of_its_message"),)),
    Trap("namespace", MATRIX, "A service that speaks for a user outside its namespace is refused.", (
        (MX, "test_the_service_speaks_for_nobody_outside_its_namespace"),)),
    Trap("guests", MATRIX, "A room of a federation has people of other homeservers in it, who are not of this ministry.", (
        (MT, "test_people_of_another_homeserver_in_the_room_are_not_said_to_be_of_this_ministry"),
        ("unit/test_matrix_standing.py", "test_guests_from_another_homeserver_are_not_told_as_people_of_this_ministry"))),
    Trap("way_back", MATRIX, "That the homeserver reaches us can be tried before anybody writes.", (
        (MX, "test_the_way_back_can_be_tried_with_a_ping"), (MD, "test_a_ping_is_answered_without_an_event"))),
    Trap("event_of_64_kib", MATRIX, "An event over 64 KiB is refused.", ((MW, "test_a_homeserver_takes_no_very_long_message_so_it_is_divided_before"),)),
    Trap("edits_outlive_their_message", MATRIX, "Who redacts a message leaves its edits in the room, each with all of its words.", (
        (ET, "test_of_a_message_that_nobody_answered_no_word_stays_anywhere"),
        ("real/test_synapse_client.py", "test_no_word_of_a_copy_stays_in_the_room_when_its_author_deletes_it"))),
    Trap("greatest_transaction", MATRIX, "A transaction may hold a hundred events of 64 KiB and what they replace: what is greater than 24 MiB is not read.", (
        (HERE, "test_the_greatest_transaction_of_a_homeserver_is_read_and_a_greater_one_answered_in_its_words"), (GW, "test_a_streamed_oversized_body_is_refused_at_the_cap"))),
    # --- eXo and Meeds --------------------------------------------------------------------------------------------------------
    Trap("two_generations", EXO, "Two API generations tell the same thing in other words, at other addresses.", (
        (ER, "test_both_generations_say_the_same_of_the_same_message"),)),
    Trap("since_or_max", EXO, "since_id and max_id exclude each other.", ((EW, "test_since_id_and_max_id_are_never_asked_together"),)),
    Trap("dates_in_words", EXO, "The older generation writes times in English words, beside milliseconds that may contradict them.", (
        (ER, "test_a_time_of_the_older_generation_is_read_with_its_zone"),
        (ER, "test_where_the_two_times_of_the_older_generation_contradict_each_other_the_written_one_counts"))),
    Trap("loose_json", EXO, "The vendor's own examples are no strict JSON, and quote numbers and booleans.", (
        (ER, "test_a_vendors_example_that_is_not_strict_json_is_a_named_refusal"),
        (ER, "test_numbers_and_booleans_that_come_as_strings_are_read"))),
    Trap("basic_or_bearer", EXO, "How one signs in differs by installation: a password or a token; a session is for people's browsers, and we open none.", (
        (EW, "test_a_bearer_token_is_taken_where_the_options_say_so"), (EW, "test_a_password_goes_with_the_name_of_the_connectors_account"),
        (EW, "test_an_exo_that_we_do_not_know_how_to_ask_is_refused_at_the_start"),
        (EW, "test_a_password_that_is_no_longer_accepted_is_not_taken_for_a_space_that_is_closed_to_us"))),
    Trap("nothing_is_pushed", EXO, "No webhook: edits, deletions and likes are seen by reading again, comments' edits announce themselves nowhere.", (
        ("unit/test_adapters_looks.py", "test_an_edit_made_while_nobody_looked_is_seen_of_roots_and_of_replies"),
        ("unit/test_adapters_looks.py", "test_a_reply_whose_edit_announces_itself_nowhere_is_found_in_turn"),
        (ED, "test_the_door_of_a_polled_platform_takes_nothing_and_says_why"))),
    Trap("absence_is_no_deletion", EXO, "What a page does not show may have been pushed off it; 401 and a lost membership look like deletions.", (
        (EW, "test_only_a_404_of_the_object_itself_is_a_deletion"), (EW, "test_a_401_as_exo_answered_before_meeds_is_no_deletion"),
        (EW, "test_being_put_out_of_a_space_deletes_nothing_though_meeds_answers_404"))),
    Trap("deletes_take_answers_with_them", EXO, "With an activity go its comments, with a comment the answers to it.", (
        (EO, "test_a_copy_that_others_have_commented_is_emptied_and_their_comments_stay"),
        (EO, "test_a_copied_comment_that_others_have_answered_is_emptied_and_their_answers_stay"))),
    Trap("two_levels", EXO, "Comments have one level of answers.", ((EO, "test_an_answer_to_an_answer_stands_beside_it_since_there_are_two_levels_only"),)),
    Trap("quotations_keep_words", EXO, "Where threads are flat an answer repeats what it answers, and keeps it when that is taken back.", (
        (EQ, "test_no_word_of_what_was_taken_back_stands_in_a_quotation"), (CV, "test_stories_that_went_wrong_once_end_well"),
        (EQ, "test_where_nothing_can_be_edited_an_answer_names_whom_it_answers_and_repeats_no_word"))),
    Trap("mail_in_profiles", EXO, "Profiles hold e-mail addresses.", ((ER, "test_no_e_mail_address_of_a_profile_is_read"),)),
    # --- rules for every adapter -------------------------------------------------------------------------------------------------
    Trap("size_first", ALL, "A body may be of any size: it is cut off at the platform's cap, below what a topic's record holds.", (
        (GW, "test_a_declared_oversized_body_is_refused_before_it_is_read"), (GW, "test_a_streamed_oversized_body_is_refused_at_the_cap"),
        (ED, "test_a_body_of_the_greatest_size_fits_sealed_into_the_dead_letters"))),
    Trap("proof_before_meaning", ALL, "Whoever finds the address may send anything.", (
        (ED, "test_a_webhook_without_its_signature_is_refused"), (ED, "test_a_webhook_signed_with_another_secret_is_refused"),
        (ED, "test_a_signature_of_which_one_character_was_changed_is_refused"), (MD, "test_the_token_is_asked_before_the_path_the_type_or_the_body_is_looked_at"))),
    Trap("nonsense_is_kept", ALL, "A platform sends what nobody foresaw.", (
        (GW, "test_a_nonsense_payload_is_sealed_for_the_operators_and_answered_well"), (ED, "test_a_signed_body_that_makes_no_sense_is_taken_and_named"),
        (ED, "test_no_document_makes_the_reading_half_fail"))),
    Trap("tolerant_in_strict_out", ALL, "A new version of a platform sends more than before.", (
        ("conformance/test_schemas_yesterday.py", "test_yesterday_s_signed_events_still_verify_and_say_the_same"),
        (HERE, "test_members_that_we_do_not_know_change_nothing"))),
    Trap("stored_before_2xx", ALL, "A platform forgets what was answered well.", (
        (GW, "test_a_message_of_a_tied_space_is_on_kafka_signed_when_its_webhook_is_answered"),
        (GF, "test_while_kafka_is_down_the_spool_holds_then_refuses_and_is_published_in_order_afterwards"))),
    Trap("unused_types", ALL, "A platform sends more kinds of events than we use.", (
        (GW, "test_an_event_type_that_we_do_not_use_is_counted_and_answered_well"),)),
    Trap("html_that_acts", ALL, "HTML of a platform may hold script.", (
        ("unit/test_markup_safe.py", "test_nothing_that_acts_survives"), (MT, "test_script_in_a_formatted_body_does_not_pass"))),
    Trap("echoes", ALL, "What we write comes back, often before its own answer.", (
        (EA, "test_what_we_wrote_comes_back_with_the_version_that_the_answer_gave"),
        (CV, "test_every_rse_ends_in_the_state_that_the_numbers_define"))),
    Trap("lost_answers", ALL, "A write may be done though its answer never came.", (
        (EA, "test_an_act_whose_answer_was_lost_is_found_and_nothing_is_doubled"),
        (CV, "test_every_rse_ends_in_the_state_that_the_numbers_define"))),
    Trap("content_in_logs", ALL, "What people say passes through every process, and logs are read by many.", (
        (HERE, "test_no_log_line_of_the_door_holds_what_people_said"),)),
    Trap("how_long_it_is_tried", ALL, "How long a platform tries again decides what an outage costs.", (
        (HERE, "test_every_connector_says_how_long_its_platform_tries_and_what_an_outage_costs"),)),
    Trap("both_ways_or_said_so", ALL, "No platform can do everything.", (
        (ED, "test_each_feature_is_answered_both_ways_by_a_form_or_by_a_reason"), (EG, "test_what_the_table_denies_is_answered_unsupported_and_changes_nothing"),
        (EA, "test_an_edit_and_a_deletion_name_the_same_message_and_never_repeat_a_marker"))),
)  # fmt: skip
