"""`vcalc memory`: what is held, saved and alive at the peak, as a table and a record."""

from __future__ import annotations

from typing import Any

from vcalc import units
from vcalc.analyses.memory import Memory, single_values
from vcalc.analyses.memory_plan import BACKWARD, FORWARD, TRAINING, UPDATE, Size
from vcalc.arithmetic import is_symbolic
from vcalc.reports.notes import folded_note, what_is_frozen
from vcalc.reports.table import Column, Report, Row, Table, bar_text, inputs_of, inputs_text, plain_value
from vcalc.spec.network import Network

NOT_INCLUDED = (
    "rounding and fragmentation of the allocator",
    "workspaces of cuDNN and cuBLAS",
    "the CUDA context and its kernels",
    "the loss, the data loader and copies of the next batch",
)
"""What takes memory and is no tensor of the network."""

HELD, SUM, PEAK = "held", "sum", "peak"


def memory_report(
    network: Network, memory: Memory, batch: Any, capacity: int | None = None, show_layers: bool = False
) -> Report:
    """A network's memory at a batch (a number or a symbol), and the largest batch that fits into `capacity` bytes."""
    fit = None if capacity is None else _fit(memory, capacity)
    memory = memory.of(batch)
    figures = _Figures(memory, batch)
    heading = _title(network, memory, batch)
    columns = [
        Column("what", "what"),
        Column("is", "is"),
        Column("memory", "memory", "in KB, MB, GB of 1024 steps", number=True, text=units.size),
        Column("bytes", "bytes", number=True, drop=1),
        Column("formula", "bytes for B images", "a straight line in the batch", drop=2, prose=True),
        Column("layer", "where", "the layer that runs at the peak", drop=1),
    ]
    symbolic = is_symbolic(batch)
    if symbolic:
        columns = [column for column in columns if column.key not in ("memory", "formula")]
    styles = {"total peak": "total"}
    rows = [Row(cells, styles.get(cells["what"], "layer"), sums=False) for cells in figures.rows()]
    table = Table(heading, columns, rows, [*_notes(memory, batch), *([] if fit is None else [fit["says"]])])
    tables = [table, _layers_table(memory, batch)] if show_layers else [table]
    holds = fit is None or fit["batch"] != 0
    numbers = [Row({**row.cells, "formula": (row.cells.get("formula") or "").replace(",", "")}) for row in rows]
    complete = None if show_layers else Table("", columns, numbers)
    return Report(tables, _record(network, memory, figures, fit), complete, holds)


def _title(network: Network, memory: Memory, batch: Any) -> str:
    plan = memory.plan
    parts = [plan.mode, *([plan.optimizer] if plan.training else [])]
    both = f"mixed {plan.dtype} and float32" if plan.mixed else plan.dtype
    parts += [f"autocast to {plan.dtype} on {plan.device}" if plan.autocast else both]
    parts += ["activations in place"] if plan.in_place else []
    parts += ["norms folded"] if memory.graph.folded is not None else []
    parts += ["weights by their bits"] if _by_bits(memory) else []
    parts += ["inputs held by modules"] if plan.modules else []
    parts += [f"checkpoints at depth {plan.checkpoint}"] if plan.checkpoint else []
    given = inputs_text(network.graph.inputs)
    return f"{network.title} ({network.name}), {batch} x {given}, {', '.join(parts)}"


def _by_bits(memory: Memory) -> bool:
    """Whether weights are held in the bits that are said of them."""
    return memory.graph.says_widths and not memory.plan.training


