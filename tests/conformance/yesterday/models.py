"""How a program of 2026-11 reads the language: frozen, written by hand, sharing nothing with `schemas`. Never adapt it to a change."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field

Audience = Literal["public", "members", "private", "unknown"]
Text = Annotated[str, Field(min_length=1)]


class Envelope(BaseModel):
    specversion: Literal["1.0"]
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{32,64}$")]
    source: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
    type: Annotated[str, Field(pattern=r"^fr\.gouv\.rse\.[a-z]+\.[a-z]+\.v1$")]
    subject: Text
    time: AwareDatetime
    dataschema: Text
    datacontenttype: Literal["application/json"]
    platform: Text
    nativeid: Text
    changemarker: Text
    parent: str | None = None
    community: str | None = None
    audience: Audience
    actor: Text
    contentdigest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    keyid: Text
    proof: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{86}$")]


class Author(BaseModel):
    name: str = ""
    organisation: str
    kind: Literal["person", "bot", "system"] = "person"


class Content(BaseModel):
    html: str
    text: str
    language: str | None = None


class Attachment(BaseModel):
    name: str
    link: str
    media_type: str | None = None
    size: int | None = None


class MessagePosted(BaseModel):
    space: Text
    author: Author
    content: Content
    title: str | None = None
    link: str | None = None
    attachments: tuple[Attachment, ...] = ()


class InSpace(BaseModel):
    space: Text


class TieProposed(BaseModel):
    node: Text
    space: Text
    title: str
    audience: Audience


class TieAccepted(BaseModel):
    space: Text
    space_name: str = ""
    audience: Audience
    externals: bool


class TieRefused(BaseModel):
    node: Text
    space: Text
    reason: Text


class CommunityOpened(BaseModel):
    title: Text
    audience: Audience


class NodeApproved(BaseModel):
    node: Text
    organisation: Text
    platform: Text


class Delivery(BaseModel):
    event: str
    event_digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    community: str
    sequence: int
    topic: Text
    partition: int
    offset: int
    verdict: Literal["written", "confirmed", "unsupported", "skipped", "refused"]
    at: AwareDatetime
    reason: str | None = None
    native_id: str | None = None
    native_version: str | None = None
    correlation: str | None = None


class DeliveryReported(BaseModel):
    deliveries: Annotated[tuple[Delivery, ...], Field(min_length=1, max_length=500)]


READERS: dict[str, type[BaseModel]] = {
    "fr.gouv.rse.message.posted.v1": MessagePosted,
    "fr.gouv.rse.message.edited.v1": MessagePosted,
    "fr.gouv.rse.message.deleted.v1": InSpace,
    "fr.gouv.rse.copy.withdrawn.v1": InSpace,
    "fr.gouv.rse.copy.edited.v1": InSpace,
    "fr.gouv.rse.tie.proposed.v1": TieProposed,
    "fr.gouv.rse.tie.accepted.v1": TieAccepted,
    "fr.gouv.rse.tie.refused.v1": TieRefused,
    "fr.gouv.rse.community.opened.v1": CommunityOpened,
    "fr.gouv.rse.node.approved.v1": NodeApproved,
    "fr.gouv.rse.delivery.reported.v1": DeliveryReported,
}
