"""What Discourse's webhooks are known to hold beside what we read: their events and fields, core's and the usual plugins'."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapters.discourse.payload import Like, Liker, Post
from adapters.discourse.reading import ACTS, LIKED, SOLVED
from adapters.drift import shape, unknown_fields
from adapters.port import Strange, What

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENTS: Final = frozenset(
    (
        *ACTS, LIKED, *SOLVED, "ping", "topic_created", "topic_edited", "topic_destroyed", "topic_recovered", "user_created", "user_updated",
        "user_destroyed", "user_logged_in", "user_logged_out", "user_confirmed_email", "user_suspended", "user_unsuspended", "group_created",
        "group_updated", "group_destroyed", "category_created", "category_updated", "category_destroyed", "tag_created", "tag_updated",
        "tag_destroyed", "reviewable_created", "reviewable_updated", "notification_created", "badge_granted", "badge_revoked",
        "user_badge_granted", "user_badge_revoked", "user_added_to_group", "user_removed_from_group", "assigned", "unassigned",
        "user_promoted", "category_experts_approved", "category_experts_unapproved", "topic_voting_topic_upvote", "topic_voting_topic_unvote",
        "topic_upvote", "topic_unvote", "chat_message_created", "chat_message_edited", "chat_message_trashed", "chat_message_restored",
        "post_voting", "calendar_event",
    )
)  # fmt: skip
"""`config/initializers/012-web_hook_events.rb`, `WebHookEventType`, and the plugins that Discourse ships."""

_POST = (
    "admin", "akismet_state", "avatar_template", "bookmarked", "calendar_details", "can_vote", "category_slug", "current_user_reaction",
    "current_user_used_main_reaction", "display_username", "edit_reason", "flair_name", "flair_url", "flair_bg_color", "flair_color",
    "flair_group_id", "hidden_reason_id", "incoming_link_count", "moderator", "primary_group_name", "quote_count",
    "reaction_users_count", "reactions", "reads", "readers_count", "reply_count", "reply_to_user", "reviewable_id", "reviewable_score_count",
    "reviewable_score_pending_count", "score", "staff", "title_is_group", "topic_filtered_posts_count", "topic_html_title",
    "topic_posts_count", "topic_slug", "trust_level", "user_cakedate", "user_birthdate", "user_title", "wiki", "can_edit", "can_delete",
    "can_recover", "can_see_hidden_post", "can_permanently_delete", "can_wiki", "link_counts", "read", "yours", "posts_count", "avg_time",
    "badges_granted", "draft_sequence", "user_custom_fields", "static_doc", "via_email", "is_auto_generated", "action_code",
    "action_code_who", "action_code_path", "notice", "last_wiki_edit", "locked", "excerpt", "user_suspended", "user_status",
    "mentioned_users", "post_url", "can_accept_answer", "can_unaccept_answer", "topic_accepted_answer", "has_accepted_answer", "polls",
    "polls_votes", "event", "retorts", "assigned_to_user", "assigned_to_group", "likes", "group_moderator", "expandable_first_post",
    "category_expert_approved_group", "needs_category_expert_approval", "is_localized", "language", "has_post_localizations",
    "post_localizations", "localization_outdated", "user_deleted_at", "post_folding_status", "chat_event", "in_reply_to_id",
    "can_translate", "name_and_username",
)  # fmt: skip
_PERSON = (
    "avatar_template",
    "title",
    "flair_name",
    "primary_group_name",
    "trust_level",
    "admin",
    "moderator",
    "animated_avatar",
    "assign_icon",
    "assign_path",
)

_READ: Final = shape(Post, _POST)
_PARTS: Final = {
    "post": _READ,
    "solved": _READ,
    "like": shape(Like, post=_READ, user=shape(Liker, _PERSON)),
}


def strange(document: Any, event: str) -> Iterator[Strange]:
    """What is not known of an event and of the body that bears it, where we read that body; nothing, whatever the body, raises."""
    if event and event not in EVENTS:
        yield Strange(What.TYPE, event)
        return
    if not isinstance(document, dict):
        return
    for name, part in document.items():
        if name in _PARTS:
            yield from unknown_fields(part, _PARTS[name], name)
            for other in document.keys() - {name}:
                yield Strange(What.FIELD, f"body.{other}")


def counted(event: str) -> str:
    """The event's name as a metric's label: the signature does not cover it, so that a replayed body could bear any."""
    return event if event in EVENTS else "other"
