"""What is worked out from a graph: costs, receptive field, depth, and what is made of them."""
