"""What the elements of a tensor are, which decides how many bytes they take."""

ACTIVATION, STATISTIC, INDEX, MASK, BOOLEAN = "activation", "statistic", "index", "mask", "boolean"
ELEMENTS = {
    ACTIVATION: "of the activations' dtype",
    STATISTIC: "in fp32, or wider where the activations are: means, deviations, the log-sum-exp of a softmax",
    INDEX: "whole numbers of 64 bits",
    BOOLEAN: "one byte, on the way only",
    MASK: "booleans of one byte on a GPU; the CPU's dropout keeps factors of the activations' dtype",
}
