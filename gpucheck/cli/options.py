"""Options that several commands share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from gpucheck.cli.errors import CallError

Function = TypeVar("Function", bound=Callable[..., Any])

FORMATS = ("terminal", "json", "html", "junit", "sarif", "csv", "prometheus")
"""Of reports; what else is shown comes as text for a terminal or as JSON."""
PLAIN_FORMATS = ("terminal", "json")
SIMULATE_VARIABLE = "GPUCHECK_SIMULATE"


class Seconds(click.FloatRange):
    """A span of time; ``nan``, which no limit would refuse, is none."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number, or tell what is wrong with it."""
        number = super().convert(value, param, ctx)
        return number if number == number else self.fail(f"{value!r} is not a number of seconds.", param, ctx)


def together(*options: Callable[[Any], Any]) -> Callable[[Function], Function]:
    """Bind several options into one decorator; help lists them in the given order."""

    def decorate(function: Function) -> Function:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


claim_option = click.option(
    "--claim", metavar="MODEL", help='What the card was sold as, such as "RTX 4090" or "RTX 3080 12GB".'
)

output_option = click.option(
    "-o", "--output", metavar="FILE", help="Write to FILE, whole or not at all; - is stdout (the default)."
)

result_options = together(
    click.option(
        "--format",
        "format_",
        type=click.Choice(FORMATS),
        help="terminal is the default. The end of FILE chooses: .json, .html, .xml (junit), .sarif, .csv, .prom.",
    ),
    output_option,
)

plain_result_options = together(
    click.option(
        "--format",
        "format_",
        type=click.Choice(PLAIN_FORMATS),
        help="terminal (the default), or json (the default where FILE ends in .json).",
    ),
    output_option,
)

machine_options = together(
    click.option("--device", metavar="N", multiple=True, help="Only this card: number, bus address or UUID."),
    click.option(
        "--simulate",
        metavar="SCENARIO",
        multiple=True,
        help="A simulated card instead of a real one: a name or a .toml file; 5:NAME is five of them. "
        f"Also by {SIMULATE_VARIABLE}.",
    ),
    click.option(
        "--vbios", metavar="FILE", help="The card's ROM, as nvflash or GPU-Z saved it; for one card at a time."
    ),
    click.option("--nvattest", is_flag=True, help="Let NVIDIA's tool nvattest ask a Blackwell die to attest (root)."),
)

depth_options = together(
    click.option("--quick", is_flag=True, help="Aims at 5 s a card instead of 30: shorter measurements, no load test."),
    click.option("--deep", is_flag=True, help="Minutes a card: longer measurements, more passes, pauses between."),
    click.option("--no-probe", is_flag=True, help="Run nothing on the card; read what it declares."),
    click.option(
        "--timeout",
        type=Seconds(min=0.1, max=86400),
        metavar="SECONDS",
        help="Limit for each stage. Default: by stage and mode, a minute or more; 10 for a simulated card.",
    ),
    click.option(
        "--seed", type=click.IntRange(min=0, max=(1 << 64) - 1), metavar="N", help="Repeat a memory walk with its seed."
    ),
    click.option(
        "--jobs",
        type=click.IntRange(min=1, max=256),
        default=8,
        show_default=True,
        metavar="N",
        help="Cards examined side by side.",
    ),
    click.option("-v", "--verbose", is_flag=True, help="Tell every stage on stderr."),
)


def exclusive(**flags: bool) -> None:
    """Refuse two options that contradict each other."""
    given = ["--" + name.replace("_", "-") for name, value in flags.items() if value]
    if len(given) > 1:
        raise CallError(f"{' and '.join(given)} exclude each other.", "Give one of them.")
