"""The Python API: the costliest layers of a model, and a small sweep over input sizes."""

import vcalc


def main() -> None:
    """Print the five costliest layers of ResNet-50, and its FLOPs at three sizes under two conventions."""
    network = vcalc.load("ResNet-50").bind()
    print(f"{network.total.params:,} params, depth {network.depth}")
    for layer in sorted(network.layers, key=lambda layer: layer.flops, reverse=True)[:5]:
        print(f"{layer.path:24} {layer.flops:>12,} FLOPs")

    for size in (192, 224, 320):
        counts = (
            vcalc.load("resnet50").bind(H=size, W=size, convention=name).total.flops for name in ("macs", "flops")
        )
        print(size, *(f"{count:,}" for count in counts))

    try:
        vcalc.load("resnet51")
    except vcalc.VcalcError as error:
        print(error)


if __name__ == "__main__":
    main()
