"""Networks of others: torch code, recorded while it runs on tensors without elements."""
