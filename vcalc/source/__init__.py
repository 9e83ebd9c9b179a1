"""Files as YAML nodes: every value with its place, and every problem noted."""

SUFFIXES = (".yaml", ".yml")
"""How the name of a file ends."""
