"""Files as YAML nodes: every value with its place, and every problem noted."""
