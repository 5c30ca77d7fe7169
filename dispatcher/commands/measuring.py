"""Measuring: what Prometheus would read, for a person or a script."""

import json
from typing import TYPE_CHECKING, Any

import click

from dispatcher.commands.saying import AS_JSON
from dispatcher.service import Service, as_ours, not_the_api, with_service

if TYPE_CHECKING:
    from prometheus_client.samples import Sample


@click.command()
@click.option("--prom", is_flag=True, help="As Prometheus gets it, with all that is 0.")
@AS_JSON
@with_service
def metrics(*, prom: bool, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- options
    """Print what Prometheus would read at the admin port: what is not 0, a line each."""
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415

    from dispatcher.contracts.metrics import UP  # noqa: PLC0415

    text = Service.found(**options, port="admin").text("/metrics")
    with as_ours():
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    if UP.name not in {sample.name for sample in samples}:
        not_the_api()
    if prom:
        click.echo(text, nl=False)
    elif as_json:
        click.echo(json.dumps([{"name": sample.name, "labels": sample.labels, "value": sample.value} for sample in samples]))
    else:
        click.echo("".join(_line(sample) for sample in samples if sample.value and not sample.name.endswith("_bucket")), nl=False)


def _line(sample: "Sample") -> str:
    return "  ".join((f"{sample.value:>14.10g}", sample.name, *(f"{name}={value}" for name, value in sample.labels.items()))) + "\n"
