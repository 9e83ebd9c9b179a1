"""How much of a ResNet-50 grows with the width squared? Closed forms, and where its head stops to matter."""

import sympy

import vcalc


def main() -> None:
    """Print the closed forms of ResNet-50 at width c, and the share of the head for a few widths."""
    network = vcalc.load("resnet50").bind(H=224, W=224, width="c", classes="K")
    params, flops, _ = network.total
    c, classes = sorted(params.free_symbols, key=str, reverse=True)
    print("params:", params)
    print("FLOPs:", flops)
    print("growth of the FLOPs with the width:", sympy.limit(flops.subs(classes, 1000) / c**2, c, sympy.oo), "* c**2")

    head = network.total_of("fc").params
    for width in (16, 32, 64, 128):
        share = (head / params).subs({c: width, classes: 1000})
        print(f"width {width}: the head holds {float(share):.1%} of the params")


if __name__ == "__main__":
    main()
