"""The demo with a real Synapse in the Matrix twin's place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.local.synapse import PYTHON
from tests.fakes_demo import NOT_INSTALLED, check_summary, demo

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(NOT_INSTALLED is not None, reason=str(NOT_INSTALLED)),
    pytest.mark.skipif(not PYTHON.exists(), reason="no Synapse in the clone: run `make synapse`"),
]


async def test_the_demo_plays_the_same_way_through_a_real_synapse(tmp_path: Path) -> None:
    async with demo(tmp_path, "--once", "--rse", "synapse") as played:
        assert await played.ends() == 0, "\n".join(played.lines)
        check_summary(played)
        assert any("un vrai Synapse" in line for line in played.lines)
        assert played.left() == []
