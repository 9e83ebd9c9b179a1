"""Whether every operation of the spec language is charged for the time that it takes. Run by hand.

    python benchmarks/operations.py            every operation
    python benchmarks/operations.py sqrt       those whose text holds this

An expression of the operation is worked out on ever new numbers until a part of a network's budget of operations is
spent. Printed are the seconds of CPU that a whole budget of it takes, and the answers that it buys; `!` marks what
takes over three seconds: a stranger's spec of it could run as long.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from vcalc import limits
from vcalc.language.expression import parse
from vcalc.spec.build import Budget

BOUND = 3
"""Seconds of CPU that no budget may last."""

WHOLE = (
    "i + 7",
    "i * j - 7",
    "i // 7 % 5",
    "i ** 3",
    "max(i, j, 3)",
    "abs(-i)",
    "round8(i)",
    "i < j and j > 3",
    "1 if i == j else 2",
    "[i, j][1]",
    "sum([i, j, 3, 4, 5, 6, 7, 8])",
)
PARTS = (
    "i / 7",
    "q + 1",
    "q * p",
    "q / p",
    "q // p",
    "q % p",
    "q ** 3",
    "-q",
    "q < p",
    "max(q, p)",
    "floor(q)",
    "round(q)",
    "round_even(q)",
    "round8(q)",
    "0.9 * i",
    "sum([q, p, q, p, 1, 2, 3])",
)
DIGITS = (
    "sqrt(i)",
    "sqrt(q)",
    "sqrt(r)",
    "log(i)",
    "log(q)",
    "log(r)",
    "log(i, 3)",
    "log(r, s)",
    "log(log(log(log(i + 99))))",
    "sqrt(sqrt(sqrt(sqrt(i))))",
    "r + 1",
    "r + q",
    "r * s",
    "r / s",
    "r // s",
    "r % s",
    "-r",
    "r < s",
    "max(r, s)",
    "floor(r)",
    "round(r)",
    "round_even(r)",
    "round8(r)",
    "r ** 3",
    "r ** 19",
    "r ** -19",
    "i ** 0.5",
    "q ** 0.37",
    "r ** 0.37",
    "r ** q",
    "q ** s",
    "r ** s",
    "0.37 ** r",
    "(((i + 2) ** 0.37 + 1) ** 0.41 + 1) ** 0.43",
)


SHARE = 50
"""Only this part of a budget is spent, and its time multiplied."""


def numbers(count: int) -> list[dict[str, Any]]:
    """Ever new whole numbers i and j, quotients q and p, roots and logarithms r and s."""
    texts = {"q": "(i + 10007) / 1009", "p": "(i + 3) / (i + 1)", "r": "sqrt(i + 3) / 7", "s": "log(i + 3) / 3"}
    made = {name: parse(text) for name, text in texts.items()}
    found = []
    for i in range(1, count + 1):
        environment = {"i": i, "j": i % 97}
        found.append({**environment, **{name: Budget().value(each, environment) for name, each in made.items()}})
    return found


def of_a_budget(text: str, environments: list[dict[str, Any]]) -> tuple[float, int]:
    """Seconds of CPU that a budget of an expression takes, and how many times it is worked out."""
    expression, budget = parse(text), Budget()
    start = time.process_time()
    answers = 0
    while budget.operations * SHARE < limits.OPERATIONS and answers < len(environments):
        budget.value(expression, environments[answers])
        answers += 1
    share = limits.OPERATIONS / budget.operations
    return (time.process_time() - start) * share, int(answers * share)


def main(part: str = "") -> None:
    """Print a line for each operation."""
    environments = numbers(10_000)
    print(f"{'operation':44} {'seconds':>8} {'answers':>10}")
    for text in (*WHOLE, *PARTS, *DIGITS):
        if part in text:
            taken, count = of_a_budget(text, environments)
            print(f"{text:44} {taken:8.2f} {count:10,}{' !' if taken > BOUND else ''}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:2])