class _Figures:
    """The figures of one network at one batch."""

    def __init__(self, memory: Memory, batch: Any) -> None:
        self.memory = memory
        self.batch = batch
        self.symbolic = is_symbolic(batch)

    def rows(self) -> list[dict[str, Any]]:
        """The table, row by row."""
        memory, held = self.memory, self.memory.held
        fixed = {"weights": held.weights, "weights in fp32": held.master, "optimizer state": held.state}
        rows = [self._row(name, HELD, Size(value, 0)) for name, value in fixed.items() if value or name == "weights"]
        rows.append(self._row("buffers", HELD, Size(held.buffers, 0)))
        rows.append(self._row("input", HELD, memory.input))
        if not memory.plan.training:
            peak = self._peak("")
            less = {"formula": None} if self.symbolic else {}
            activations = self._value_less(peak, held.always)
            return [
                *rows,
                {**peak, **less, **activations, "what": "peak of activations"},
                {**peak, "what": "total peak"},
            ]
        rows.insert(1, self._row("gradients", SUM, Size(held.gradients, 0)))
        rows.append(self._row("saved activations", SUM, memory.saved))
        for phase in (FORWARD, BACKWARD, UPDATE):
            rows.append({**self._peak(phase), "what": f"peak {phase}"})
        return [*rows, {**self._peak(""), "what": "total peak"}]

    def _row(self, what: str, is_: str, size: Size) -> dict[str, Any]:
        value = size.at(self.batch)
        return {"what": what, "is": is_, "memory": value, "bytes": value, "formula": formula(size)}

    def _peak(self, phase: str) -> dict[str, Any]:
        if self.symbolic:
            value = self.memory.peak_formula(self.batch, phase)
            return {"is": PEAK, "memory": value, "bytes": value, "layer": self._where(phase)}
        moment = self.memory.peak(self.batch, phase)
        value = moment.size.at(self.batch)
        where = moment.path if phase or not self.memory.plan.training else f"{moment.phase} {moment.path}".strip()
        return {"is": PEAK, "memory": value, "bytes": value, "formula": formula(moment.size), "layer": where}

    def _where(self, phase: str) -> str | None:
        """The layer of a peak, where it is the same at every batch."""
        places = {(moment.phase, moment.path) for moment in self.memory.peaks(phase)}
        return " ".join(places.pop()).strip() if len(places) == 1 else None

    def _value_less(self, peak: dict[str, Any], always: int) -> dict[str, Any]:
        value = peak["bytes"] - always
        if self.symbolic:
            return {"memory": value, "bytes": value}
        moment = self.memory.peak(self.batch)
        return {"memory": value, "bytes": value, "formula": formula(moment.size.minus(Size(always, 0)))}

    def peak_record(self, phase: str) -> dict[str, Any]:
        """A peak as data."""
        if self.symbolic:
            return {"bytes": plain_value(self.memory.peak_formula(self.batch, phase)), "layer": self._where(phase)}
        moment = self.memory.peak(self.batch, phase)
        return {
            "bytes": moment.size.at(self.batch),
            "fixed": moment.size.fixed,
            "per_image": moment.size.per_image,
            "phase": moment.phase,
            "layer": moment.path or None,
        }


def formula(size: Size) -> str:
    """`102,441,032 + 10,235,904*B`."""
    parts = [units.exact(size.fixed)] if size.fixed or not size.per_image else []
    return " + ".join([*parts, *([f"{units.exact(size.per_image)}*B"] if size.per_image else [])])


def _fit(memory: Memory, capacity: int) -> dict[str, Any]:
    """The largest batch that fits, and how that follows."""
    batch, room = memory.largest_batch(capacity), units.size(capacity)
    record: dict[str, Any] = {"capacity": capacity, "batch": batch}
    if batch is None:
        return {**record, "says": f"every batch fits into {room}: nothing grows with it"}
    over = memory.peak(batch + 1)
    works = f"(the peak of {batch + 1:,} is {formula(over.size)} = {units.exact(over.size.at(batch + 1))} bytes)"
    if batch == 0:
        return {**record, "says": f"not one image fits into {room} {works}"}
    return {**record, "says": f"largest batch that fits into {room}: {batch:,} {works}"}


def _notes(memory: Memory, batch: Any) -> list[str]:
    plan, held = memory.plan, memory.held
    notes = [
        "held: there all the time; sum: all of it together, whether or not it is there at once; peak: everything that "
        "is alive at the one moment when that is most, weights among it unless it says activations; do not add peaks"
    ]
    if plan.mode == TRAINING:
        notes.append(
            "saved activations are what torch keeps from the forward to the backward pass, storages once, the input "
            "among them where the first layer keeps it; gradients of parameters come one by one in the backward pass "
            "and are freed after the update; the optimizer's state is there from its second step on"
        )
        if held.scratch:
            notes.append(f"peak update holds {units.size(held.scratch)} that torch's {plan.optimizer} makes on a GPU")
        alone = single_values(memory.graph)
        if alone and batch == 1:
            what = "one value a channel has no variance"
            notes.append(f"torch does not train with a batch of 1: {what}, at {alone[0].path}")
    if plan.mixed:
        notes.append(
            f"mixed: weights, gradients and activations in {plan.dtype}; a copy of the weights and the optimizer's "
            "state in float32; torch.autocast, which keeps float32 weights and casts them, takes more or less than "
            "this (--mixed autocast)"
        )
    if plan.autocast:
        notes.append(
            "autocast: weights, gradients and state in float32; products and convolutions read and make "
            f"{plan.dtype}, the other operators what torch's lists for {plan.device} say; a weight's copy stays until "
            "the forward pass ends, and longer where backward reads it"
        )
    notes += _frozen(memory)
    notes += _bits(memory)
    notes += folded_note(memory.graph)
    if plan.checkpoint:
        notes.append(
            f"a group at depth {plan.checkpoint} saves only what enters it and runs again in the backward pass"
        )
    longer = (
        "" if plan.training else "; modules that hold their inputs longer, as torchvision's do, take more (--modules)"
    )
    freed = (
        "what enters a group after its last layer"
        if plan.modules
        else f"a tensor is freed after its last reader{longer}"
    )
    notes.append(f"a layer's inputs and output are alive while it runs; {freed}")
    if not memory.straight:
        notes.append(
            "the workspace of an LSTM is rounded up to pages: figures are of this very batch, a formula in the batch "
            f"rounds as for {1 if plan.single else plan.images}"
        )
    if plan.single:
        notes.append(
            "one image: torch makes views of it where it copies several, so that these formulas do not hold for them "
            "(--batch 2 has theirs)"
        )
    return [*notes, f"not included: {'; '.join(NOT_INCLUDED)}"]


