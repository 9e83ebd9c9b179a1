"""The words in which layers say what they do and hold, and how they are called: primitives, roles, buffers, forms.

Conventions weigh them and leave them out. Only forms know layer kinds, those that are operators.
"""

from __future__ import annotations

from typing import NamedTuple

PRIMITIVES = {
    "multiply_adds": "products of a weight and an activation, each added to a sum",
    "product_multiply_adds": "products of two activations, each added to a sum (attention scores, weighted values)",
    "unmasked_product_multiply_adds": "products of two activations without those that a mask makes void",
    "bias_additions": "additions of a bias",
    "window_elements": "elements that pooling windows read",
    "additions": "element-wise additions",
    "multiplications": "element-wise multiplications",
    "exponentials": "exponentials, such as those of a softmax",
    "softmax_additions": "additions that make the sums of a softmax",
    "divisions": "divisions, such as those by the sums of a softmax",
    "standardized_weights": "weights that are brought to mean 0 and variance 1 before they convolve",
    "scaled_weights": "standardized weights that a trained factor multiplies",
    "normalized_elements": "elements that a norm divides by a deviation, or by the root of a mean square",
    "affine_elements": "elements that a norm then multiplies by a trained factor, with a trained offset added",
    "averaged_elements": "elements that averages are taken over, padding among them only where it is averaged",
    "inside_elements": "elements of average windows that lie on the map, where `same` pads it",
    "nearest_elements": "elements put out by repeating their nearest neighbour",
    "linear_elements": "elements put out by linear interpolation, along one axis",
    "bilinear_elements": "elements put out by bilinear interpolation",
    "trilinear_elements": "elements put out by trilinear interpolation, along three axes",
    "bicubic_elements": "elements put out by bicubic interpolation",
    "antialiased_elements": "elements put out by an interpolation that smooths where it makes fewer",
    "sampled_elements": "samples that aligning regions takes by bilinear interpolation",
    "padded_elements": "elements that arrive, with the padding that the operation adds",
    "zero_additions": "additions of zeros that stand in place of a bias of keys, or of a second bias of a gate",
    "product_elements": "elements that products of two activations put out",
    "parameters": "parameters, once for each image of an operator's batch; windows are images to it",
    "input_elements": "elements that arrive",
    "output_elements": "elements that leave",
}
"""What a layer does, in units that no counting convention can dispute. Conventions weigh them."""

ONCE_A_BATCH = frozenset({"standardized_weights", "scaled_weights"})
"""Primitives that are of weights alone: as many for many images, windows or frames as for one."""

STANDS_FOR = {
    "unmasked_product_multiply_adds": "product_multiply_adds",
}
"""Primitives that some sources count in place of another."""

ROLES = {
    "weight": "kernels and matrices",
    "bias": "biases of convolutions, linear layers and attention projections",
    "scale": "per-channel factors of norms, of standardized weights and of trainable subsampling",
    "slope": "factors of an activation where its input is negative",
    "shift": "per-channel offsets of norms and of trainable subsampling",
    "layer_scale": "factors of a residual branch, one a channel or one for all",
    "embedding": "one vector for each word of a vocabulary",
    "learned": "tables that are no layer's: queries, latents, prompts",
    "class_token": "the token that collects the class",
    "mask_token": "the token that stands for a hidden patch",
    "position_embedding": "learned positions",
    "fixed_position_embedding": "fixed sine-cosine positions, frozen",
    "relative_position_bias": "learned bias of each relative position in a window",
    "relative_position_embedding": "learned vectors of relative rows and columns",
    "logit_scale": "one trained factor a head that cosines are multiplied by",
    "state_space": "of a selective scan, what its states forget, and what of the input passes them by",
    "random_projection": "random directions of a softmax kernel's features, frozen",
}
"""What a parameter is for; a convention may leave roles out."""

