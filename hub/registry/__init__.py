"""Organisations, nodes, their keys, approval, ties."""
