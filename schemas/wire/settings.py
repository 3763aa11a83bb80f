"""Settings from the environment or, for what must not stand there, from the file that `<VARIABLE>_FILE` names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

ENDING = "_FILE"
SENTENCES: Final = {
    "missing": "il manque",
    "extra_forbidden": "ce nom n'existe pas",
    "int_parsing": "un nombre entier est attendu",
    "float_parsing": "un nombre est attendu",
    "bool_parsing": "true ou false est attendu",
    "bool_type": "true ou false est attendu",
    "string_type": "un texte est attendu",
    "dict_type": "des noms et leurs valeurs sont attendus",
    "time_delta_parsing": "une durée est attendue, en secondes ou selon ISO 8601",
    "string_pattern_mismatch": "la forme attendue est {pattern}",
    "literal_error": "à choisir parmi {expected}",
    "greater_than": "plus grand que {gt} est attendu",
    "greater_than_equal": "{ge} au moins est attendu",
    "less_than_equal": "{le} au plus est attendu",
    "value_error": "{error}",
}
"""Why a value was refused, by pydantic's type of error; the value itself, which may be a secret, is in none of them."""


class SettingTwice(ValueError):
    """A variable and its `_FILE` are both set: one of them would be ignored in silence."""


class SettingRefused(ValueError):
    """Settings of which some cannot be used; the sentence names each and says why, and repeats no value."""


def faults(error: ValidationError) -> list[tuple[str, str]]:
    """What is wrong, in French and without any value: the path to it, and why."""
    return [(".".join(map(str, one["loc"])), _why(one)) for one in error.errors(include_url=False, include_input=False)]


def _why(one: ErrorDetails) -> str:
    return SENTENCES.get(one["type"], f"ne convient pas ({one['type']})").format(**one.get("ctx", {})).replace(" or ", " ou ")


class Filed(PydanticBaseSettingsSource):
    """Reads `<VARIABLE>_FILE`: an environment is shown by many tools and inherited by children, a file by neither."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - the library's own signature
        """The text of a field's file, without the end of its last line; raises SettingTwice or the file's OSError."""
        variable = f"{self.config.get('env_prefix', '')}{field_name}".upper()
        path = os.environ.get(variable + ENDING)
        if not path:
            return None, field_name, False
        if variable in os.environ:
            raise SettingTwice(f"{variable}, {variable}{ENDING}")
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n"), field_name, False

    def __call__(self) -> dict[str, Any]:
        """What the files say, by field."""
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: said for name, said in found.items() if said is not None}


class FiledSettings(BaseSettings):
    """Settings of which each may come from a file of its own. Raises SettingRefused, SettingTwice, or the file's OSError."""

    def __init__(self, **said: Any) -> None:
        try:
            super().__init__(**said)
        except ValidationError as error:
            prefix = str(self.model_config.get("env_prefix", ""))
            raise SettingRefused(" ; ".join(f"{prefix}{path.upper()} : {why}" for path, why in faults(error))) from None

    @classmethod
    def now(cls, name: str) -> str | None:
        """What the file of a setting says now, since a secret may have been replaced; None where it has none, or none to be read."""
        try:
            said: str | None = Filed(cls).get_field_value(cls.model_fields[name], name)[0]
        except OSError:
            return None
        return said or None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's own signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What the program says, then the environment, then the files that it names."""
        return init_settings, env_settings, Filed(settings_cls)
