"""What torch's operators leave in memory: the ground that every layer's `run` stands on."""
