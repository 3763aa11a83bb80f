"""Who plays: four ministries, their RSEs and the people who write in them. All invented."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

COMMUNITY: Final = "futurs-publics"
TITLE: Final = "Futurs Publics"
SITE_PORT: Final = 8400
DOOR_PORT: Final = 8401
PEER_DOOR_PORT: Final = 8402
MATRIX_SERVER: Final = "tchap.example"
MATRIX_BOT: Final = "traitdunion"
CATEGORY: Final = "97"
SPACE: Final = "12"


class Way(StrEnum):
    """How a connector reaches the hub."""

    KAFKA = "kafka"
    DOOR = "door"


@dataclass(frozen=True, slots=True)
class Person:
    """An agent, as her RSE knows and shows her."""

    username: str
    name: str


LIKER: Final = Person("autres-ministeres", "Autres ministères")
"""The account by which a connector likes in a Discourse: one that wrote nothing may like every message."""


@dataclass(frozen=True, slots=True)
class Ministry:
    """One node: its ministry, its RSE, the ports that it takes where they are free, an agent, and its connector's way to the hub."""

    node: str
    siret: str
    name: str
    platform: str
    rse: str
    gateway_port: int
    rse_port: int
    agent: Person
    way: Way = Way.KAFKA
    space: str = CATEGORY
    """The space that federates; a Matrix room gets its name when it is made."""

    def signature(self) -> str:
        """How the agent is named in the other ministries' RSEs."""
        return f"{self.agent.name} ({self.name})"


WIFIP: Final = Ministry(
    "wifip", "00000100100015", "Finances publiques", "discourse", "wiFiP", 8411, 8421, Person("camille", "Camille Roux")
)  # fmt: skip
EDUCATION: Final = Ministry(
    "education", "00000100200013", "Éducation nationale", "matrix", "Tchap", 8412, 8422, Person("claire", "Claire Moreau")
)  # fmt: skip
DIPLOMATIE: Final = Ministry(
    "diplomatie", "00000100300011", "Affaires étrangères", "discourse", "Diplonet", 8413, 8423, Person("omar", "Omar Benali"), Way.DOOR
)  # fmt: skip
GENDARMERIE: Final = Ministry(
    "gendarmerie", "00000100400019", "Gendarmerie nationale", "exo", "Portail", 8414, 8424, Person("lucie", "Lucie Faure"), space=SPACE
)  # fmt: skip
MINISTRIES: Final = (WIFIP, EDUCATION, DIPLOMATIE, GENDARMERIE)
