"""``gpucheck scenarios``: the simulated cards that come with the program."""

import click


@click.group()
def scenarios() -> None:
    """Show the simulated cards for --simulate."""


@scenarios.command("list")
def list_() -> None:
    """List the shipped scenarios: name and title."""
    from gpucheck.simulation.library import load, names

    shipped = names()
    width = max(map(len, shipped), default=0)
    for name in shipped:
        click.echo(f"{name:<{width}}  {load(name).title}")


@scenarios.command(short_help="Print a scenario, a start for one's own.")
@click.argument("name")
def show(name: str) -> None:
    """Print the scenario NAME, or check the scenario file at a path and print it: a start for one's own."""
    from gpucheck.simulation import ScenarioError, card
    from gpucheck.simulation.library import find

    try:
        card(name)
    except ScenarioError as error:
        raise click.UsageError(" ".join(filter(None, (error.message, error.hint)))) from error
    click.echo(find(name).read_text(encoding="utf-8").rstrip())