BUFFERS = {
    "running_mean": "means over the batches seen in training",
    "running_variance": "variances over the batches seen in training",
    "frozen_scale": "per-channel factors of a frozen norm",
    "frozen_shift": "per-channel offsets of a frozen norm",
    "batches_tracked": "how many batches were seen in training",
    "relative_position_index": "which bias belongs to which pair of positions",
    "relative_coordinates": "relative positions, from which biases are worked out",
    "attention_mask": "which keys a query may read",
    "bands": "the rates that the angles are made of",
    "key_bias": "zeros in place of a bias of keys",
    "one_hot_positions": "zeros and ones, which look position biases up as factors",
    "codes": "fixed codes of radial basis units",
    "constant": "numbers that are the same for every image and that no layer makes",
    "positions": "fixed sine-cosine positions that are no parameters",
    "angles": "sines and cosines of the angles that a rotary embedding turns by",
}
"""State that is no parameter; a convention may take some for parameters."""

FROZEN = ("fixed_position_embedding", "random_projection")
"""Roles of parameters that are not trained: they have no gradients and no optimizer state."""

INTEGER_BUFFERS = ("batches_tracked", "relative_position_index")
"""Buffers of 64-bit whole numbers, whatever the dtype of the network."""

FORMS = {
    "module": "called as a module of the library",
    "with_activation": "called as a module of a subclass that has the activation after it inside",
    "final": "called as a module, the last norm before the head",
    "subclass": "called as a module of a class of its own that inherits from the library's",
    "conv": "called as a convolution of one position, a module",
    "functional": "called as a function",
    "method": "called as a method of the tensor, or as torch's function of that name",
    "mean": "the tensor's own mean, with no pooling operator",
    "timm": "in timm's class: rates are buffers",
    "operator": "written with an operator: a + b, a * b, a @ b",
    "function": "written with torch's function: add, mul, matmul",
    "bmm": "written with torch.bmm",
    "einsum": "written with torch.einsum",
}
"""How a network's source may call an operation. It computes the same; tools that watch the calls count differently."""

SPECIAL = {"final": "module"}
"""Forms that are a special case of another, whose rule holds where a convention has none for them."""


class Way(NamedTuple):
    """How the source writes a layer of several operators."""

    says: str
    forms: dict[str, str]
    """The form of an operator by its kind, or of a part of the layer; the usual one where neither is here."""


_FUNCTIONS = {"linear": "functional", "matmul": "function", "softmax": "functional"}
WAYS = {
    "mha": Way("torch's MultiheadAttention, whose projections are no modules that run", {"linear": "functional"}),
    "sdpa": Way("linear modules around torch's fused scaled_dot_product_attention", {}),
    "timm": Way(
        "in timm's class: as sdpa, which ptflops knows there; windows as modules, their masks buffers",
        {"softmax": "module"},
    ),
    "matmul": Way(
        "linear modules around two calls of torch.matmul and one of softmax",
        {"matmul": "function", "softmax": "functional"},
    ),
    "operator": Way("linear modules around a @ b, and a softmax that is a method", {}),
    "modules": Way("linear and softmax modules around a @ b", {"softmax": "module"}),
    "functional": Way("linear layers, products and softmax are functions", _FUNCTIONS),
    "functional_cosine": Way("as functional, but scores are a @ b", {**_FUNCTIONS, "scores": "operator"}),
    "functional_qkv": Way(
        "queries, keys and values by a function, all else as modules; keys add zeros that are a buffer",
        {"qkv": "functional", "softmax": "module"},
    ),
}
"""How a network's source may write a layer of several operators, where tools tell ways apart."""

_USUAL = {
    "table": "module",
    "positions": "einsum",
    "lookup": "einsum",
    "softmax": "method",
    "sigmoid": "method",
    "upsample": "functional",
    "matmul": "operator",
    "add": "operator",
    "multiply": "operator",
}
"""The form of a kind, or of a part of a layer, where a way does not say it; others are modules."""


def called(way: str, part: str, kind: str) -> str:
    """The form of an operator of a kind that is a part of a layer which is written in a way."""
    given = WAYS[way].forms if way in WAYS else {}
    for name in (part, kind):
        if name in given or name in _USUAL:
            return given.get(name) or _USUAL[name]
    return "module"
