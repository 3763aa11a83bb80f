"""The hub: interministerial communities, their order, and who may take part."""
