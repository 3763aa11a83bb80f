"""Interministerial communities: their threads and their sequence."""
