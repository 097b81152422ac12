"""The commands `onegrid link ...`: the life of the linkage model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from onegrid.options import CONFIG, HOME
from onegrid.options import load as home_and_config

if TYPE_CHECKING:
    from pipelines.link.drift import Check
    from pipelines.link.frozen import Model


@click.group()
def link() -> None:
    """The frozen model that says which records are one person: train, list, choose, check."""


@link.command()
@click.option("--seed", type=int, help="Seed of the samples (default: the district's).")
@CONFIG
@HOME
def train(seed: int | None, config: Path | None, home: Path | None) -> None:
    """Train on the published night; the next night uses the model and compares everything anew."""
    from pipelines.link.bench import on_bench, train_on_bench  # noqa: PLC0415
    from pipelines.link.frozen import in_force  # noqa: PLC0415

    place, settings = home_and_config(home, config)
    with place.lock(), on_bench(place, settings) as bench:
        before = in_force(place)
        trained = train_on_bench(bench, place, seed)
    body = trained.body
    click.echo(
        f"{trained.version}, trained on night {bench.night}: {body['records']:,} records, "
        f"{body['open_records']:,} open, {body['decided_always']:,} pairs that people decided "
        f"are one, seed {body['seed']}"
    )
    if not body["is_fitted"]:
        click.echo("too few records to learn from: it keeps the parameters a model starts with")
    if trained.version == before:
        click.echo("the same as the one in force: nothing changes")
    else:
        click.echo(f"in force from the next night on, instead of {before or 'none'}")
    click.echo(f"charts: {trained.folder / 'charts.html'}")


@link.command()
@CONFIG
@HOME
def models(config: Path | None, home: Path | None) -> None:
    """List the models of this home, and which one nights use."""
    from rich.table import Table  # noqa: PLC0415

    from onegrid.show import OUT  # noqa: PLC0415
    from pipelines.errors import ModelUnusable  # noqa: PLC0415
    from pipelines.link.frozen import in_force, load, versions  # noqa: PLC0415

    place, _ = home_and_config(home, config)
    chosen = in_force(place)
    names = versions(place)
    table = Table("version", "in force", "night", "day", "records", "decisions")
    table.columns[0].no_wrap = True
    table.columns[3].no_wrap = True
    unusable = []
    found: list[tuple[int, Model | None, str]] = []
    for name in names:
        try:
            usable = load(place, name)
            found.append((usable.night, usable, name))
        except ModelUnusable as error:
            unusable.append(str(error))
            found.append((-1, None, name))
    for night, model, name in sorted(found, key=lambda item: (item[0], item[2])):
        mark = "[bold]yes[/]" if name == chosen else ""
        if model is None:
            table.add_row(name, mark, "", "[red]unusable[/]")
            continue
        body = model.body
        day, records = body["trained_on"]["day"], f"{body['records']:,}"
        table.add_row(name, mark, str(night), day, records, str(body["decided_always"]))
    if chosen and chosen not in names:
        unusable.append(f"{chosen} is in force, but {place.models / chosen} is not there")
    OUT.print(table)
    for reason in unusable:
        OUT.print(f"[yellow]{reason}[/]", soft_wrap=True)


@link.command()
@click.argument("version")
@CONFIG
@HOME
def use(version: str, config: Path | None, home: Path | None) -> None:
    """Let nights use the model VERSION from the next one on."""
    from pipelines.link.frozen import load, put_in_force  # noqa: PLC0415

    place, _ = home_and_config(home, config)
    with place.lock():
        put_in_force(place, load(place, version))
    click.echo(f"{version} is in force from the next night on, which compares everything anew")


@link.command()
@CONFIG
@HOME
def check(config: Path | None, home: Path | None) -> None:
    """Say whether the model in force still fits the published night, and how right it was."""
    from pipelines.errors import ModelUnusable  # noqa: PLC0415
    from pipelines.link import drift  # noqa: PLC0415
    from pipelines.link.bench import on_bench  # noqa: PLC0415
    from pipelines.link.charts import truth_curve, write_page  # noqa: PLC0415
    from pipelines.link.frozen import in_force, load  # noqa: PLC0415
    from pipelines.synth.trace import trace  # noqa: PLC0415

    place, settings = home_and_config(home, config)
    with place.lock(), on_bench(place, settings) as bench:
        version = in_force(place)
        if version is None:
            raise ModelUnusable(f"no model is in force in {place.models}: `onegrid link train`")
        frozen = load(place, version)
        found = drift.check(bench, frozen)
        curve = []
        if (place.root / "district" / "truth.duckdb").exists():
            trace(bench.con, place)
            curve = truth_curve(bench.con)
        limits = settings.district.linkage
        page = write_page(
            frozen, accept=limits.accept, review=limits.review, check=found, curve=curve
        )
    _show(frozen, found)
    click.echo(f"charts: {page}")


def _show(frozen: Model, found: Check) -> None:
    from rich.table import Table  # noqa: PLC0415

    from onegrid.show import OUT  # noqa: PLC0415

    title = f"{frozen.version} (night {frozen.night}) against night {found.night}"
    table = Table(
        "distribution", "index", "chance", "moved most", "then", "now", "", title=title,
        title_justify="left",
    )  # fmt: skip
    colours = {"keep": "green", "watch": "yellow", "retrain": "red"}
    for finding in found.findings:
        name, then, now = finding.most
        colour = colours.get(finding.verdict, "dim")
        table.add_row(
            *(finding.about, f"{finding.index:.3f}", f"{finding.chance:.3f}", name),
            *(f"{then:.2%}", f"{now:.2%}", f"[{colour}]{finding.verdict}[/]"),
        )
    OUT.print(table)
    OUT.print(f"names that the model never saw: {found.unknown_names:.1%} of those compared")
    if any(band.pairs for band in found.bands):
        OUT.print("of the pairs that people decided, the same person:")
    for band in found.bands:
        if band.pairs:
            low, high = band.interval
            OUT.print(
                f"  probability {band.low:g} – {band.high:g}: {band.always} of {band.pairs} "
                f"({band.always / band.pairs:.1%}, 95 % interval {low:.1%} – {high:.1%})"
            )
    OUT.print(f"[bold]{found.advice}[/]")
