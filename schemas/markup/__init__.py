"""The one subset of HTML in which messages travel, and its words as plain text."""
