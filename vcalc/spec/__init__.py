"""The spec language: find a file, read it, work out its expressions, expand it into a graph."""
