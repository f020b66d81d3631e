"""A picture of a price: the curve with the model's path on it, and the price through time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from anacostia_blockchain._extras import require
from anacostia_blockchain.prices.history import followed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from decimal import Decimal

    from anacostia_blockchain.prices.history import PriceChange
    from anacostia_blockchain.prices.values import Pricing

_INK, _PATH, _HAND, _FAINT = "#1f3b57", "#c8553d", "#588157", "#9aa5b1"


def draw(
    pricing: Pricing,
    changes: Sequence[PriceChange],
    target: Path | str,
    *,
    title: str,
    now: datetime,
) -> Path:
    """Write a picture; its format is that of the file's suffix (png, svg, pdf).

    Args:
        pricing: the rules as they are now.
        changes: the history, oldest first.
        target: the file.
        title: above it.
        now: right end of the history.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    require("plot", "matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - loads slowly
    from matplotlib.figure import Figure  # noqa: PLC0415 - loads matplotlib

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    if pricing.is_fixed:
        _history(figure.subplots(), changes, pricing, now)
    else:
        left, right = figure.subplots(1, 2)
        _curve(left, pricing, changes)
        _history(right, changes, pricing, now)
    path = Path(target)
    figure.savefig(path, dpi=150)
    return path


def _curve(axes: Any, pricing: Pricing, changes: Sequence[PriceChange]) -> None:  # noqa: ANN401 - matplotlib is an extra
    """The curve, level outside of its points; and each sync as metric and price."""
    synced = [c for c in changes if c.kind == "synced" and c.metric is not None]
    xs = [float(p.metric) for p in pricing.points]
    ys = [float(p.price) for p in pricing.points]
    seen = [*xs, *(float(c.metric) for c in synced if c.metric is not None)]
    margin = 0.08 * (max(seen) - min(seen))
    low, high = min(seen) - margin, max(seen) + margin
    axes.plot([low, *xs, high], [ys[0], *ys, ys[-1]], color=_INK, label="curve")
    axes.plot(xs, ys, "o", color=_INK, markersize=4)
    if synced:
        path = [(float(c.metric or 0), float(c.price or 0)) for c in synced]
        px, py = zip(*path, strict=True)
        axes.plot(px, py, "-", color=_PATH, linewidth=1)
        axes.plot(px[:-1], py[:-1], "o", color=_PATH, markersize=4, label="price at each sync")
        axes.plot(px[-1], py[-1], "D", color=_PATH, markersize=8, label="price now")
    axes.set(xlabel=pricing.metric, ylabel="US dollars", title="Curve, and the price's way to it")
    axes.set_xlim(low, high)
    _finish(axes)


def _history(axes: Any, changes: Sequence[PriceChange], pricing: Pricing, now: datetime) -> None:  # noqa: ANN401 - matplotlib is an extra
    """Steps of the price that follows, prices set by hand, and when sales were stopped."""
    _steps(
        axes, [(c.time, c.target) for c in changes if c.target is not None], now, "curve's price"
    )
    _steps(axes, list(followed(list(changes))), now, "price")
    hands = [c for c in changes if c.kind == "manual" and c.price is not None]
    for number, change in enumerate(hands):
        finish = min(change.until or now, now)
        label = "set by hand" if number == 0 else None
        axes.hlines(float(change.price or 0), change.time, finish, color=_HAND, lw=3, label=label)
    stops = [c.time for c in changes if c.kind == "stopped"]
    ends = [c.time for c in changes if c.kind == "resumed"]
    for number, start in enumerate(stops):
        end = ends[number] if number < len(ends) else now
        label = "stopped" if number == 0 else None
        axes.axvspan(start, end, color=_FAINT, alpha=0.3, lw=0, label=label)
    # Bounds far away would press everything else into a line.
    low, high = axes.get_ylim()
    for bound in {float(pricing.minimum), float(pricing.maximum)}:
        if low - (high - low) / 2 <= bound <= high + (high - low) / 2:
            axes.axhline(bound, color=_FAINT, linestyle=":", linewidth=1)
    axes.set(ylabel="US dollars", title="Price through time")
    axes.tick_params(axis="x", rotation=30)
    _finish(axes)


def _steps(axes: Any, found: Sequence[tuple[datetime, Decimal]], now: datetime, label: str) -> None:  # noqa: ANN401 - matplotlib is an extra
    if not found:
        return
    times, values = zip(*found, strict=True)
    levels = [float(value) for value in (*values, values[-1])]
    color, style = (_PATH, "-") if label == "price" else (_INK, "--")
    axes.step([*times, now], levels, where="post", color=color, linestyle=style, label=label)


def _finish(axes: Any) -> None:  # noqa: ANN401 - matplotlib has no types
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="#e6e9ed", linewidth=0.6)
    axes.legend(frameon=False, loc="best")
