"""What eXo's and Meeds' answers are known to hold beside what we read; types of activities that the vendors' own modules write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapters.drift import shape, unknown_fields
from adapters.exo.payload import ActivityAlpha3, ActivityV1, CommentAlpha3, CommentV1, Identity, Liker, Owner, Profile, Stream
from adapters.port import Strange, What

if TYPE_CHECKING:
    from collections.abc import Iterator

# What eXo writes by itself: « a rejoint l’espace », a new avatar, a new contact.
SYSTEM_TYPES = frozenset(
    ("SPACE_ACTIVITY", "exosocial:spaces", "USER_ACTIVITIES_FOR_SPACE", "USER_PROFILE_ACTIVITY", "exosocial:people",
     "exosocial:relationship", "USER_ACTIVITIES_FOR_RELATIONSHIP")
)  # fmt: skip
TYPES: Final = SYSTEM_TYPES | {
    "", "DEFAULT_ACTIVITY", "exosocial:core", "LINK_ACTIVITY", "DOC_ACTIVITY", "files:spaces", "sharefiles:spaces", "contents:spaces",
    "sharecontents:spaces", "cs-calendar:spaces", "ks-wiki:spaces", "ks-forum:spaces", "ks-answer:spaces", "ks-poll:spaces", "poll", "news",
    "shared_news", "kudos:activity", "exokudos:activity", "gamification", "gamificationActionAnnouncement", "challenges-announcement",
    "exosocial:relation", "AVATAR", "jitsimeet", "note", "contribution",
}  # fmt: skip
_SHARED = (
    "href",
    "titleId",
    "templateParams",
    "attachments",
    "read",
    "priority",
    "visible",
    "metadatas",
    "link",
    "mentions",
    "datasource",
    "files",
)
_PROFILE = (
    "id", "href", "username", "email", "avatar", "avatarUrl", "banner", "bannerUrl", "firstname", "lastname", "gender", "position", "deleted", "enabled",
    "external", "isExternal", "url", "aboutMe", "timeZone", "company", "location", "department", "team", "profession", "country", "city", "phones",
    "ims", "urls", "identity", "experiences", "createdDate", "lastLoginTime", "spacesCount", "connectionsCount", "primaryProperty", "secondaryProperty",
    "tertiaryProperty", "defaultAvatar", "properties", "isAdmin", "isManager", "isInternal", "dataEntity", "relationshipStatus",
)  # fmt: skip
_IDENTITY = ("href", "providerId", "globalId", "deleted", "enabled", "space", "dataEntity")
_V1 = (
    *_SHARED, "activityStream", "comments", "canEdit", "canDelete", "canPin", "pinned", "pinDate", "pinAuthor", "hasLiked", "hasCommented",
    "originalActivity", "shareActions", "sharedActivities", "parentCommentId", "commentsPreview", "posterId", "streamOwner", "cacheTime", "expired",
    "unread", "targetSpaces", "activityId", "subCommentsCount", "commentCount", "identityId", "isHidden", "poster", "mentionedIdentities",
)  # fmt: skip
_ALPHA3 = (
    *_SHARED, "appId", "externalId", "image", "liked", "activityStream", "hasLiked", "likedByIdentities", "posterIdentity", "thumbnail", "url",
    "totalNumberOfLikes", "totalNumberOfComments", "updated", "createdAtDate",
)  # fmt: skip

_PEOPLE = shape(Identity, _IDENTITY, profile=shape(Profile, _PROFILE))
_LIKERS = shape(Liker, (*_PROFILE, *_IDENTITY), profile=shape(Profile, _PROFILE))
_PARTS: Final = {
    "identity": _PEOPLE,
    "owner": shape(Owner),
    "activityStream": shape(Stream, ("href", "space", "prettyId", "title", "permaLink", "fullName", "faviconUrl")),
    "likes": _LIKERS,
}
_KNOWN: Final = {
    (True, True): shape(ActivityV1, _V1, **_PARTS),
    (True, False): shape(CommentV1, (*_V1, "activity", "subComments", "replies"), identity=_PEOPLE, owner=shape(Owner), likes=_LIKERS),
    (False, True): shape(ActivityAlpha3, _ALPHA3, posterIdentity=_PEOPLE, likedByIdentities=_LIKERS),
    (False, False): shape(CommentAlpha3, _ALPHA3, posterIdentity=_PEOPLE),
}


def strange(document: Any, *, root: bool) -> Iterator[Strange]:
    """What is not known in an activity (`root`) or a comment of either generation; nothing, whatever came, raises."""
    if not isinstance(document, dict):
        return
    kind = document.get("type")
    if root and isinstance(kind, str) and kind not in TYPES:
        yield Strange(What.TYPE, kind)
    yield from unknown_fields(document, _KNOWN["createDate" in document, root], "activity" if root else "comment")


def counted(kind: str) -> str:
    """An activity's type as a metric's label: who posts by the API may name any."""
    return kind if kind in TYPES else "other"
