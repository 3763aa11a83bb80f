"""`python -m tests.bench [SECTION]…`: measures this machine, each figure beside its ceiling; `--help` names the sections."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from tests.bench import courier, door, end2end, fanout, inbox, limits, memory, polls, spread, translate, webhook, worker, writer
from tests.bench.report import Report, say
from tests.bench.stage import CLONE, stage

if TYPE_CHECKING:
    from collections.abc import Sequence

SECTIONS = {
    "translate": (translate.run, "de la charge utile à l’événement signé, par plateforme"),
    "webhook": (webhook.run, "du webhook à la garde durable"),
    "door": (door.run, "de la demande signée à la garde durable"),
    "worker": (worker.run, "le worker inbound"),
    "writer": (writer.run, "les écritures dans un RSE qui répond en 20 ms"),
    "fanout": (fanout.run, "la diffusion vers 10 nœuds"),
    "inbox": (inbox.run, "la porte des pairs : de l’activité signée à la garde durable"),
    "courier": (courier.run, "le courrier : une activité signée vers 200 boîtes, puis vers 10 et 1 000 pairs dont la moitié absents"),
    "spread": (spread.run, "du webhook aux topics de dix nœuds, à 200/s"),
    "end2end": (end2end.run, "de bout en bout, par les jumeaux, à 10 messages/s"),
    "polls": (polls.run, "200 espaces calmes d’un RSE qu’il faut interroger"),
    "memory": (memory.run, "la mémoire du worker sur 100 000 événements"),
}
ON_DEMAND = {"limits": (limits.run, "10 000 messages d’un coup, trois jumeaux et leurs limites (cinq minutes)")}
RESULT = CLONE / ".local" / "bench.json"


async def measure(sections: Sequence[str], folder: Path) -> Report:
    """Run the sections one after the other on one pair of servers."""
    report = Report()
    say("démarrage de Kafka et de PostgreSQL")
    with stage(folder) as servers:
        for name in sections:
            run, title = (SECTIONS | ON_DEMAND)[name]
            say(f"{name} : {title}")
            report.note_load(name)
            await run(servers, report)
            report.note_load(name)
    return report


def main() -> None:
    """Measure, show, keep. A missed target is said, not asserted: the machine may have been busy."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="section", help=", ".join((*SECTIONS, *ON_DEMAND)))
    chosen = parser.parse_args().sections or list(SECTIONS)
    if unknown := set(chosen) - set(SECTIONS) - set(ON_DEMAND):
        parser.error(f"section inconnue : {', '.join(sorted(unknown))}")
    folder = Path(tempfile.mkdtemp(prefix="traitdunion-bench-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user where we are root
    try:
        report = uvloop.run(measure(chosen, folder))
    except BaseException:
        say(f"interrompu ; les journaux restent dans {folder}")
        raise
    shutil.rmtree(folder, ignore_errors=True)
    report.show()
    report.save(RESULT)
    say(f"gardé dans {RESULT.relative_to(CLONE)}")
    missed = [figure.what.strip() for figure in report.figures if figure.reached is False]
    if missed:
        say(f"objectifs non atteints : {' ; '.join(missed)}")


if __name__ == "__main__":
    main()
