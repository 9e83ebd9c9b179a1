"""The small arithmetic of specs and conventions: expressions, and what their values may be."""
