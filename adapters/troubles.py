"""What a connector's command says, and ends with, where something that it needs is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schemas.wire.command_line import Told


def explained(error: Exception) -> Told | None:
    """A sentence and an exit code for what is no defect of ours; None for the rest."""
    from aiohttp import ClientError
    from asyncpg import PostgresError, UndefinedTableError

    from adapters.feeding import InstanceUnknown
    from adapters.ledger import LedgerUnavailable
    from adapters.observed import GatewaySilent
    from adapters.platforms import PlatformUnknown
    from adapters.settings import InstancesRefused, OptionRefused
    from schemas.wire.command_line import UNREACHABLE, Told, of_machine

    match error:
        case GatewaySilent():
            return Told(f"Aucun connecteur ne répond à {error}.", UNREACHABLE)
        case ClientError():
            return Told(
                "La passerelle ne répond pas : TRAITDUNION_GATEWAY_HOST et TRAITDUNION_GATEWAY_PORT disent où elle est.", UNREACHABLE
            )
        case InstanceUnknown():
            return Told(f"Le fichier des instances ne connaît pas « {error} ».")
        case PlatformUnknown():
            return Told(f"Aucun connecteur ne connaît la plateforme « {error} ».")
        case InstancesRefused() | OptionRefused():
            return Told(str(error))
        case UndefinedTableError():
            return Told("Le registre local n'est pas prêt : lancez d'abord « traitdunion connector migrate ».")
        case PostgresError():
            return Told(f"Le registre local refuse la connexion ({type(error).__name__}) : voyez TRAITDUNION_LEDGER_URL.")
        case LedgerUnavailable():
            return Told(f"Le registre local ne répond pas ({error}) : voyez TRAITDUNION_LEDGER_URL.", UNREACHABLE)
        case OSError(filename=None):
            return Told(f"Le registre local ne répond pas ({type(error).__name__}) : voyez TRAITDUNION_LEDGER_URL.", UNREACHABLE)
        case _:
            return of_machine(error)
