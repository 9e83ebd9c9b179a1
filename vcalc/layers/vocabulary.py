"""The words in which layers say what they do and hold, and how they are called: primitives, roles, buffers, forms.

Conventions weigh them and leave them out. No word here knows a layer kind.
"""

from __future__ import annotations

PRIMITIVES = {
    "multiply_adds": "products of a weight and an activation, each added to a sum",
    "product_multiply_adds": "products of two activations, each added to a sum (attention scores, weighted values)",
    "unmasked_product_multiply_adds": "products of two activations without those that a mask makes void",
    "position_multiply_adds": "products of a query and a vector of relative positions, each added to a sum",
    "table_multiply_adds": "multiply-adds that make a table of position biases, once for a whole batch",
    "table_hidden_elements": "elements between that table's two layers, each with a bias added and a ReLU",
    "table_elements": "elements that these two layers put out, once for a whole batch",
    "table_parameters": "their parameters",
    "lookup_multiply_adds": "multiply-adds with zeros and ones that look position biases up, once for a whole batch",
    "lookup_elements": "elements that these put out, once for a whole batch",
    "bias_additions": "additions of a bias",
    "window_elements": "elements that pooling windows read",
    "additions": "element-wise additions",
    "multiplications": "element-wise multiplications",
    "exponentials": "exponentials of a softmax",
    "softmax_additions": "additions that make the sums of a softmax",
    "divisions": "divisions by the sums of a softmax",
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
    "sampled_elements": "samples that aligning regions takes by bilinear interpolation",
    "padded_elements": "elements that arrive, with the padding that the operation adds",
    "qkv_bias_additions": "additions of a bias to queries, keys and values, which are among the bias additions",
    "value_multiply_adds": "multiply-adds of an attention's weights and values, half of its products",
    "out_multiply_adds": "multiply-adds of an attention's output projection, which are among its multiply-adds",
    "out_bias_additions": "bias additions of that projection",
    "out_parameters": "parameters of that projection",
    "leading_out_parameters": "the same, once for each window that attends by itself",
    "zero_additions": "additions of zeros that stand in place of a bias of keys",
    "projected_elements": "elements that the four projections of an attention put out",
    "product_elements": "elements that products of two activations, or of queries and positions, put out",
    "unpadded_multiply_adds": "multiply-adds of a window attention's projections, on the map without padding",
    "unpadded_product_multiply_adds": "multiply-adds of its products without padding, windows no larger than the map",
    "parameters": "parameters, each taken once",
    "leading_parameters": "parameters of an attention's projections, once for each window that attends by itself",
    "input_elements": "elements that arrive",
    "output_elements": "elements that leave",
}
"""What a layer does, in units that no counting convention can dispute. Conventions weigh them."""

STANDS_FOR = {
    "unmasked_product_multiply_adds": "product_multiply_adds",
    "unpadded_multiply_adds": "multiply_adds",
    "unpadded_product_multiply_adds": "product_multiply_adds",
    "out_multiply_adds": "multiply_adds",
    "value_multiply_adds": "product_multiply_adds",
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
    "class_token": "the token that collects the class",
    "mask_token": "the token that stands for a hidden patch",
    "position_embedding": "learned positions",
    "fixed_position_embedding": "fixed sine-cosine positions, frozen",
    "relative_position_bias": "learned bias of each relative position in a window",
    "relative_position_embedding": "learned vectors of relative rows and columns",
    "logit_scale": "one trained factor a head that cosines are multiplied by",
    "random_projection": "random directions of a softmax kernel's features, frozen",
}
"""What a parameter is for; a convention may leave roles out."""

BUFFERS = {
    "running_mean": "means over the batches seen in training",
    "running_variance": "variances over the batches seen in training",
    "batches_tracked": "how many batches were seen in training",
    "relative_position_index": "which bias belongs to which pair of positions",
    "relative_coordinates": "relative positions, from which biases are worked out",
    "attention_mask": "which keys a query may read",
    "bands": "the rates that the angles are made of",
    "key_bias": "zeros in place of a bias of keys",
    "one_hot_positions": "zeros and ones, which look position biases up as factors",
    "codes": "fixed codes of radial basis units",
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
    "modules": "linear and softmax modules around a @ b",
    "final": "called as a module, the last norm before the head",
    "subclass": "called as a module of a class of its own that inherits from the library's",
    "conv": "called as a convolution of one position, a module",
    "functional": "called as a function; of an attention the linear layers, the products and the softmax",
    "functional_cosine": "as functional, but queries and keys are multiplied by an operator",
    "functional_qkv": "queries, keys and values by a function, all else as modules; keys add zeros that are a buffer",
    "method": "called as a method of the tensor, or as torch's function of that name",
    "mean": "the tensor's own mean, with no pooling operator",
    "mha": "torch's MultiheadAttention, whose projections are no modules that run",
    "sdpa": "linear modules around torch's fused scaled_dot_product_attention",
    "timm": "in timm's class: as sdpa, which ptflops knows there; of windows as modules; masks and rates are buffers",
    "matmul": "linear modules around two calls of torch.matmul and one of softmax",
    "operator": "written with an operator: a + b, a * b, a @ b; of an attention the products, its softmax a method",
    "function": "written with torch's function: add, mul, matmul",
    "bmm": "written with torch.bmm",
    "einsum": "written with torch.einsum",
}
"""How a network's source may call an operation. It computes the same; tools that watch the calls count differently."""

SPECIAL = {"final": "module"}
"""Forms that are a special case of another, whose rule holds where a convention has none for them."""
