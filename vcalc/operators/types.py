"""What the elements of a tensor are, which decides how many bytes they take."""

ACTIVATION, STATISTIC, INDEX, MASK, BOOLEAN = "activation", "statistic", "index", "mask", "boolean"
LOW = "low"
ELEMENTS = {
    LOW: "of 16 bits, as torch.autocast has them beside activations and weights in fp32",
    ACTIVATION: "of the activations' dtype",
    STATISTIC: "in fp32, or wider where the activations are: means, deviations, the log-sum-exp of a softmax",
    INDEX: "whole numbers of 64 bits",
    BOOLEAN: "one byte, on the way only",
    MASK: "booleans of one byte on a GPU; the CPU's dropout keeps factors of the activations' dtype",
}

NUMBERS = (LOW, ACTIVATION, STATISTIC)
"""What is computed with, from the narrowest on: of several, an operator makes the widest."""
