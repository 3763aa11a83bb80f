"""Addresses that would lead us elsewhere than they seem to: each with the name of its refusal."""

from __future__ import annotations

from typing import Final

from schemas.wire.destinations import Refusal

REFUSED: Final = [
    ("http://peer.example/", Refusal.SCHEME),
    ("http://peer.example:443/", Refusal.SCHEME),
    ("ftp://peer.example/", Refusal.SCHEME),
    ("file:///etc/passwd", Refusal.SCHEME),
    ("javascript:alert(1)", Refusal.SCHEME),
    ("//peer.example/", Refusal.SCHEME),
    ("", Refusal.URL),
    ("https://", Refusal.URL),
    ("https:///actor", Refusal.URL),
    ("https://peer.example:0/", Refusal.URL),
    ("https://peer.example:/", Refusal.URL),
    ("https://peer.example:99999/", Refusal.URL),
    ("https://peer.example:4４3/", Refusal.URL),
    ("https://peer.example/a b", Refusal.URL),
    ("https://peer.example/\r\nHost: other.example", Refusal.URL),
    ("https://peer.example\\@other.example/", Refusal.URL),
    ("https://pеer.example/", Refusal.URL),  # a Cyrillic letter
    ("https://[::1/", Refusal.URL),
    ("https://peer.example/" + "a" * 2048, Refusal.URL),
    ("https://peer.example@other.example/", Refusal.USER),
    ("https://user:secret@peer.example/", Refusal.USER),
    ("https://127.0.0.1/", Refusal.HOST),
    ("https://8.8.8.8/", Refusal.HOST),
    ("https://[::1]/", Refusal.HOST),
    ("https://[::ffff:10.0.0.1]/", Refusal.HOST),
    ("https://2130706433/", Refusal.HOST),
    ("https://0177.0.0.1/", Refusal.HOST),
    ("https://0x7f.1/", Refusal.HOST),
    ("https://0x7f000001/", Refusal.HOST),
    ("https://127.1/", Refusal.HOST),
    ("https://peer.example./", Refusal.HOST),
    ("https://peer_example/", Refusal.HOST),
    ("https://-peer.example/", Refusal.HOST),
    ("https://%70eer.example/", Refusal.HOST),
    ("https://peer.example:8443/", Refusal.PORT),
    ("https://peer.example:22/", Refusal.PORT),
    ("https://peer.example:80/", Refusal.PORT),
]
DEVELOPMENT: Final = ["http://10.0.0.1/", "http://2130706433/", "https://8.8.8.8/", "https://peer.example:22/", "http://a@127.0.0.1/"]
"""What stays refused where servers on this very machine are asked too."""