def _bits(memory: Memory) -> list[str]:
    """What the bits of weights bear on, and what they do not."""
    if not memory.graph.says_widths:
        return []
    if memory.plan.training:
        return ["bits and densities of the spec are those of use: training holds every weight in the dtype, dense"]
    return [
        "weights are held in the bits that are said of them, each layer's packed into whole bytes, zeros among them; "
        f"tensors between layers are held in {memory.plan.dtype}, whatever the bits of activations (--dtype int8 for "
        "one byte each); copies of weights in the dtype, which kernels without such bits make, are not included"
    ]


def _frozen(memory: Memory) -> list[str]:
    """What training leaves alone, and what that spares."""
    frozen = what_is_frozen(memory.graph.nodes) if memory.plan.training else ""
    spares = "its parameters have no gradients and no optimizer state, and only what gradients pass through is saved"
    return [f"frozen: {frozen}; {spares}"] if frozen else []


def _layers(memory: Memory, batch: Any) -> list[dict[str, Any]]:
    """What each layer saves, and the most that is alive while it runs."""
    alive: dict[tuple[str, str], list[Size]] = {}
    for phase, path, size in memory.moments:
        alive.setdefault((phase, path), []).append(size)
    return [
        {
            "path": node.path,
            "kind": node.kind,
            "saved": memory.saved_by[node.index].at(batch),
            "forward": memory.most(alive.get((FORWARD, node.path), []), batch),
            "backward": memory.most(alive.get((BACKWARD, node.path), []), batch),
        }
        for node in memory.graph.nodes
    ]


def _layers_table(memory: Memory, batch: Any) -> Table:
    columns = [
        Column("path", "layer"),
        Column("kind", "kind", drop=3),
        Column("saved", "saves (bytes)", number=True),
        Column("forward", "alive forward (bytes)", number=True),
        Column("backward", "alive backward (bytes)", number=True),
    ]
    if not memory.plan.training:
        columns = [column for column in columns if column.key not in ("saved", "backward")]
    elif not is_symbolic(batch):
        columns.append(Column("share", "", bar=True, drop=2, text=bar_text))
    rows = _layers(memory, batch)
    if not is_symbolic(batch):
        most = max((max(row["forward"] or 0, row["backward"] or 0) for row in rows), default=1)
        rows = [{**row, "share": max(row["forward"] or 0, row["backward"] or 0) / most} for row in rows]
    return Table("alive while each layer runs", columns, [Row(row, "layer") for row in rows])


def _record(network: Network, memory: Memory, figures: _Figures, fit: dict[str, Any] | None) -> dict[str, Any]:
    """The JSON contract of `vcalc memory`."""
    plan, held, batch = memory.plan, memory.held, figures.batch
    training = plan.training
    return {
        "schema": 1,
        "model": network.name,
        "title": network.title,
        **inputs_of(network.graph.inputs, by_name=True),
        "batch": plain_value(batch),
        "dtype": plan.dtype,
        "mode": plan.mode,
        "optimizer": plan.optimizer if training else None,
        "mixed": plan.mixed,
        "autocast": plan.autocast,
        "device": plan.device,
        "in_place": plan.in_place,
        "modules": plan.modules,
        "checkpoint": plan.checkpoint or None,
        "folded_norms": None if memory.graph.folded is None else len(memory.graph.folded),
        "weights": held.weights,
        "master_weights": held.master,
        "gradients": held.gradients,
        "optimizer_state": held.state,
        "buffers": held.buffers,
        "input_bytes": plain_value(memory.input.at(batch)),
        "saved": plain_value(memory.saved.at(batch)),
        **({"packed": True} if _by_bits(memory) else {}),
        "held": held.always,
        "peak_forward": figures.peak_record(FORWARD),
        "peak_backward": figures.peak_record(BACKWARD) if training else None,
        "peak_update": figures.peak_record(UPDATE) if training else None,
        "peak": figures.peak_record(""),
        "fit": None if fit is None else {"capacity": fit["capacity"], "batch": fit["batch"]},
        "not_included": list(NOT_INCLUDED),
        "layers": [{key: plain_value(value) for key, value in layer.items()} for layer in _layers(memory, batch)],
    }
