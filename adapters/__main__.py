"""`python -m adapters`: the connectors' own command line."""

from __future__ import annotations

from adapters.commands import app

if __name__ == "__main__":
    app(prog_name="python -m adapters")
